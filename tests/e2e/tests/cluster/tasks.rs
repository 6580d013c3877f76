//! Processes as tasks.

use anyhow::Result;
use e2e::{
    cluster::Plan,
    scheduler::{Scheduler, shell},
};
use proffer_proto::v1::{
    Command, HealthCheck, KillRequest, Launch, Operation, Reason, Rlimit, TaskInfo, TaskState, TcpProbe, Uri,
    health_check, operation,
};
use std::io::Write;

#[tokio::test]
async fn a_process_runs_and_its_output_stays() -> Result<()> {
    let cluster = Plan::agents(1, "cpus:2;mem:512").start().await?;
    let mut scheduler = Scheduler::subscribe(&cluster.address, "e2e").await?;
    scheduler.run(shell("hello", "echo hello from $PROFFER_TASK_ID; echo oops >&2")).await?;
    let status = scheduler.reaches("hello", TaskState::TaskFinished).await?;
    assert_eq!(status.exit_code, Some(0));
    let sandbox = sandbox(&cluster, &scheduler, "hello");
    assert_eq!(std::fs::read_to_string(sandbox.join("stdout"))?, "hello from hello\n");
    assert_eq!(std::fs::read_to_string(sandbox.join("stderr"))?, "oops\n");
    Ok(())
}

#[tokio::test]
async fn an_exit_code_is_told() -> Result<()> {
    let cluster = Plan::agents(1, "cpus:2;mem:512").start().await?;
    let mut scheduler = Scheduler::subscribe(&cluster.address, "e2e").await?;
    scheduler.run(shell("three", "exit 3")).await?;
    let status = scheduler.reaches("three", TaskState::TaskFailed).await?;
    assert_eq!((status.exit_code, status.reason()), (Some(3), Reason::CommandExecutorFailed));
    Ok(())
}

#[tokio::test]
async fn a_kill_ends_the_whole_group() -> Result<()> {
    let cluster = Plan::agents(1, "cpus:2;mem:512").start().await?;
    let mut scheduler = Scheduler::subscribe(&cluster.address, "e2e").await?;
    let evidence = cluster.directory.path().join("child");
    let line = format!("trap '' TERM; sleep 1000 & echo $! > {}; wait; sleep 1000", evidence.display());
    let mut task = shell("stubborn", &line);
    task.kill_grace_ms = Some(300);
    scheduler.run(task).await?;
    scheduler.reaches("stubborn", TaskState::TaskRunning).await?;
    let child = e2e::wait::until("the child runs", || async {
        std::fs::read_to_string(&evidence).ok()?.trim().parse::<i32>().ok()
    })
    .await?;
    let request =
        KillRequest { session_id: scheduler.session(), task_ids: vec!["stubborn".to_owned()], grace_ms: None };
    scheduler.client.kill(request).await?;
    scheduler.reaches("stubborn", TaskState::TaskKilled).await?;
    let gone = || async { (!std::path::Path::new(&format!("/proc/{child}")).exists()).then_some(()) };
    e2e::wait::until("the child is gone", gone).await
}

#[tokio::test]
async fn an_unhealthy_task_is_killed_and_says_why() -> Result<()> {
    let cluster = Plan::agents(1, "cpus:2;mem:512").start().await?;
    let mut scheduler = Scheduler::subscribe(&cluster.address, "e2e").await?;
    let port = u32::from(e2e::cluster::free_port()?);
    let mut task = shell("sick", "sleep 1000");
    task.health_check = Some(HealthCheck {
        probe: Some(health_check::Probe::Tcp(TcpProbe { port })),
        delay_ms: Some(0),
        interval_ms: Some(50),
        timeout_ms: Some(1000),
        grace_period_ms: Some(0),
        consecutive_failures: Some(2),
    });
    scheduler.run(task).await?;
    loop {
        let status = scheduler.update().await?;
        if [TaskState::TaskFailed, TaskState::TaskKilled].contains(&status.state()) {
            assert_eq!(status.healthy, Some(false));
            return Ok(());
        }
    }
}

