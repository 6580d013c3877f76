//! An agent is killed under 200 running tasks and started again: from its start to the moment at which the master knows
//! all of them to run there.

use crate::figures::{Figures, median};
use anyhow::{Context, Result, ensure};
use e2e::{
    binary::Profile,
    cluster::{Cluster, Plan},
    running::Running,
    scheduler::{Scheduler, launch, shell},
    wait::PATIENCE,
};
use proffer_proto::v1::{AgentState, TaskState};
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

/// Tasks that run.
const TASKS: usize = 200;

/// Restarts, of which the median is taken.
const RUNS: usize = 5;

/// How often the master is asked, which is how exact a figure is.
const PAUSE: Duration = Duration::from_millis(5);

pub(crate) async fn run(figures: &Figures) -> Result<()> {
    let plan = Plan { profile: Profile::Release, ..Plan::agents(1, "cpus:40;mem:8192") };
    let mut cluster = plan.start().await?;
    let mut scheduler = Scheduler::subscribe(&cluster.address, "bench").await?;
    let mut starting: BTreeSet<String> = (0..TASKS).map(|index| format!("t{index}")).collect();
    let tasks = starting.iter().map(|id| shell(id, "exec sleep 100000")).collect();
    let offer = scheduler.offer().await?;
    let verdicts = scheduler.accept(&offer, vec![launch(tasks)]).await?;
    ensure!(verdicts.iter().all(|verdict| verdict.rejection.is_none()), "a task was refused: {verdicts:?}");
    while !starting.is_empty() {
        let status = scheduler.update().await?;
        if status.state() == TaskState::TaskRunning {
            starting.remove(&status.task_id);
        }
    }
    let mut times = Vec::new();
    for _ in 0..RUNS {
        cluster.kill_agent(0).await?;
        disconnected(&cluster).await?;
        let start = Instant::now();
        cluster.agents[0] = cluster.start_agent(0)?;
        while known(&cluster).await? < TASKS {
            ensure!(start.elapsed() < PATIENCE, "the tasks are still not known");
            tokio::time::sleep(PAUSE).await;
        }
        times.push(start.elapsed().as_secs_f64());
    }
    figures.print("seconds_until_all_known", median(&mut times), "s");
    Ok(())
}

/// Waits until the master has noticed.
async fn disconnected(cluster: &Cluster) -> Result<()> {
    cluster.stand(AgentState::Disconnected, 1).await.context("the agent is killed")
}

/// The tasks that are known to run on an agent that is connected.
async fn known(cluster: &Cluster) -> Result<usize> {
    let agents = cluster.list_agents().await?;
    if !agents.iter().any(|agent| agent.state() == AgentState::Connected) {
        return Ok(0);
    }
    let tasks = cluster.list_tasks().await?;
    let running = |state: Option<TaskState>| state == Some(TaskState::TaskRunning);
    Ok(tasks.iter().filter(|task| running(task.latest.as_ref().map(|latest| latest.state()))).count())
}
