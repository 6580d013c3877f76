//! A framework's id in ZooKeeper.

use anyhow::{Context as _, Result};
use e2e::elected::Elected;
use proffer_framework::{Context, Error, Framework, FrameworkId, Offer, Scheduler, TaskStatus};
use tokio::sync::mpsc;

/// Says who it is, and does nothing.
struct Present(mpsc::UnboundedSender<FrameworkId>);

impl Scheduler for Present {
    fn subscribed(&mut self, context: &mut Context<'_>, framework: &FrameworkId, _resumed: bool) {
        context.suppress();
        let _ = self.0.send(framework.clone());
    }

    fn offers(&mut self, _: &mut Context<'_>, _: Vec<Offer>) {}

    fn update(&mut self, _: &mut Context<'_>, _: TaskStatus) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_scheduler_takes_over_wherever_it_runs() -> Result<()> {
    let cluster = Elected::start(1, 1).await?;
    let node = cluster.ensemble.address("/frameworks/present");
    let framework = |node: &str| Framework::builder("present").master(cluster.address()).id_in_zookeeper(node).build();
    let (told, mut ids) = mpsc::unbounded_channel();
    let first = framework(&node)?;
    let says = told.clone();
    let running = tokio::spawn(async move { first.run(&mut Present(says)).await });
    let id = tokio::time::timeout(e2e::wait::PATIENCE, ids.recv()).await?.context("no id")?;
    // It is not stopped: the second displaces it, and it is told so.
    let second = framework(&node)?;
    let handle = second.handle();
    let taking_over = tokio::spawn(async move { second.run(&mut Present(told)).await });
    let again = tokio::time::timeout(e2e::wait::PATIENCE, ids.recv()).await?.context("no id")?;
    assert_eq!(again, id);
    assert!(matches!(running.await?, Err(Error::Superseded(_))));
    handle.teardown().await?;
    taking_over.await??;
    // What was torn down is forgotten: the next is another framework.
    let (told, mut ids) = mpsc::unbounded_channel();
    let third = framework(&node)?;
    let running = tokio::spawn(async move { third.run(&mut Present(told)).await });
    let other = tokio::time::timeout(e2e::wait::PATIENCE, ids.recv()).await?.context("no id")?;
    assert_ne!(other, id);
    running.abort();
    let wrong = framework("zk://nowhere").err().context("that is no address")?;
    assert!(wrong.to_string().contains("names no path"), "{wrong}");
    Ok(())
}
