//! Several masters of which one leads, and what becomes of work when it goes.

mod identity;
mod links;
mod nemesis;
mod old_leaders;
mod strangers;
mod work;

use anyhow::Result;
use e2e::{elected::Elected, running::Running, wait::until};
use nix::sys::signal::Signal;
use tokio::process::Command;
use work::{begin_map, begun, came_right};

#[tokio::test(flavor = "multi_thread")]
async fn work_goes_on_while_leaders_are_killed_and_stopped() -> Result<()> {
    let mut cluster = Elected::start(3, 3).await?;
    let evidence = cluster.directory.path().join("evidence");
    let map = begin_map(&cluster, &evidence, 400, 0.05)?;
    until("work has begun", || async { (begun(&evidence) > 20).then_some(()) }).await?;
    let first = cluster.leader(&[]).await?;
    cluster.end_master(first, Signal::SIGKILL).await?;
    let second = cluster.leader(&[first]).await?;
    cluster.connected().await?;
    cluster.start_master(first)?;
    // A leader that stands still and wakes up when another leads: nothing that it still wanted to do happens.
    cluster.stop_master(second).await?;
    let third = cluster.leader(&[second]).await?;
    cluster.signal_master(second, Signal::SIGCONT)?;
    until("the old leader leads no more", || async {
        cluster.told(second, "/api/v1/cluster").await.is_none().then_some(())
    })
    .await?;
    assert_ne!(second, third);
    came_right(map, &evidence, 400).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_sends_everybody_to_the_leader() -> Result<()> {
    let mut cluster = Elected::start(2, 1).await?;
    let leader = cluster.leader(&[]).await?;
    let standby = 1 - leader;
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    let url = format!("http://{}/api/v1/agents?page_size=1", cluster.master(standby));
    let answer = client.get(&url).send().await?;
    assert_eq!(answer.status(), 307);
    let location = format!("http://{}/api/v1/agents?page_size=1", cluster.master(leader));
    assert_eq!(answer.headers()["location"], location);
    let list = |master: String| {
        let mut command = Command::new(cluster.binary());
        command.args(["agents", "--json", "--master", &master]);
        async move { command.output().await }
    };
    let through_standby = list(cluster.master(standby).to_owned()).await?;
    assert!(through_standby.status.success(), "{through_standby:?}");
    let through_zookeeper = list(cluster.address()).await?;
    assert_eq!(through_zookeeper.stdout, through_standby.stdout);
    // Asked to end, a leader gives its place away at once.
    cluster.end_master(leader, Signal::SIGTERM).await?;
    assert_eq!(cluster.leader(&[leader]).await?, standby);
    cluster.connected().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_run_on_while_no_master_and_no_zookeeper_is_there() -> Result<()> {
    let mut cluster = Elected::start(2, 2).await?;
    let evidence = cluster.directory.path().join("evidence");
    let map = begin_map(&cluster, &evidence, 60, 0.05)?;
    until("work has begun", || async { (begun(&evidence) > 5).then_some(()) }).await?;
    for index in 0..3 {
        cluster.ensemble.kill_server(index).await?;
    }
    for index in 0..2 {
        until("nobody leads", || async { cluster.told(index, "/api/v1/cluster").await.is_none().then_some(()) })
            .await?;
    }
    for index in 0..2 {
        cluster.end_master(index, Signal::SIGKILL).await?;
    }
    for index in 0..3 {
        cluster.ensemble.start_server(index)?;
    }
    cluster.ensemble.serves().await?;
    for index in 0..2 {
        cluster.start_master(index)?;
    }
    cluster.connected().await?;
    came_right(map, &evidence, 60).await
}
