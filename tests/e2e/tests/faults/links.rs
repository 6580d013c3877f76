//! Links break in one direction or both, and heal.

use crate::plans::{plan, start};
use anyhow::Result;
use e2e::{
    proxy::{Link, Proxy, Way},
    running::Running,
    scheduler::{Scheduler, launch},
    wait::until,
};
use proffer_proto::v1::{AgentState, TaskState};
use std::{collections::BTreeSet, time::Duration};

/// The link is broken until the agent is unreachable, and healed; its tasks are told again as they are.
async fn an_agent_comes_back_after(harm: impl Fn(&Proxy)) -> Result<()> {
    let mut plan = plan(2, "cpus:2;mem:512");
    plan.proxied = true;
    let mut world = start(plan).await?;
    let mut ids = world.launch_waiting("a", 2).await?;
    ids.extend(world.launch_waiting("b", 2).await?);
    harm(&world.cluster.links[0]);
    world.cluster.stand(AgentState::Unreachable, 1).await?;
    world.cluster.links[0].heal();
    world.observe().await?;
    until("all tasks run", || async {
        let tasks = world.cluster.list_tasks().await.ok()?;
        let latest = tasks.iter().filter_map(|task| task.latest.as_ref());
        (latest.filter(|latest| latest.state() == TaskState::TaskRunning).count() == ids.len()).then_some(())
    })
    .await?;
    world.ends(&ids).await
}

#[tokio::test]
async fn an_agent_comes_back_after_its_link_was_cut() -> Result<()> {
    an_agent_comes_back_after(Proxy::cut).await
}

#[tokio::test]
async fn an_agent_comes_back_after_nothing_of_it_reached_the_master() -> Result<()> {
    an_agent_comes_back_after(Proxy::cut_to_server).await
}

#[tokio::test]
async fn an_agent_comes_back_after_nothing_of_the_master_reached_it() -> Result<()> {
    an_agent_comes_back_after(Proxy::cut_to_client).await
}

#[tokio::test]
async fn an_agent_comes_back_after_its_connections_were_dropped() -> Result<()> {
    an_agent_comes_back_after(Proxy::drop_connections).await
}

/// What was sent before the cut arrives long after, when the master has given the agent up.
#[tokio::test]
async fn an_agent_comes_back_after_its_link_was_held() -> Result<()> {
    an_agent_comes_back_after(|link| link.set(Link { to_server: Way::Held, to_client: Way::Held, dropping: false }))
        .await
}

#[tokio::test]
async fn work_is_done_over_slow_links_that_break_again_and_again() -> Result<()> {
    let mut plan = plan(2, "cpus:4;mem:2048");
    plan.proxied = true;
    let mut world = start(plan).await?;
    let scheduler_link = Proxy::start(&world.cluster.address).await?;
    scheduler_link.delay(Duration::from_millis(30));
    world.scheduler =
        Scheduler::subscribe_logging(&scheduler_link.address(), world.request(0), world.log.clone()).await?;
    let mut open = BTreeSet::new();
    for round in 0..4 {
        for link in &world.cluster.links {
            link.delay(Duration::from_millis(20));
        }
        let ids: BTreeSet<String> = (0..8).map(|number| format!("r{round}-{number}")).collect();
        let tasks = ids.iter().map(|id| world.task(id, "sleep 0.1")).collect();
        let offer = world.scheduler.offer().await?;
        let verdicts = world.scheduler.accept(&offer, vec![launch(tasks)]).await?;
        open.extend(verdicts.into_iter().filter(|verdict| verdict.rejection.is_none()).map(|verdict| verdict.task_id));
        for link in &world.cluster.links {
            link.drop_connections();
            link.heal();
        }
        world.observe().await?;
    }
    world.all_over(&open).await?;
    world.ends(&BTreeSet::new()).await
}
