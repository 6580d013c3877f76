//! Agents die, stop and come back.

use crate::plans::{plan, start};
use anyhow::{Context, Result};
use e2e::{cluster::Plan, history, running::Running, wait::until};
use nix::sys::signal::Signal;
use proffer_proto::v1::{AgentState, TaskState};
use std::collections::BTreeSet;

#[tokio::test]
async fn two_hundred_tasks_run_on_while_their_agent_is_killed_and_started_again() -> Result<()> {
    let mut world = start(Plan::agents(1, "cpus:40;mem:8192")).await?;
    let ids = world.launch_waiting("t", 200).await?;
    let before = history::collect(&world.cluster, &world.log).await?;
    world.cluster.restart_agent(0).await?;
    world.observe().await?;
    until("all are known again", || async {
        let tasks = world.cluster.list_tasks().await.ok()?;
        let running =
            tasks.iter().filter(|task| task.latest.as_ref().is_some_and(|at| at.state() == TaskState::TaskRunning));
        (running.count() == 200).then_some(())
    })
    .await?;
    assert_eq!(history::collect(&world.cluster, &world.log).await?.runs, before.runs, "none was disturbed");
    world.ends(&ids).await
}

#[tokio::test]
async fn tasks_that_start_and_end_while_their_agent_is_killed_again_and_again_run_once() -> Result<()> {
    let mut world = start(Plan::agents(1, "cpus:8;mem:4096")).await?;
    let mut ids = BTreeSet::new();
    for round in 0..4 {
        let names: BTreeSet<String> = (0..10).map(|number| format!("r{round}-{number}")).collect();
        world.launch(names.iter().map(|id| world.task(id, "sleep 0.3")).collect()).await?;
        // Wherever it is with them.
        world.cluster.restart_agent(0).await?;
        ids.extend(names);
        world.observe().await?;
    }
    world.all_over(&ids).await?;
    world.ends(&BTreeSet::new()).await
}

#[tokio::test]
async fn a_stopped_agent_becomes_unreachable_and_tells_its_tasks_when_it_goes_on() -> Result<()> {
    let mut world = start(plan(1, "cpus:8;mem:4096")).await?;
    let ids = world.launch_waiting("t", 3).await?;
    world.launch(vec![world.task("ends", "sleep 0.5")]).await?;
    world.all_reach(&BTreeSet::from(["ends".to_owned()]), TaskState::TaskRunning).await?;
    world.cluster.agents[0].signal(Signal::SIGSTOP)?;
    world.all_reach(&ids, TaskState::TaskUnreachable).await?;
    world.cluster.stand(AgentState::Unreachable, 1).await?;
    until("a task ends meanwhile", || async {
        let written = std::fs::read_to_string(history::file(&world.cluster)).ok()?;
        history::read(&written).iter().any(|run| run.key.task == "ends" && run.end.is_some()).then_some(())
    })
    .await?;
    world.cluster.agents[0].signal(Signal::SIGCONT)?;
    let mut ended = false;
    let mut missing = ids.clone();
    while !missing.is_empty() || !ended {
        let status = world.scheduler.update().await?;
        match status.state() {
            TaskState::TaskRunning => drop(missing.remove(&status.task_id)),
            TaskState::TaskFinished if status.task_id == "ends" => ended = true,
            _ => {}
        }
    }
    world.cluster.stand(AgentState::Connected, 1).await?;
    world.ends(&ids).await
}

#[tokio::test]
async fn agents_that_vanish_together_are_not_removed_together() -> Result<()> {
    let mut world = start(plan(8, "cpus:1;mem:256")).await?;
    let mut ids = BTreeSet::new();
    for number in 0..8 {
        ids.extend(world.launch_waiting(&format!("t{number}-"), 1).await?);
    }
    for agent in &world.cluster.agents[..6] {
        agent.signal(Signal::SIGSTOP)?;
    }
    let marked = until("the first is marked", || async {
        let agents = world.cluster.list_agents().await.ok()?;
        let marked = agents.iter().filter(|agent| agent.state() == AgentState::Unreachable).count();
        (marked > 0).then_some(marked)
    })
    .await?;
    assert!(marked < 6, "{marked} of 6 are marked at once");
    for agent in &world.cluster.agents[..6] {
        agent.signal(Signal::SIGCONT)?;
    }
    world.observe().await?;
    until("all tasks run", || async {
        let tasks = world.cluster.list_tasks().await.ok()?;
        let running =
            tasks.iter().filter(|task| task.latest.as_ref().is_some_and(|at| at.state() == TaskState::TaskRunning));
        (running.count() == 8).then_some(())
    })
    .await
    .context("after they went on")?;
    world.ends(&ids).await
}
