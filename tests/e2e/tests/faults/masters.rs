//! The only master dies or stalls.

use crate::plans::{plan, start};
use anyhow::Result;
use e2e::{cluster::Plan, history, running::Running, wait::until};
use nix::sys::signal::Signal;
use proffer_proto::v1::{AgentState, TaskState};
use std::collections::BTreeSet;

#[tokio::test]
async fn tasks_start_and_end_while_their_master_is_killed_again_and_again() -> Result<()> {
    let mut world = start(Plan::agents(2, "cpus:4;mem:2048")).await?;
    let mut open: BTreeSet<String> = BTreeSet::new();
    for round in 0..3 {
        let ids: BTreeSet<String> = (0..8).map(|number| format!("r{round}-{number}")).collect();
        world.launch(ids.iter().map(|id| world.task(id, "sleep 0.3")).collect()).await?;
        open.extend(ids);
        // Wherever it is with them.
        world.cluster.restart_master().await?;
        world.resubscribe().await?;
        world.observe().await?;
        world.ask(&open).await?;
    }
    world.all_over(&open).await?;
    world.ends(&BTreeSet::new()).await
}

#[tokio::test]
async fn a_master_that_stalls_removes_nobody() -> Result<()> {
    let mut world = start(plan(6, "cpus:1;mem:256")).await?;
    let mut ids = BTreeSet::new();
    for number in 0..6 {
        ids.extend(world.launch_waiting(&format!("t{number}-"), 1).await?);
    }
    let agents = world.cluster.list_agents().await?;
    world.cluster.master.signal(Signal::SIGSTOP)?;
    // Master and agents bear each other's silence equally long.
    for address in agents.into_iter().filter_map(|agent| agent.info).map(|info| info.address) {
        until("the agent has given up its master", || async {
            let state = history::shown(&address).await.ok()?;
            (state["registered"] == false).then_some(())
        })
        .await?;
    }
    world.cluster.master.signal(Signal::SIGCONT)?;
    world.observe().await?;
    world.launch(vec![world.task("next", "sleep 1")]).await?;
    world.all_reach(&BTreeSet::from(["next".to_owned()]), TaskState::TaskFinished).await?;
    world.cluster.stand(AgentState::Unreachable, 0).await?;
    let seen = world.log.history().seen;
    assert!(seen.iter().all(|seen| seen.state != TaskState::TaskUnreachable), "{seen:?}");
    world.ends(&ids).await
}
