//! Processes die; work does not.

use anyhow::{Context, Result};
use e2e::{
    cluster::{Cluster, Plan},
    history::{self, Run},
    relatives,
    scheduler::{Scheduler, shell},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use proffer_proto::v1::{FrameworkInfo, Reason, SubscribeRequest, TaskInfo, TaskState};

fn witnessed(cluster: &Cluster, id: &str, line: &str) -> TaskInfo {
    shell(id, &history::witnessed(&history::file(cluster), line))
}

fn runs(cluster: &Cluster) -> Vec<Run> {
    history::read(&std::fs::read_to_string(history::file(cluster)).unwrap_or_default())
}

#[tokio::test]
async fn tasks_run_on_while_their_agent_is_replaced() -> Result<()> {
    let mut cluster = Plan::agents(1, "cpus:2;mem:512").start().await?;
    let mut scheduler = Scheduler::subscribe(&cluster.address, "e2e").await?;
    scheduler.run(witnessed(&cluster, "long", "sleep 3")).await?;
    scheduler.reaches("long", TaskState::TaskRunning).await?;
    cluster.restart_agent(0).await?;
    scheduler.reaches("long", TaskState::TaskFinished).await?;
    history::assert_sound(&cluster, &scheduler.log).await
}

#[tokio::test]
async fn a_task_that_ended_while_its_agent_was_away_is_reported() -> Result<()> {
    let mut cluster = Plan::agents(1, "cpus:2;mem:512").start().await?;
    let mut scheduler = Scheduler::subscribe(&cluster.address, "e2e").await?;
    scheduler.run(witnessed(&cluster, "short", "sleep 1")).await?;
    scheduler.reaches("short", TaskState::TaskRunning).await?;
    cluster.agents[0].signal(Signal::SIGKILL)?;
    cluster.agents[0].ended().await?;
    e2e::wait::until("the task has ended", || async {
        runs(&cluster).iter().any(|run| run.end.is_some()).then_some(())
    })
    .await?;
    cluster.agents[0] = cluster.start_agent(0)?;
    let status = scheduler.reaches("short", TaskState::TaskFinished).await?;
    assert_eq!(status.exit_code, Some(0));
    history::assert_sound(&cluster, &scheduler.log).await
}

#[tokio::test]
async fn a_restarted_master_knows_its_frameworks_and_their_tasks() -> Result<()> {
    let mut cluster = Plan::agents(1, "cpus:2;mem:512").start().await?;
    let mut scheduler = Scheduler::subscribe(&cluster.address, "e2e").await?;
    scheduler.run(witnessed(&cluster, "long", "sleep 4")).await?;
    scheduler.reaches("long", TaskState::TaskRunning).await?;
    let (first, log) = (scheduler.subscribed.clone(), scheduler.log.clone());
    cluster.restart_master().await?;
    let framework =
        FrameworkInfo { id: first.framework_id.clone(), name: "e2e".to_owned(), ..FrameworkInfo::default() };
    let request = SubscribeRequest { framework: Some(framework), cluster_id: first.cluster_id, ..Default::default() };
    let address = cluster.address.clone();
    let mut scheduler = e2e::wait::until("the new master takes the framework", || async {
        Scheduler::subscribe_logging(&address, request.clone(), log.clone()).await.ok()
    })
    .await?;
    assert_eq!(scheduler.subscribed.framework_id, first.framework_id);
    scheduler.reaches("long", TaskState::TaskFinished).await?;
    history::assert_sound(&cluster, &scheduler.log).await
}

#[tokio::test]
async fn a_killed_executor_is_replaced_and_its_tasks_are_adopted() -> Result<()> {
    let cluster = Plan::agents(1, "cpus:2;mem:512").start().await?;
    let mut scheduler = Scheduler::subscribe(&cluster.address, "e2e").await?;
    scheduler.run(witnessed(&cluster, "adopted", "sleep 3")).await?;
    scheduler.reaches("adopted", TaskState::TaskRunning).await?;
    crash(&cluster, &["executor"])?;
    let status = scheduler.reaches("adopted", TaskState::TaskFinished).await?;
    assert_eq!(status.exit_code, Some(0));
    history::assert_sound(&cluster, &scheduler.log).await
}

/// Kills the agent's processes of these roles together.
fn crash(cluster: &Cluster, roles: &[&str]) -> Result<Vec<Pid>> {
    let found = roles.iter().map(|role| relatives::in_role(cluster.directory.path(), role).context("it runs"));
    let found: Vec<Pid> = found.collect::<Result<_>>()?;
    found.iter().try_for_each(|pid| kill(*pid, Signal::SIGKILL).context("kill it"))?;
    Ok(found)
}

/// Two tasks, each with a child that would run for long, whose own end nobody can see any more: one ends by itself, one is
/// killed, and nothing is left of either.
async fn tasks_outlive(roles: &[&str]) -> Result<()> {
    let cluster = Plan::agents(1, "cpus:2;mem:512").start().await?;
    let mut scheduler = Scheduler::subscribe(&cluster.address, "e2e").await?;
    let signal = cluster.directory.path().join("go");
    let wait = format!("while [ ! -e {} ]; do sleep 0.02; done", signal.display());
    for (id, end) in [("ends", wait.as_str()), ("killed", "sleep 1000")] {
        scheduler.run(witnessed(&cluster, id, &format!("sleep 1000 & {end}"))).await?;
        scheduler.reaches(id, TaskState::TaskRunning).await?;
    }
    let framework = scheduler.subscribed.framework_id.clone();
    let sandboxes = ["ends", "killed"].map(|id| cluster.sandbox(0, &framework, id));
    for (role, killed) in roles.iter().zip(crash(&cluster, roles)?) {
        e2e::wait::until(&format!("there is another {role}"), || async {
            relatives::in_role(cluster.directory.path(), role).filter(|pid| *pid != killed)
        })
        .await?;
    }
    assert!(sandboxes.iter().all(|sandbox| !relatives::of_task(sandbox).is_empty()), "the tasks run on");
    std::fs::write(&signal, "")?;
    let status = scheduler.reaches("ends", TaskState::TaskFailed).await?;
    assert_eq!((status.reason(), status.exit_code), (Reason::ExecutorTerminated, None));
    assert!(status.message.starts_with("exit code unknown: "), "{}", status.message);
    scheduler.kill("killed").await?;
    scheduler.reaches("killed", TaskState::TaskKilled).await?;
    for sandbox in &sandboxes {
        let gone = || async { relatives::of_task(sandbox).is_empty().then_some(()) };
        e2e::wait::until(&format!("nothing of {} runs", sandbox.display()), gone).await?;
    }
    assert_eq!(runs(&cluster).len(), 2);
    scheduler.run(witnessed(&cluster, "next", "true")).await?;
    assert_eq!(scheduler.reaches("next", TaskState::TaskFinished).await?.exit_code, Some(0));
    history::assert_sound(&cluster, &scheduler.log).await
}

#[tokio::test]
async fn tasks_outlive_their_launcher() -> Result<()> {
    tasks_outlive(&["launcher"]).await
}

#[tokio::test]
async fn tasks_outlive_their_executor_and_their_launcher() -> Result<()> {
    tasks_outlive(&["executor", "launcher"]).await
}
