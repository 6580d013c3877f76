//! A leader is cut off from ZooKeeper while agents and schedulers still reach it, or from them while it still leads.

use anyhow::Result;
use e2e::{
    elected::Elected,
    proxy::{Link, Proxy, Way},
    running::Running,
    wait::until,
    world::World,
};
use proffer_proto::v1::AgentState;

/// The leader's links to ZooKeeper are broken until another leads, and healed; then it stands by.
async fn another_leads_after(harm: impl Fn(&Proxy)) -> Result<()> {
    let mut world = World::within(Elected::start_proxied(2, 2).await?).await?;
    let mut ids = world.launch_waiting("before", 3).await?;
    let old = world.cluster.leader(&[]).await?;
    world.cluster.links(old)?.zookeeper.iter().for_each(&harm);
    let new = world.cluster.leader(&[old]).await?;
    until("the old leader leads no more", || async {
        world.cluster.told(old, "/api/v1/cluster").await.is_none().then_some(())
    })
    .await?;
    world.observe().await?;
    world.resubscribe().await?;
    ids.extend(world.launch_waiting("after", 2).await?);
    world.cluster.links(old)?.zookeeper.iter().for_each(Proxy::heal);
    // It can lead again, and does once the other goes.
    world.cluster.end_master(new, nix::sys::signal::Signal::SIGKILL).await?;
    assert_eq!(world.cluster.leader(&[new]).await?, old);
    world.observe().await?;
    world.resubscribe().await?;
    world.ends(&ids).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_cut_off_from_zookeeper_is_replaced() -> Result<()> {
    another_leads_after(Proxy::cut).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_whose_requests_are_lost_is_replaced() -> Result<()> {
    another_leads_after(Proxy::cut_to_server).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_gets_no_answers_is_replaced() -> Result<()> {
    another_leads_after(Proxy::cut_to_client).await
}

/// What it sent before arrives when its session is long over.
#[tokio::test(flavor = "multi_thread")]
async fn a_leader_whose_requests_are_late_is_replaced() -> Result<()> {
    another_leads_after(|link| link.set(Link { to_server: Way::Held, to_client: Way::Held, dropping: false })).await
}

/// Nobody else may lead while it has its session, so its agents are unreachable, and back once the link is healed.
#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_agents_do_not_reach_gets_them_back() -> Result<()> {
    let mut world = World::within(Elected::start_proxied(2, 2).await?).await?;
    let ids = world.launch_waiting("t", 3).await?;
    let leader = world.cluster.leader(&[]).await?;
    world.cluster.links(leader)?.front.cut();
    until("its agents are unreachable", || async {
        let agents = world.cluster.told(leader, "/api/v1/agents").await?;
        let agents = agents["agents"].as_array()?;
        let unreachable = agents.iter().filter(|agent| agent["state"] == "UNREACHABLE");
        (unreachable.count() == 2).then_some(())
    })
    .await?;
    world.cluster.links(leader)?.front.heal();
    world.cluster.stand(AgentState::Connected, 2).await?;
    world.observe().await?;
    world.resubscribe().await?;
    world.ends(&ids).await
}
