//! Agents are started again as something else: from another binary, or with other flags.

use crate::plans::{World, plan, start};
use anyhow::{Context, Result};
use e2e::{history, running::Running, scheduler::Scheduler};
use proffer_proto::v1::{FrameworkInfo, SubscribeRequest, SuppressRequest, TaskState};
use std::{collections::BTreeSet, fs, path::Path};

/// The file is replaced as a package manager does it.
fn replace(path: &Path, source: &Path) -> Result<()> {
    let draft = path.with_extension("new");
    fs::copy(source, &draft).context("copy the binary")?;
    fs::rename(&draft, path).context("put the binary in place")
}

#[tokio::test]
async fn tasks_run_on_while_the_binary_is_replaced_and_the_agent_started_from_it() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let installed = directory.path().join("proffer");
    let built = e2e::binary::proffer(e2e::binary::Profile::Dev)?;
    replace(&installed, &built)?;
    let mut plan = plan(1, "cpus:8;mem:4096");
    plan.binary = Some(installed.clone());
    // Two frameworks share the agent.
    plan.master.extend(["--offer-timeout", "1s"].map(str::to_owned));
    let mut world = start(plan).await?;
    let mut ids = world.launch_waiting("old", 3).await?;
    replace(&installed, &built)?;
    // The old agent with its old executor goes on, and starts executors of other frameworks.
    ids.extend(world.launch_waiting("between", 2).await?);
    let mut other = Scheduler::subscribe_logging(&world.cluster.address, another(), world.log.clone()).await?;
    other.run(world.task("other", "sleep 2")).await?;
    other.reaches("other", TaskState::TaskRunning).await?;
    // It wants nothing more, and keeps nothing from the first.
    let request = SuppressRequest { session_id: other.session(), roles: Vec::new() };
    other.client.suppress(request).await?;
    world.cluster.restart_agent(0).await?;
    world.observe().await?;
    ids.extend(world.launch_waiting("new", 1).await?);
    other.reaches("other", TaskState::TaskFinished).await?;
    world.ends(&ids).await
}

fn another() -> SubscribeRequest {
    let framework = FrameworkInfo { name: "another".to_owned(), ..FrameworkInfo::default() };
    SubscribeRequest { framework: Some(framework), ..Default::default() }
}

#[tokio::test]
async fn changed_resources_and_attributes_are_taken_over_while_tasks_run() -> Result<()> {
    let mut world = start(plan(1, "cpus:1;mem:512")).await?;
    let ids = world.launch_waiting("t", 3).await?;
    let flags = ["--resources", "cpus:4;mem:2048;licences:2", "--attributes", "rack:r9"].map(str::to_owned);
    *world.cluster.agent_flags(0) = flags.into();
    world.cluster.restart_agent(0).await?;
    world.observe().await?;
    let agents = world.cluster.list_agents().await?;
    let info = agents.into_iter().next().and_then(|agent| agent.info).context("the agent is known")?;
    let totals = history::Amounts::of(&info.resources).milli;
    assert_eq!((totals["cpus"], totals["licences"]), (4000, 2000), "{totals:?}");
    assert!(info.attributes.iter().any(|attribute| attribute.name == "rack"), "{:?}", info.attributes);
    // More than there was before.
    world.launch(vec![wide(&world, "wide", 3500)]).await?;
    world.all_reach(&BTreeSet::from(["wide".to_owned()]), TaskState::TaskFinished).await?;
    // Less than what runs: nothing is killed for it, and nothing is offered.
    *world.cluster.agent_flags(0) = ["--resources", "cpus:0.2;mem:2048"].map(str::to_owned).into();
    world.cluster.restart_agent(0).await?;
    world.observe().await?;
    let running = world.cluster.list_tasks().await?;
    assert_eq!(running.len(), 3, "{running:?}");
    *world.cluster.agent_flags(0) = ["--resources", "cpus:4;mem:2048"].map(str::to_owned).into();
    world.cluster.restart_agent(0).await?;
    world.observe().await?;
    world.ends(&ids).await
}

fn wide(world: &World, id: &str, cpus_milli: u64) -> proffer_proto::v1::TaskInfo {
    let mut task = world.task(id, "true");
    task.resources[0] = e2e::scheduler::scalar("cpus", cpus_milli);
    task
}
