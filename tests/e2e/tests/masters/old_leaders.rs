//! Leaders that stood still while another was elected.

use anyhow::Result;
use e2e::{elected::Elected, history, running::Running, scheduler::launch, wait::until, world::World};
use nix::sys::signal::Signal;
use proffer_proto::v1::TaskState;
use std::collections::BTreeSet;

/// It wakes up with a launch in its buffers, for an offer that it made itself.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_in_an_old_leader_is_not_launched() -> Result<()> {
    let mut world = World::within(Elected::start(2, 1).await?).await?;
    let ids = world.launch_waiting("before", 2).await?;
    let old = world.cluster.leader(&[]).await?;
    let offer = world.scheduler.offer().await?;
    world.cluster.stop_master(old).await?;
    let ghost = launch(vec![world.task("ghost", "true")]);
    let World { scheduler, cluster, log, .. } = &mut world;
    let elsewhere = async {
        let new = cluster.leader(&[old]).await?;
        cluster.connected().await?;
        history::observe(&*cluster, log).await?;
        cluster.signal_master(old, Signal::SIGCONT)?;
        anyhow::Ok(new)
    };
    // Its sockets take the request; it does not read it.
    let (answer, new) = tokio::join!(scheduler.accept(&offer, vec![ghost]), elsewhere);
    assert_ne!(old, new?);
    let taken = answer.is_ok_and(|verdicts| verdicts.iter().all(|verdict| verdict.rejection.is_none()));
    assert!(!taken, "an old leader took a launch");
    until("the old leader leads no more", || async {
        world.cluster.told(old, "/api/v1/cluster").await.is_none().then_some(())
    })
    .await?;
    world.resubscribe().await?;
    // The same launch, by a leader that may.
    world.launch(vec![world.task("ghost", "true")]).await?;
    world.all_reach(&BTreeSet::from(["ghost".to_owned()]), TaskState::TaskFinished).await?;
    world.ends(&ids).await
}
