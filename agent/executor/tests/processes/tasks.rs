//! What tasks get, and how they end.

use crate::{
    harness::tests,
    world::{World, children, program, shell, until, until_gone},
};
use agent_executor::isolation::{Choice, Isolation};
use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, Uid},
};
use proffer_proto::v1::executor_event::Event as Wire;
use proto_types::{
    TaskInfo, TaskState,
    health::{HealthCheck, Probe},
    status::Reason,
    task::{Command, Rlimit},
};
use std::{fs, os::unix::fs::PermissionsExt, time::Duration};

tests! {
    a_task_gets_its_place_and_environment,
    another_user_owns_its_place_and_output,
    arguments_and_limits_are_as_asked_for,
    an_end_is_told_as_it_was,
    what_cannot_be_started_says_why,
    a_kill_is_hard_after_the_grace_and_spares_nobody,
    what_left_its_group_ends_with_its_task,
    a_task_that_takes_too_much_memory_fails,
    memory_that_a_task_leaves_is_not_the_next_ones,
    what_was_killed_for_want_of_memory_is_not_the_next_ones,
    a_cgroup_whose_helper_was_killed_is_not_used,
    many_tasks_at_once_all_end,
    an_unhealthy_task_is_told_and_killed,
    a_group_that_cannot_start_whole_does_not_run,
    a_task_that_cannot_be_read_fails_alone,
    many_large_tasks_come_as_one_message,
}

async fn a_task_gets_its_place_and_environment() {
    let mut world = World::new().await;
    let mut task = shell("t", "pwd; env | sort; echo oops >&2");
    task.command.environment.insert("MINE".to_owned(), "yes".to_owned());
    let status = world.outcome(task).await;
    assert_eq!((status.state, status.exit_code), (TaskState::Finished, Some(0)));
    let said = world.file("t", "stdout");
    let sandbox = world.sandbox("t").display().to_string();
    assert_eq!(said.lines().next(), Some(sandbox.as_str()));
    for variable in [
        "MINE=yes",
        "PORT0=31000",
        "PORTS=31000,31001",
        "PROFFER_AGENT_ID=agent",
        "PROFFER_CPUS=0.5",
        "PROFFER_FRAMEWORK_ID=framework",
        "PROFFER_HOSTNAME=host",
        "PROFFER_MEM=64",
        "PROFFER_TASK_ID=t",
        &format!("PROFFER_SANDBOX={sandbox}"),
    ] {
        assert!(said.lines().any(|line| line == variable), "{variable} in\n{said}");
    }
    assert!(said.lines().any(|line| line.starts_with("PATH=")), "{said}");
    assert!(!said.contains("PROFFER_EXECUTOR_TOKEN"), "the executor's own secrets stay with it");
    assert_eq!(world.file("t", "stderr"), "oops\n");
    world.end().await;
}

async fn another_user_owns_its_place_and_output() {
    if !Uid::effective().is_root() {
        println!("only root starts tasks as another user: nothing to test");
        return;
    }
    let mut world = World::new().await;
    // The way to the sandbox is open, as an agent has it.
    fs::set_permissions(world.place.path(), fs::Permissions::from_mode(0o711)).unwrap();
    let mut task = shell("t", "id -un; echo again >> /dev/stdout; echo oops > /dev/stderr; echo mine > mine");
    task.command.user = Some("nobody".to_owned());
    let status = world.outcome(task).await;
    assert_eq!((world.file("t", "stderr"), status.state), ("oops\n".to_owned(), TaskState::Finished));
    assert_eq!(
        (world.file("t", "stdout"), world.file("t", "mine")),
        ("nobody\nagain\n".to_owned(), "mine\n".to_owned())
    );
    world.end().await;
}

async fn arguments_and_limits_are_as_asked_for() {
    let mut world = World::new().await;
    let mut task =
        program("t", "sh", &["-c", "printf '%s|' \"$@\" $(ulimit -Sn) $(ulimit -Hn) $(pwd)", "sh", "a b", "$c"]);
    task.command.rlimits = vec![Rlimit { name: "NOFILE".to_owned(), soft: Some(100), hard: Some(200) }];
    task.command.working_directory = Some("inner".to_owned());
    let inner = world.sandbox("t").join("inner");
    fs::create_dir_all(&inner).unwrap();
    assert_eq!(world.outcome(task).await.state, TaskState::Finished);
    assert_eq!(world.file("t", "stdout"), format!("a b|$c|100|200|{}|", inner.display()));
    world.end().await;
}

async fn an_end_is_told_as_it_was() {
    let mut world = World::new().await;
    let status = world.outcome(shell("code", "exit 3")).await;
    assert_eq!((status.state, status.exit_code), (TaskState::Failed, Some(3)));
    assert_eq!((status.reason, &*status.message), (Some(Reason::CommandExecutorFailed), "exited with code 3"));
    let status = world.outcome(shell("signal", "kill -KILL $$")).await;
    assert_eq!((status.state, status.signal), (TaskState::Failed, Some(9)));
    assert!(status.message.contains("signal 9 (SIGKILL)"), "{}", status.message);
    let status = world.outcome(shell("real-time", "kill -40 $$")).await;
    assert_eq!((status.state, status.signal), (TaskState::Failed, Some(40)));
    world.end().await;
}

