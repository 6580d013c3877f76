//! Schedulers die, and others take over.

use crate::plans::start;
use anyhow::{Context, Result};
use e2e::{
    cluster::Plan,
    history,
    proxy::{Link, Proxy, Way},
    running::Running,
    scheduler::{Scheduler, launch},
    wait::until,
};
use proffer_proto::v1::TaskState;
use std::{collections::BTreeSet, time::Duration};
use tonic::Code;

#[tokio::test]
async fn a_new_scheduler_gets_every_unacknowledged_update_and_the_old_one_is_refused() -> Result<()> {
    let mut world = start(Plan::agents(1, "cpus:8;mem:4096")).await?;
    let running = world.launch_waiting("t", 3).await?;
    let ended: BTreeSet<String> = (0..3).map(|number| format!("e{number}")).collect();
    world.launch(ended.iter().map(|id| world.task(id, "true")).collect()).await?;
    // None of it is read, let alone acknowledged, by the scheduler that is about to go.
    until("they have ended", || async {
        let tasks = world.cluster.list_tasks().await.ok()?;
        (tasks.len() == 3).then_some(())
    })
    .await?;
    let request = world.request(7);
    let next = Scheduler::subscribe_logging(&world.cluster.address, request, world.log.clone()).await?;
    let mut old = std::mem::replace(&mut world.scheduler, next);
    world.all_reach(&ended, TaskState::TaskFinished).await?;
    let offer = world.scheduler.offer().await?;
    let refused = old.accept(&offer, vec![launch(vec![world.task("stale", "true")])]).await;
    let refused = refused.err().context("the old session is refused")?;
    assert!(matches!(refused.code(), Code::Aborted | Code::FailedPrecondition), "{refused:?}");
    let lower = Scheduler::subscribe_logging(&world.cluster.address, world.request(6), world.log.clone()).await;
    let lower = format!("{:?}", lower.err().context("a lower incarnation is refused")?);
    assert!(lower.contains("a scheduler with incarnation 7 has taken over; this one has 6"), "{lower}");
    world.scheduler.accept(&offer, Vec::new()).await?;
    world.ends(&running).await
}

#[tokio::test]
async fn a_launch_whose_answer_is_lost_runs_once() -> Result<()> {
    let mut world = start(Plan::agents(1, "cpus:8;mem:4096")).await?;
    let link = Proxy::start(&world.cluster.address).await?;
    world.scheduler = Scheduler::subscribe_logging(&link.address(), world.request(1), world.log.clone()).await?;
    let offer = world.scheduler.offer().await?;
    link.set(Link { to_client: Way::Cut, ..Link::default() });
    let task = world.task("once", "sleep 0.2");
    let lost =
        tokio::time::timeout(Duration::from_secs(1), world.scheduler.accept(&offer, vec![launch(vec![task.clone()])]))
            .await;
    assert!(lost.is_err(), "no answer can come: {lost:?}");
    let next = Scheduler::subscribe_logging(&world.cluster.address, world.request(2), world.log.clone()).await?;
    world.scheduler = next;
    // It does not know, and launches the same task again: refused, since the id is taken, or dropped by the agent.
    let offer = world.scheduler.offer().await?;
    let verdicts = world.scheduler.accept(&offer, vec![launch(vec![task])]).await?;
    assert!(verdicts[0].rejection.is_some(), "{verdicts:?}");
    world.all_reach(&BTreeSet::from(["once".to_owned()]), TaskState::TaskFinished).await?;
    let history = history::collect(&world.cluster, &world.log).await?;
    assert_eq!(history.runs.iter().filter(|run| run.key.task == "once").count(), 1);
    world.ends(&BTreeSet::new()).await
}
