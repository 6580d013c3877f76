//! The agent over real gRPC, with a master and executors that say what the test wants.

mod world;

use agent::Options;
use kit::shutdown::CancellationToken;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use proffer_proto::v1::{
    AgentAcknowledge, AgentAcknowledgement, AgentKill, FileAction, FileRequest, OpenData, Ping, Pong, Refused,
    RefusedReason, TaskState, agent_data::Data, agent_message, executor_event::Event, master_message::Message,
};
use std::{fs, path::Path};
use world::{Executor, Master, Strays, get, launch, launch_custom, launch_fetched, options, pids, within};

#[tokio::test(flavor = "multi_thread")]
async fn a_task_goes_to_its_executor_and_its_updates_come_back() {
    let directory = tempfile::tempdir().unwrap();
    let _strays = Strays::of(directory.path());
    let mut master = Master::start().await;
    let running = agent::start(options(directory.path(), &[&master.address])).await.unwrap();
    assert_eq!(get(&running, "/health").await.0, 503);
    let (mut link, register) = master.admit(3).await;
    assert_eq!((&*register.agent_id, register.epoch), ("", 0));
    let info = register.agent.unwrap();
    assert_eq!((&*info.hostname, info.address), ("host-1", running.address.to_string()));

    link.say(3, launch(&["a", "b"])).await;
    let environment = Executor::environment(directory.path(), None).await;
    let mut executor = Executor::attach(&environment, &[]).await;
    let Ok(Event::Subscribed(subscribed)) = executor.hear().await else { panic!("it is not welcome") };
    assert_eq!((&*subscribed.agent_id, subscribed.kill_grace_ms), ("agent-1", 5000));
    let Ok(Event::Launch(launched)) = executor.hear().await else { panic!("it gets no tasks") };
    let sandbox = directory.path().canonicalize().unwrap().join("sandboxes/f/a");
    assert_eq!(launched.tasks[0].sandbox, sandbox.to_str().unwrap());
    assert!(!launched.tasks[0].adopt);

    executor.report(1, "a", TaskState::TaskRunning).await;
    assert_eq!(link.updates().await, ["a#1 TASK_RUNNING"]);
    let Ok(Event::Acknowledged(safe)) = executor.hear().await else { panic!("the update is not safe") };
    assert_eq!((&*safe.acknowledgements[0].task_id, safe.acknowledgements[0].number), ("a", 1));

    let task_ids = vec!["a".to_owned()];
    link.say(
        3,
        Message::Kill(AgentKill { framework_id: "f".to_owned(), task_ids, grace_ms: Some(7), max_grace_ms: None }),
    )
    .await;
    let Ok(Event::Kill(killed)) = executor.hear().await else { panic!("the kill is lost") };
    assert_eq!((killed.task_ids, killed.grace_ms), (vec!["a".to_owned()], Some(7)));

    let (code, state) = get(&running, "/api/v1/state").await;
    let state: serde_json::Value = serde_json::from_str(&state).unwrap();
    assert_eq!((code, &state["used"], &state["tasks"][0]["state"]), (200, &"cpus:2".into(), &"RUNNING".into()));
    assert_eq!(get(&running, "/health").await.0, 200);
    let (_, metrics) = get(&running, "/metrics").await;
    assert!(metrics.contains("proffer_agent_tasks{state=\"RUNNING\"} 1"), "{metrics}");
    assert_eq!(get(&running, "/nothing").await.0, 404);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_outlive_the_agent() {
    let directory = tempfile::tempdir().unwrap();
    let _strays = Strays::of(directory.path());
    let mut master = Master::start().await;
    let running = agent::start(options(directory.path(), &[&master.address])).await.unwrap();
    let (mut link, _) = master.admit(1).await;
    link.say(1, launch(&["a"])).await;
    let environment = Executor::environment(directory.path(), None).await;
    let mut executor = Executor::attach(&environment, &[]).await;
    executor.hear().await.unwrap();
    executor.hear().await.unwrap();
    executor.report(1, "a", TaskState::TaskRunning).await;
    link.updates().await;
    running.stop().await;
    link.ends().await;
    let before = pids(&directory.path().join("run"));

    let running = agent::start(options(directory.path(), &[&master.address])).await.unwrap();
    let (mut link, register) = master.admit(1).await;
    assert_eq!((&*register.agent_id, &*register.cluster_id, register.epoch), ("agent-1", "cluster-1", 1));
    assert_eq!(register.tasks[0].task_id, "a");
    assert_eq!(register.tasks[0].unacknowledged[0].sequence, 1);
    let mut executor = Executor::attach(&environment, &["a"]).await;
    assert!(matches!(executor.hear().await, Ok(Event::Subscribed(_))));
    executor.report(2, "a", TaskState::TaskFinished).await;
    assert_eq!(link.updates().await, ["a#2 TASK_FINISHED"]);
    assert_eq!(pids(&directory.path().join("run")), before);
    let acknowledgement = AgentAcknowledgement { framework_id: "f".to_owned(), task_id: "a".to_owned(), sequence: 2 };
    link.say(1, Message::Acknowledge(AgentAcknowledge { acknowledgements: vec![acknowledgement] })).await;
    link.say(1, Message::Ping(Ping { number: 9 })).await;
    assert_eq!(link.hear().await, agent_message::Message::Pong(Pong { number: 9 }));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_executor_is_replaced_and_its_tasks_are_adopted() {
    let directory = tempfile::tempdir().unwrap();
    let _strays = Strays::of(directory.path());
    let mut master = Master::start().await;
    let running = agent::start(options(directory.path(), &[&master.address])).await.unwrap();
    let (link, _) = master.admit(1).await;
    link.say(1, launch(&["a"])).await;
    let environment = Executor::environment(directory.path(), None).await;
    let mut executor = Executor::attach(&environment, &[]).await;
    executor.hear().await.unwrap();
    executor.hear().await.unwrap();
    drop(executor);
    kill(Pid::from_raw(pids(&directory.path().join("run"))[0]), Signal::SIGKILL).unwrap();
    let token = &environment["PROFFER_EXECUTOR_TOKEN"];
    let renewed = Executor::environment(directory.path(), Some(token)).await;
    let mut stale = Executor::attach(&environment, &["a"]).await;
    assert_eq!(stale.hear().await.unwrap_err().code(), tonic::Code::FailedPrecondition);
    let mut executor = Executor::attach(&renewed, &[]).await;
    executor.hear().await.unwrap();
    let Ok(Event::Launch(launched)) = executor.hear().await else { panic!("it gets no tasks") };
    assert!(launched.tasks[0].adopt);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_executor_hears_what_is_wrong_with_its_message() {
    let directory = tempfile::tempdir().unwrap();
    let _strays = Strays::of(directory.path());
    let mut master = Master::start().await;
    let running = agent::start(options(directory.path(), &[&master.address])).await.unwrap();
    let (link, _) = master.admit(1).await;
    link.say(1, launch(&["a"])).await;
    let environment = Executor::environment(directory.path(), None).await;
    let mut executor = Executor::attach(&environment, &[]).await;
    executor.hear().await.unwrap();
    executor.hear().await.unwrap();
    executor.report(1, "", TaskState::TaskRunning).await;
    let status = executor.hear().await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::InvalidArgument);
    assert!(status.message().contains("task_id"), "{status}");
    let mut executor = Executor::attach(&environment, &["a"]).await;
    assert!(matches!(executor.hear().await, Ok(Event::Subscribed(_))), "it may come back");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_leader_is_found_through_a_standby_and_found_again() {
    let directory = tempfile::tempdir().unwrap();
    let mut leader = Master::start().await;
    let standby = Master::standby(&leader.address).await;
    let running = agent::start(options(directory.path(), &[&standby.address])).await.unwrap();
    let (link, _) = leader.admit(5).await;
    drop(link);
    let (mut link, register) = leader.admit(5).await;
    assert_eq!((&*register.agent_id, register.epoch), ("agent-1", 5));
    // What an old leader still has in its buffers is not obeyed.
    link.say(4, launch(&["a"])).await;
    link.ends().await;
    let (_, register) = leader.link().await;
    assert!(register.tasks.is_empty());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_go_over_a_stream_of_their_own() {
    let directory = tempfile::tempdir().unwrap();
    let mut master = Master::start().await;
    let running = agent::start(options(directory.path(), &[&master.address])).await.unwrap();
    let (link, _) = master.admit(1).await;
    let sandbox = directory.path().join("sandboxes/f/a");
    fs::create_dir_all(&sandbox).unwrap();
    fs::write(sandbox.join("stdout"), vec![b'x'; 100_000]).unwrap();
    let open = |token: &str, path: &str, action: FileAction| {
        Message::OpenData(OpenData {
            token: token.to_owned(),
            request: Some(FileRequest {
                framework_id: "f".to_owned(),
                task_id: "a".to_owned(),
                path: path.to_owned(),
                action: action.into(),
                offset: 0,
                length: 0,
                agent_id: String::new(),
            }),
        })
    };
    link.say(1, open("one", "", FileAction::List)).await;
    assert!(matches!(master.data().await, Data::Header(header) if header.token == "one"));
    let listed = master.data().await;
    assert!(matches!(&listed, Data::Chunk(chunk) if chunk.entries[0].path == "stdout"), "{listed:?}");
    link.say(1, open("two", "stdout", FileAction::Follow)).await;
    assert!(matches!(master.data().await, Data::Header(header) if header.token == "two"));
    let mut read = 0;
    while read < 100_000 {
        let Data::Chunk(chunk) = master.data().await else { panic!("the file cannot be read") };
        read += chunk.bytes.len();
        assert_eq!(chunk.offset as usize, read);
    }
    link.say(1, open("three", "nothing", FileAction::Read)).await;
    assert!(matches!(master.data().await, Data::Header(header) if header.token == "three"));
    assert!(matches!(master.data().await, Data::Error(error) if error.not_found));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_ends_with_an_agent_that_is_told_so() {
    let directory = tempfile::tempdir().unwrap();
    let _strays = Strays::of(directory.path());
    let mut master = Master::start().await;
    let mut options = options(directory.path(), &[&master.address]);
    options.stop_tasks = true;
    let running = agent::start(options).await.unwrap();
    let (mut link, _) = master.admit(1).await;
    link.say(1, launch(&["a"])).await;
    let environment = Executor::environment(directory.path(), None).await;
    let mut executor = Executor::attach(&environment, &[]).await;
    executor.hear().await.unwrap();
    executor.hear().await.unwrap();
    let pid = Pid::from_raw(pids(&directory.path().join("run"))[0]);
    let stopping = tokio::spawn(running.stop());
    assert!(matches!(executor.hear().await, Ok(Event::Kill(kill)) if kill.task_ids == ["a"]));
    executor.report(1, "a", TaskState::TaskKilled).await;
    assert_eq!(link.updates().await, ["a#1 TASK_KILLED"]);
    assert!(matches!(executor.hear().await, Ok(Event::Acknowledged(_))));
    assert!(matches!(executor.hear().await, Ok(Event::Shutdown(_))));
    kill(pid, Signal::SIGTERM).unwrap();
    drop(executor);
    within("the agent's end", stopping).await.unwrap();
    assert!(kill(pid, None).is_err(), "the executor is gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_is_gone_ends_its_tasks_and_itself_until_it_is_to_join_anew() {
    let directory = tempfile::tempdir().unwrap();
    let _strays = Strays::of(directory.path());
    let mut master = Master::start().await;
    let options = options(directory.path(), &[&master.address]);
    let running = tokio::spawn(agent::run(options.clone(), CancellationToken::new()));
    let (link, _) = master.admit(1).await;
    link.say(1, launch(&["a"])).await;
    let environment = Executor::environment(directory.path(), None).await;
    let mut executor = Executor::attach(&environment, &[]).await;
    executor.hear().await.unwrap();
    executor.hear().await.unwrap();
    executor.report(1, "a", TaskState::TaskRunning).await;
    let message = "agent agent-1 was marked gone by an operator".to_owned();
    link.say(1, Message::Refused(Refused { reason: RefusedReason::Gone.into(), message: message.clone() })).await;
    loop {
        match executor.hear().await.unwrap() {
            Event::Kill(kill) => break assert_eq!(kill.task_ids, ["a"]),
            Event::Acknowledged(_) => {}
            other => panic!("{other:?}"),
        }
    }
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert!(!running.is_finished(), "its task still runs");
    let pid = Pid::from_raw(pids(&directory.path().join("run"))[0]);
    executor.report(2, "a", TaskState::TaskKilled).await;
    let error = within("the end of the agent", running).await.unwrap().unwrap_err();
    assert!(error.is_final() && error.to_string().starts_with(&message), "{error}");
    for what in ["--join-anew", directory.path().canonicalize().unwrap().to_str().unwrap()] {
        assert!(error.to_string().contains(what), "{error}");
    }
    assert!(kill(pid, None).is_err(), "the executor is gone");

    let again = within("the end", agent::run(options.clone(), CancellationToken::new())).await;
    assert!(again.unwrap_err().is_final());
    assert!(!master.has_link(), "nobody asks the master anew");
    let running = agent::start(Options { join_anew: true, ..options.clone() }).await.unwrap();
    let (mut link, register) = master.admit(1).await;
    assert_eq!((&*register.agent_id, &*register.cluster_id, register.tasks.len()), ("", "cluster-1", 0));
    link.say(1, Message::Ping(Ping { number: 9 })).await;
    assert_eq!(link.hear().await, agent_message::Message::Pong(Pong { number: 9 }));
    running.stop().await;
    // It is another agent now.
    let running = agent::start(options).await.unwrap();
    assert_eq!(master.admit(1).await.1.agent_id, "agent-1");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_used_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let running = agent::start(options(directory.path(), &["127.0.0.1:1"])).await.unwrap();
    let failure = async |change: &dyn Fn(&mut agent::Options)| {
        let other = tempfile::tempdir().unwrap();
        let mut options = options(other.path(), &["127.0.0.1:1"]);
        change(&mut options);
        let error = agent::start(options).await.err().expect("this cannot start");
        assert!(error.is_misuse(), "{error}");
        kit::exit::chain(&error)
    };
    let path = directory.path();
    assert!(failure(&|options| options.dir = path.to_owned()).await.starts_with("another agent runs in"));
    assert!(failure(&|options| options.dir = "/dev/null/agent".into()).await.contains("/dev/null/agent"));
    assert!(failure(&|options| options.resources = Some("cpus:x".to_owned())).await.starts_with("--resources: "));
    assert!(failure(&|options| options.attributes = "rack".to_owned()).await.starts_with("--attributes: "));
    let taken = running.address;
    assert!(failure(&|options| options.listen = taken).await.contains("taken"));
    assert!(failure(&|options| options.gc_disk_headroom = 2.0).await.starts_with("--gc-disk-headroom: "));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_custom_executor_runs_in_its_sandbox_and_its_end_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let _strays = Strays::of(directory.path());
    let mut master = Master::start().await;
    let running = agent::start(options(directory.path(), &[&master.address])).await.unwrap();
    let (mut link, _) = master.admit(1).await;
    link.say(1, launch_custom("echo it is $PROFFER_EXECUTOR_ID in $PWD; exit 3", &["a"])).await;
    let agent_message::Message::Updates(updates) = link.hear().await else { panic!("no updates") };
    let status = updates.updates[0].status.clone().unwrap();
    assert_eq!((status.state(), &*status.message), (TaskState::TaskFailed, "the executor ended: exited with 3"));
    let agent_message::Message::ExecutorExited(exited) = link.hear().await else { panic!("its end is not told") };
    assert_eq!((&*exited.executor_id, &*exited.message), ("mine", "exited with 3"));
    let sandbox = directory.path().canonicalize().unwrap().join("executors/f/mine");
    let output = fs::read_to_string(sandbox.join("stdout")).unwrap();
    assert_eq!(output, format!("it is mine in {}\n", sandbox.display()));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_executor_that_cannot_be_started_fails_its_tasks() {
    let directory = tempfile::tempdir().unwrap();
    let mut master = Master::start().await;
    let running = agent::start(options(directory.path(), &[&master.address])).await.unwrap();
    let (mut link, _) = master.admit(1).await;
    fs::write(directory.path().join("executors/f"), "a file where a directory should be").unwrap();
    link.say(1, launch_custom("true", &["a"])).await;
    let agent_message::Message::Updates(updates) = link.hear().await else { panic!("no updates") };
    let status = updates.updates[0].status.clone().unwrap();
    assert_eq!(status.state(), TaskState::TaskFailed);
    assert!(status.message.starts_with("the executor ended: it cannot be started: "), "{}", status.message);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deep_work_directory_gets_a_short_socket() {
    let directory = tempfile::tempdir().unwrap();
    let deep = directory.path().join("x".repeat(100));
    let _strays = Strays::of(&deep);
    let mut master = Master::start().await;
    let running = agent::start(options(&deep, &[&master.address])).await.unwrap();
    let (link, _) = master.admit(1).await;
    link.say(1, launch(&["a"])).await;
    let environment = Executor::environment(&deep, None).await;
    assert!(environment["PROFFER_AGENT_SOCKET"].starts_with("/tmp/proffer-"));
    let mut executor = Executor::attach(&environment, &[]).await;
    assert!(matches!(executor.hear().await, Ok(Event::Subscribed(_))));
    running.stop().await;
    assert!(!fs::exists(&environment["PROFFER_AGENT_SOCKET"]).unwrap(), "nothing is left outside of its directory");
}

#[tokio::test(flavor = "multi_thread")]
async fn executors_of_other_users_reach_an_agent_that_was_started_again() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    for path in [directory.path().join("agent"), directory.path().join("x".repeat(100))] {
        let mut before = None;
        for _ in 0..2 {
            let _strays = Strays::of(&path);
            let mut master = Master::start().await;
            let running = agent::start(options(&path, &[&master.address])).await.unwrap();
            let (link, _) = master.admit(1).await;
            link.say(1, launch(&["a"])).await;
            let environment = Executor::environment(&path, before.as_deref()).await;
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            let socket = Path::new(&environment["PROFFER_AGENT_SOCKET"]);
            let open = if nix::unistd::geteuid().is_root() { 0o666 } else { 0o600 };
            assert_eq!((mode(socket), mode(socket.parent().unwrap())), (open, 0o711));
            before = environment.get("PROFFER_EXECUTOR_TOKEN").cloned();
            running.stop().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_custom_executor_leaves_behind_ends_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let left = directory.path().join("left");
    let mut master = Master::start().await;
    let running = agent::start(options(directory.path(), &[&master.address])).await.unwrap();
    let (mut link, _) = master.admit(1).await;
    let line = format!("sleep 1000 & echo $! > {}; exit 3", left.display());
    link.say(1, launch_custom(&line, &["a"])).await;
    assert_eq!(link.updates().await, ["a#1 TASK_FAILED"]);
    let pid: i32 = fs::read_to_string(&left).unwrap().trim().parse().unwrap();
    let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_else(|_| ") Z".to_owned());
    assert!(state[state.rfind(')').unwrap()..].starts_with(") Z"), "it runs on: {state}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_custom_executor_that_is_killed_while_it_is_fetched_does_not_start() {
    let directory = tempfile::tempdir().unwrap();
    let started = directory.path().join("started");
    let (silent, address) = kit::listen::tcp(([127, 0, 0, 1], 0).into(), false).await.unwrap();
    let mut master = Master::start().await;
    let mut options = options(directory.path(), &[&master.address]);
    options.executor_registration_timeout = std::time::Duration::ZERO;
    let running = agent::start(options).await.unwrap();
    let (mut link, _) = master.admit(1).await;
    let line = format!("touch {}", started.display());
    link.say(1, launch_fetched(&line, &format!("http://{address}/never"), &["a"])).await;
    assert_eq!(link.updates().await, ["a#1 TASK_FAILED"]);
    let agent_message::Message::ExecutorExited(exited) = link.hear().await else { panic!("its end is not told") };
    assert_eq!(exited.message, "it cannot be started: it was told to end before");
    drop(silent);
    let run: Vec<_> = fs::read_dir(directory.path().join("run/f/mine")).unwrap().collect();
    assert!(run.is_empty() && !started.exists(), "{run:?}");
    running.stop().await;
}
