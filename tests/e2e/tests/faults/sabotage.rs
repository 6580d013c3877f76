//! Agents that break a rule on purpose: the checker of histories finds out.

use crate::plans::{World, plan, start};
use anyhow::{Result, ensure};
use e2e::{
    history::{self, Rule, Run},
    running::Running,
    wait::until,
};
use proffer_proto::v1::{AgentState, TaskState};
use std::collections::BTreeSet;

/// A cluster whose agent breaks these rules.
async fn saboteur(switches: &str) -> Result<World> {
    let mut plan = plan(1, "cpus:4;mem:1024");
    plan.proxied = true;
    plan.agents[0].extend(["--sabotage", switches].map(str::to_owned));
    start(plan).await
}

fn runs(world: &World) -> Vec<Run> {
    history::read(&std::fs::read_to_string(history::file(&world.cluster)).unwrap_or_default())
}

/// The history breaks this rule.
async fn is_rejected(world: &World, rule: Rule) -> Result<()> {
    let violations = history::check(&history::collect(&world.cluster, &world.log).await?);
    ensure!(violations.iter().any(|violation| violation.rule == rule), "{violations:?}");
    Ok(())
}

#[tokio::test]
async fn ends_that_are_never_told_are_found() -> Result<()> {
    let mut world = saboteur("DropTailOnReconnect,NeverRetry").await?;
    world.launch_waiting("t", 2).await?;
    world.cluster.links[0].cut();
    world.open_gate();
    until("the tasks end", || async { runs(&world).iter().all(|run| run.end.is_some()).then_some(()) }).await?;
    world.cluster.stand(AgentState::Unreachable, 1).await?;
    world.cluster.links[0].heal();
    world.cluster.connected().await?;
    // What is launched afterwards is told.
    world.launch(vec![world.task("after", "true")]).await?;
    world.all_reach(&BTreeSet::from(["after".to_owned()]), TaskState::TaskFinished).await?;
    is_rejected(&world, Rule::EveryEndIsTold).await
}
