//! Masters of another cluster: ZooKeeper was wiped, or the path is wrong.

use anyhow::{Context, Result, ensure};
use e2e::{
    elected::Elected,
    history::{self, Run},
    process::Process,
    running::Running,
    wait::until,
    world::World,
};
use nix::sys::signal::Signal;
use std::{
    collections::BTreeSet,
    path::Path,
    process::{Command, Output},
};

/// Waits until an agent has said so.
async fn says(agent: &Process, words: &str) -> Result<()> {
    until(&format!("an agent says {words:?}"), || async { agent.printed().contains(words).then_some(()) })
        .await
        .with_context(|| agent.printed())
}

fn runs(evidence: &Path) -> Vec<Run> {
    history::read(&std::fs::read_to_string(evidence).unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wiped_zookeeper_kills_nothing() -> Result<()> {
    let mut world = World::within(Elected::start(2, 2).await?).await?;
    let ids = world.launch_waiting("t", 4).await?;
    let evidence = history::file(&world.cluster);
    world.cluster.ensemble.wipe().await?;
    for index in 0..2 {
        // Those that have led know that the log was not empty. New ones cannot.
        world.cluster.end_master(index, Signal::SIGKILL).await?;
        world.cluster.start_master(index)?;
    }
    world.cluster.leader(&[]).await?;
    for index in 0..2 {
        says(world.cluster.agent(index), "WrongCluster").await?;
    }
    assert_eq!(world.cluster.list_agents().await?, []);
    let begun = runs(&evidence);
    assert!(begun.len() == ids.len() && begun.iter().all(|run| run.end.is_none()), "{begun:?}");
    world.open_gate();
    until("all tasks come to their end", || async {
        runs(&evidence).iter().all(|run| run.end.is_some()).then_some(())
    })
    .await?;
    assert_eq!(runs(&evidence).len(), ids.len());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_with_a_wrong_path_keeps_its_tasks() -> Result<()> {
    let mut world = World::within(Elected::start(1, 1).await?).await?;
    let ids: BTreeSet<String> = world.launch_waiting("t", 3).await?;
    let other = world.cluster.ensemble.address("/other");
    let _stranger = stranger(&world.cluster, &other)?;
    world.cluster.kill_agent(0).await?;
    world.cluster.restart_agent(0, &other)?;
    says(world.cluster.agent(0), "WrongCluster").await?;
    world.cluster.kill_agent(0).await?;
    let address = world.cluster.address();
    world.cluster.restart_agent(0, &address)?;
    world.observe().await?;
    world.ends(&ids).await
}

/// Runs `proffer master adopt`, and gives what it printed.
fn adopt(cluster: &Elected, id: &str) -> Result<Output> {
    let mut command = Command::new(cluster.binary());
    command.args(["master", "adopt", id, "--zk", &cluster.address()]).output().context("run master adopt")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_registry_is_begun_anew_and_takes_in_what_runs() -> Result<()> {
    let mut world = World::within(Elected::start(1, 2).await?).await?;
    let ids = world.launch_waiting("t", 3).await?;
    let cluster = world.request(0).cluster_id;
    let before: BTreeSet<String> = world.cluster.list_agents().await?.into_iter().map(|agent| agent.id).collect();
    world.cluster.ensemble.wipe().await?;
    world.cluster.end_master(0, Signal::SIGKILL).await?;
    let adopted = adopt(&world.cluster, &cluster)?;
    ensure!(adopted.status.success(), "{adopted:?}");
    let again = adopt(&world.cluster, &cluster)?;
    let complaint = String::from_utf8_lossy(&again.stderr).into_owned();
    ensure!(!again.status.success() && complaint.contains("there is a log"), "{again:?}");
    world.cluster.start_master(0)?;
    world.observe().await?;
    let after: BTreeSet<String> = world.cluster.list_agents().await?.into_iter().map(|agent| agent.id).collect();
    ensure!(before == after, "{before:?} became {after:?}");
    world.resubscribe().await?;
    world.ends(&ids).await
}

/// A master at another path of the same ensemble.
fn stranger(cluster: &Elected, zk: &str) -> Result<Process> {
    let listen = format!("127.0.0.1:{}", e2e::cluster::free_port()?);
    let arguments = ["master", "--listen", &listen, "--zk", zk].map(str::to_owned);
    Process::start("stranger", cluster.home(), cluster.binary(), &arguments).context("start another cluster's master")
}
