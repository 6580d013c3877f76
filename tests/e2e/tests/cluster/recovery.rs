//! Processes die; work does not.

use anyhow::{Context, Result};
use e2e::{
    cluster::Plan,
    scheduler::{Scheduler, shell},
};
use proffer_proto::v1::{FrameworkInfo, SubscribeRequest, TaskState};

/// Lines that tasks write when they start and end, outside all sandboxes.
fn evidence(cluster: &e2e::cluster::Cluster) -> std::path::PathBuf {
    cluster.directory.path().join("evidence")
}

fn witnessed(cluster: &e2e::cluster::Cluster, id: &str, seconds: u32) -> proffer_proto::v1::TaskInfo {
    let file = evidence(cluster).display().to_string();
    shell(id, &format!("echo start {id} >> {file}; sleep {seconds}; echo end {id} >> {file}"))
}

fn starts(cluster: &e2e::cluster::Cluster, id: &str) -> usize {
    let written = std::fs::read_to_string(evidence(cluster)).unwrap_or_default();
    written.lines().filter(|line| *line == format!("start {id}")).count()
}

#[tokio::test]
async fn tasks_run_on_while_their_agent_is_replaced() -> Result<()> {
    let mut cluster = Plan::agents(1, "cpus:2;mem:512").start().await?;
    let mut scheduler = Scheduler::subscribe(&cluster.address, "e2e").await?;
    scheduler.run(witnessed(&cluster, "long", 3)).await?;
    scheduler.reaches("long", TaskState::TaskRunning).await?;
    cluster.restart_agent(0).await?;
    scheduler.reaches("long", TaskState::TaskFinished).await?;
    assert_eq!(starts(&cluster, "long"), 1);
    Ok(())
}

#[tokio::test]
async fn a_task_that_ended_while_its_agent_was_away_is_reported() -> Result<()> {
    let mut cluster = Plan::agents(1, "cpus:2;mem:512").start().await?;
    let mut scheduler = Scheduler::subscribe(&cluster.address, "e2e").await?;
    scheduler.run(witnessed(&cluster, "short", 1)).await?;
    scheduler.reaches("short", TaskState::TaskRunning).await?;
    cluster.agents[0].signal(nix::sys::signal::Signal::SIGKILL)?;
    cluster.agents[0].ended().await?;
    e2e::wait::until("the task has ended", || async {
        std::fs::read_to_string(evidence(&cluster)).ok()?.contains("end short").then_some(())
    })
    .await?;
    cluster.agents[0] = cluster.start_agent(0)?;
    let status = scheduler.reaches("short", TaskState::TaskFinished).await?;
    assert_eq!(status.exit_code, Some(0));
    Ok(())
}

#[tokio::test]
async fn a_restarted_master_knows_its_frameworks_and_their_tasks() -> Result<()> {
    let mut cluster = Plan::agents(1, "cpus:2;mem:512").start().await?;
    let mut scheduler = Scheduler::subscribe(&cluster.address, "e2e").await?;
    scheduler.run(witnessed(&cluster, "long", 4)).await?;
    scheduler.reaches("long", TaskState::TaskRunning).await?;
    let first = scheduler.subscribed.clone();
    cluster.restart_master().await?;
    let framework =
        FrameworkInfo { id: first.framework_id.clone(), name: "e2e".to_owned(), ..FrameworkInfo::default() };
    let request = SubscribeRequest { framework: Some(framework), cluster_id: first.cluster_id, ..Default::default() };
    let address = cluster.address.clone();
    let mut scheduler = e2e::wait::until("the new master takes the framework", || async {
        Scheduler::subscribe_with(&address, request.clone()).await.ok()
    })
    .await?;
    assert_eq!(scheduler.subscribed.framework_id, first.framework_id);
    scheduler.reaches("long", TaskState::TaskFinished).await?;
    assert_eq!(starts(&cluster, "long"), 1);
    Ok(())
}

#[tokio::test]
async fn a_killed_executor_is_replaced_and_its_tasks_are_adopted() -> Result<()> {
    let cluster = Plan::agents(1, "cpus:2;mem:512").start().await?;
    let mut scheduler = Scheduler::subscribe(&cluster.address, "e2e").await?;
    scheduler.run(witnessed(&cluster, "adopted", 3)).await?;
    scheduler.reaches("adopted", TaskState::TaskRunning).await?;
    let executor = executor_pid(&cluster).context("the executor runs")?;
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(executor), nix::sys::signal::Signal::SIGKILL)?;
    let status = scheduler.reaches("adopted", TaskState::TaskFinished).await?;
    assert_eq!(status.exit_code, Some(0));
    assert_eq!(starts(&cluster, "adopted"), 1);
    Ok(())
}

/// The process of the built-in executor that works for this cluster.
fn executor_pid(cluster: &e2e::cluster::Cluster) -> Option<i32> {
    let home = cluster.directory.path().display().to_string();
    std::fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let arguments = std::fs::read_to_string(entry.path().join("cmdline")).ok()?;
        let environment = std::fs::read_to_string(entry.path().join("environ")).ok()?;
        let is_executor = arguments.split('\0').nth(1) == Some("executor");
        (is_executor && environment.contains(&home)).then_some(pid)
    })
}