async fn what_cannot_be_started_says_why() {
    let mut world = World::new().await;
    let inside = |command: Command| Command { value: "true".to_owned(), ..command };
    let missing_user = inside(Command { user: Some("no-such-user".to_owned()), ..Command::default() });
    let missing_place = inside(Command { working_directory: Some("none".to_owned()), ..Command::default() });
    let not_executable = Command { value: "/etc/passwd".to_owned(), ..Command::default() };
    let nope = Command { value: "nope".to_owned(), ..Command::default() };
    for (name, command, words) in [
        ("a", nope, "cannot execute \"nope\": No such file or directory"),
        ("b", not_executable, "cannot execute \"/etc/passwd\": Permission denied"),
        ("c", missing_user, "there is no user \"no-such-user\" on this agent"),
        ("d", missing_place, "No such file or directory"),
    ] {
        let mut task = shell(name, "");
        task.command = command;
        let status = world.outcome(task).await;
        assert_eq!((status.state, status.reason), (TaskState::Failed, Some(Reason::ContainerLaunchFailed)), "{name}");
        assert!(status.message.contains(words), "{name}: {}", status.message);
    }
    let blocked = world.sandbox("f");
    fs::create_dir_all(blocked.parent().unwrap()).unwrap();
    fs::write(&blocked, "not a directory").unwrap();
    let status = world.outcome(shell("f", "true")).await;
    assert!(status.message.contains("cannot make the sandbox"), "{}", status.message);
    assert_eq!(world.outcome(shell("g", "true")).await.state, TaskState::Finished, "others are not disturbed");
    world.end().await;
}

async fn a_kill_is_hard_after_the_grace_and_spares_nobody() {
    let mut world = World::new().await;
    world.launch(shell("polite", "trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.01; done")).await;
    world.said("polite", "stdout").await;
    world.kill("polite", Duration::from_secs(60)).await;
    let status = world.end_of("polite").await;
    assert_eq!((status.state, status.exit_code), (TaskState::Killed, Some(7)));
    assert_eq!(world.file("polite", "stdout"), "ready\nbye\n");

    world.launch(shell("deaf", "trap '' TERM; sleep 1000 & echo $!; while :; do sleep 0.01; done")).await;
    let child = world.said("deaf", "stdout").await.parse().unwrap();
    world.kill("deaf", Duration::from_millis(50)).await;
    let status = world.end_of("deaf").await;
    assert_eq!((status.state, status.signal), (TaskState::Killed, Some(9)));
    until_gone(child).await;
    world.end().await;
}

async fn what_left_its_group_ends_with_its_task() {
    if !has_cgroups() {
        return;
    }
    let mut world = World::new().await;
    let status = world
        .outcome(shell(
            "t",
            "setsid sh -c 'echo $$ > pid; exec sleep 1000' & \
        while ! test -s pid; do sleep 0.01; done",
        ))
        .await;
    assert_eq!(status.state, TaskState::Finished);
    until_gone(world.file("t", "pid").trim().parse().unwrap()).await;
    world.end().await;
}

async fn a_task_that_takes_too_much_memory_fails() {
    if !has_cgroups() {
        return;
    }
    let mut world = World::new().await;
    let mut task = shell("t", "a=x; while :; do a=$a$a; done");
    task.resources = "cpus:0.5;mem:32".parse().unwrap();
    let status = world.outcome(task).await;
    assert_eq!((status.state, status.reason), (TaskState::Failed, Some(Reason::ContainerLimitationMemory)));
    assert!(status.message.contains("32 MiB"), "{}", status.message);
    let status = world.outcome(shell("u", "kill -KILL $$")).await;
    assert_eq!(status.reason, Some(Reason::CommandExecutorFailed), "its cgroup was used before");
    world.end().await;
}

async fn memory_that_a_task_leaves_is_not_the_next_ones() {
    if !has_cgroups() {
        return;
    }
    let mut world = World::new().await;
    let files = tempfile::tempdir_in("/dev/shm").unwrap();
    for name in ["a", "b"] {
        let file = files.path().join(name).display().to_string();
        let status = world.outcome(shell(name, &format!("head -c 40000000 /dev/zero > {file}"))).await;
        assert_eq!(status.state, TaskState::Finished, "{name}: {}", status.message);
    }
    world.end().await;
}

async fn what_was_killed_for_want_of_memory_is_not_the_next_ones() {
    if !has_cgroups() {
        return;
    }
    let mut world = World::new().await;
    let mut task = shell("t", "tail /dev/zero; exit 0");
    task.resources = "cpus:0.5;mem:32".parse().unwrap();
    assert_eq!(world.outcome(task).await.state, TaskState::Finished, "only its child is killed");
    let status = world.outcome(shell("u", "kill -KILL $$")).await;
    assert_eq!(status.reason, Some(Reason::CommandExecutorFailed), "{}", status.message);
    world.end().await;
}