#[tokio::test]
async fn files_are_fetched_unpacked_and_checked() -> Result<()> {
    let cluster = Plan::agents(1, "cpus:2;mem:512").start().await?;
    let mut scheduler = Scheduler::subscribe(&cluster.address, "e2e").await?;
    let archive = cluster.directory.path().join("data.tar");
    let mut tar = tar::Builder::new(std::fs::File::create(&archive)?);
    let mut header = tar::Header::new_gnu();
    header.set_size(5);
    header.set_mode(0o644);
    tar.append_data(&mut header, "inner/file", &b"12345"[..])?;
    tar.into_inner()?.flush()?;
    let mut task = shell("fetching", "cat inner/file");
    let uri = Uri { value: archive.display().to_string(), ..Uri::default() };
    task.command.get_or_insert_default().uris = vec![uri];
    scheduler.run(task).await?;
    scheduler.reaches("fetching", TaskState::TaskFinished).await?;
    assert_eq!(std::fs::read_to_string(sandbox(&cluster, &scheduler, "fetching").join("stdout"))?, "12345");
    Ok(())
}

#[tokio::test]
async fn limits_of_the_process_hold() -> Result<()> {
    let cluster = Plan::agents(1, "cpus:2;mem:512").start().await?;
    let mut scheduler = Scheduler::subscribe(&cluster.address, "e2e").await?;
    let mut task = shell("limited", "ulimit -n");
    let limit = Rlimit { name: "NOFILE".to_owned(), soft: Some(77), hard: Some(77) };
    task.command.get_or_insert_default().rlimits = vec![limit];
    scheduler.run(task).await?;
    scheduler.reaches("limited", TaskState::TaskFinished).await?;
    assert_eq!(std::fs::read_to_string(sandbox(&cluster, &scheduler, "limited").join("stdout"))?, "77\n");
    Ok(())
}

#[tokio::test]
async fn a_group_dies_together() -> Result<()> {
    let cluster = Plan::agents(1, "cpus:2;mem:512").start().await?;
    let mut scheduler = Scheduler::subscribe(&cluster.address, "e2e").await?;
    let offer = scheduler.offer().await?;
    let tasks: Vec<TaskInfo> = vec![shell("stays", "sleep 1000"), shell("fails", "exit 1")];
    let operation = operation::Operation::LaunchGroup(Launch { executor: None, tasks });
    scheduler.accept(&offer, vec![Operation { operation: Some(operation) }]).await?;
    let mut ended = std::collections::BTreeMap::new();
    while ended.len() < 2 {
        let status = scheduler.update().await?;
        if [TaskState::TaskFailed, TaskState::TaskKilled].contains(&status.state()) {
            ended.insert(status.task_id.clone(), status.state());
        }
    }
    assert_eq!(ended["fails"], TaskState::TaskFailed);
    assert_eq!(ended["stays"], TaskState::TaskKilled);
    Ok(())
}

#[tokio::test]
async fn a_program_gets_its_arguments_as_they_are() -> Result<()> {
    let cluster = Plan::agents(1, "cpus:2;mem:512").start().await?;
    let mut scheduler = Scheduler::subscribe(&cluster.address, "e2e").await?;
    let mut task = shell("arguments", "");
    let arguments = ["%s|", "a b", "$HOME", "*"].map(str::to_owned).into();
    task.command = Some(Command { value: "printf".to_owned(), arguments, ..Command::default() });
    scheduler.run(task).await?;
    scheduler.reaches("arguments", TaskState::TaskFinished).await?;
    assert_eq!(std::fs::read_to_string(sandbox(&cluster, &scheduler, "arguments").join("stdout"))?, "a b|$HOME|*|");
    Ok(())
}

fn sandbox(cluster: &e2e::cluster::Cluster, scheduler: &Scheduler, task: &str) -> std::path::PathBuf {
    cluster.agent_directory(0).join("sandboxes").join(&scheduler.subscribed.framework_id).join(task)
}
