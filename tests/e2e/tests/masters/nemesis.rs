//! One fault after the other while work is done.

use crate::work::{begin_map, begun, came_right};
use anyhow::{Context, Result};
use e2e::{elected::Elected, proxy::Proxy, running::Running, wait::until};
use nix::sys::signal::Signal;

/// Enough that there is work left after the last fault.
const INPUTS: usize = 500;

/// How long each takes.
const SECONDS: f64 = 0.8;

async fn kill_the_leader(cluster: &mut Elected) -> Result<()> {
    let leader = cluster.leader(&[]).await?;
    cluster.end_master(leader, Signal::SIGKILL).await?;
    cluster.leader(&[leader]).await?;
    cluster.start_master(leader)
}

async fn stop_the_leader(cluster: &mut Elected) -> Result<()> {
    let leader = cluster.leader(&[]).await?;
    cluster.stop_master(leader).await?;
    cluster.leader(&[leader]).await?;
    cluster.signal_master(leader, Signal::SIGCONT)
}

async fn cut_the_leader_off(cluster: &mut Elected) -> Result<()> {
    let leader = cluster.leader(&[]).await?;
    cluster.links(leader)?.zookeeper.iter().for_each(Proxy::cut);
    cluster.leader(&[leader]).await?;
    cluster.links(leader)?.zookeeper.iter().for_each(Proxy::heal);
    Ok(())
}

async fn drop_connections(cluster: &mut Elected) -> Result<()> {
    let leader = cluster.leader(&[]).await?;
    let front = &cluster.links(leader)?.front;
    front.drop_connections();
    front.heal();
    Ok(())
}

async fn kill_an_agent(cluster: &mut Elected) -> Result<()> {
    cluster.kill_agent(0).await?;
    let address = cluster.address();
    cluster.restart_agent(0, &address)
}

async fn kill_zookeepers_leader(cluster: &mut Elected) -> Result<()> {
    let server = cluster.ensemble.leader().await.context("ZooKeeper has a leader")?;
    cluster.ensemble.kill_server(server).await?;
    cluster.connected().await?;
    cluster.ensemble.start_server(server)?;
    cluster.ensemble.serves().await
}

async fn kill_all_masters(cluster: &mut Elected) -> Result<()> {
    for index in 0..3 {
        cluster.end_master(index, Signal::SIGKILL).await?;
    }
    for index in 0..3 {
        cluster.start_master(index)?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn work_comes_right_whatever_fails() -> Result<()> {
    let mut cluster = Elected::start_proxied(3, 3).await?;
    let evidence = cluster.directory.path().join("evidence");
    let map = begin_map(&cluster, &evidence, INPUTS, SECONDS)?;
    until("work has begun", || async { (begun(&evidence) > 20).then_some(()) }).await?;
    kill_the_leader(&mut cluster).await?;
    cluster.connected().await?;
    cut_the_leader_off(&mut cluster).await?;
    cluster.connected().await?;
    kill_an_agent(&mut cluster).await?;
    drop_connections(&mut cluster).await?;
    kill_zookeepers_leader(&mut cluster).await?;
    cluster.connected().await?;
    stop_the_leader(&mut cluster).await?;
    kill_all_masters(&mut cluster).await?;
    cluster.connected().await?;
    came_right(map, &evidence, INPUTS).await
}