async fn a_cgroup_whose_helper_was_killed_is_not_used() {
    if !has_cgroups() {
        return;
    }
    let mut world = World::new().await;
    world.outcome(shell("t", "exit 0")).await;
    let launcher = world.launcher_pid();
    let nurseries = children(launcher);
    for nursery in &nurseries {
        kill(Pid::from_raw(*nursery), Signal::SIGKILL).unwrap();
    }
    // A start that is under way when its nursery dies must not be tried again; this one comes after.
    until("their ends are noticed", || !children(launcher).iter().any(|child| nurseries.contains(child))).await;
    let status = world.outcome(shell("u", "exit 6")).await;
    assert_eq!(status.exit_code, Some(6), "{}", status.message);
    let mut busy = shell("v", "echo; exec sleep 1000");
    busy.kill_grace = Some(Duration::ZERO);
    world.launch(busy).await;
    world.said("v", "stdout").await;
    for child in children(launcher) {
        kill(Pid::from_raw(child), Signal::SIGKILL).unwrap();
    }
    assert_eq!(world.end_of("v").await.signal, Some(9));
    assert_eq!(world.outcome(shell("w", "exit 7")).await.exit_code, Some(7), "{}", status.message);
    world.end().await;
}

async fn many_tasks_at_once_all_end() {
    for isolation in [Choice::Auto, Choice::Posix] {
        let mut world = World::with_isolation(isolation).await;
        let tasks: Vec<_> =
            (0..200).map(|number| shell(&format!("t{number}"), &format!("exit {}", number % 2))).collect();
        world.launch_all(tasks, false, false).await;
        for number in 0..200 {
            let status = world.end_of(&format!("t{number}")).await;
            assert_eq!(status.exit_code, Some(number % 2), "t{number}");
        }
        world.end().await;
    }
}

async fn an_unhealthy_task_is_told_and_killed() {
    let mut world = World::new().await;
    let probe =
        Probe::Command { command: vec!["test -e well".to_owned()], shell: true, environment: Default::default() };
    let mut task = shell("t", "touch well; echo; exec sleep 1000");
    task.health_check = Some(HealthCheck {
        probe,
        delay: Duration::ZERO,
        interval: Duration::from_millis(50),
        timeout: Duration::from_secs(20),
        grace_period: Duration::ZERO,
        consecutive_failures: 3,
    });
    // Until the file is there a probe may fail, but not three in a row.
    fs::create_dir_all(world.sandbox("t")).unwrap();
    fs::write(world.sandbox("t").join("well"), "").unwrap();
    world.launch(task).await;
    world.said("t", "stdout").await;
    world.until_reported("t", |status| status.healthy == Some(true)).await;
    let well = world.sandbox("t").join("well");
    until("the file is there", || well.exists()).await;
    fs::remove_file(&well).unwrap();
    world.until_reported("t", |status| status.healthy == Some(false)).await;
    let status = world.end_of("t").await;
    assert_eq!(status.state, TaskState::Killed);
    assert!(status.message.contains("health check failed: exited with code 1"), "{}", status.message);
    world.end().await;
}

async fn a_group_that_cannot_start_whole_does_not_run() {
    let mut world = World::new().await;
    world.launch_all(vec![shell("a", "exec sleep 1000"), program("b", "nope", &[])], true, false).await;
    assert_eq!(world.end_of("b").await.reason, Some(Reason::ContainerLaunchFailed));
    assert_eq!(world.end_of("a").await.state, TaskState::Killed);
    world.end().await;
}

async fn a_task_that_cannot_be_read_fails_alone() {
    let mut world = World::new().await;
    for group in [false, true] {
        let [bad, good] = ["bad", "good"].map(|name| format!("{name}-{group}"));
        let mut launch = world.wire_launch(vec![shell(&bad, "exit 0"), shell(&good, "exit 0")], group);
        launch.tasks[0].sandbox = "relative".to_owned();
        world.tell(Wire::Launch(launch)).await;
        let status = world.end_of(&bad).await;
        assert_eq!((status.state, status.reason), (TaskState::Error, Some(Reason::TaskInvalid)));
        assert!(status.message.contains("sandbox"), "{}", status.message);
        let expected = if group { TaskState::Error } else { TaskState::Finished };
        assert_eq!(world.end_of(&good).await.state, expected);
    }
    world.end().await;
}

async fn many_large_tasks_come_as_one_message() {
    let mut world = World::new().await;
    let names: Vec<String> = (0..12).map(|number| format!("t{number}")).collect();
    let large = |name: &String| TaskInfo { data: vec![b'x'; 450_000], ..shell(name, "exit 0") };
    world.launch_all(names.iter().map(large).collect(), false, false).await;
    for name in &names {
        assert_eq!(world.end_of(name).await.state, TaskState::Finished);
    }
    world.end().await;
}

fn has_cgroups() -> bool {
    let isolation = Isolation::detect(Choice::Auto).unwrap();
    let has = matches!(isolation, Isolation::Cgroups(_));
    if !has {
        println!("no cgroups may be made here ({isolation}): nothing to test");
    }
    has
}
