//! Schedulers that keep what they are offered, and tell when.

use anyhow::{Context as _, Result};
use e2e::wait::PATIENCE;
use proffer_framework::{Context, Framework, FrameworkId, Offer, ResourceName, Scalar, Scheduler, TaskStatus};
use std::{collections::BTreeSet, time::Instant};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant as Deadline, timeout_at},
};

/// What a scheduler heard.
#[derive(Debug)]
enum Heard {
    Subscribed(FrameworkId),
    Offers { at: Instant, offers: Vec<Offer> },
}

struct Watcher {
    /// Without a bound: whoever measures reads all the time, and handlers must not wait.
    heard: mpsc::UnboundedSender<Heard>,
}

/// Some schedulers, each with a role of its own. They end when this is dropped.
#[derive(Debug)]
pub(crate) struct Watchers {
    heard: mpsc::UnboundedReceiver<Heard>,
    /// Their ids, once they are subscribed.
    pub(crate) frameworks: Vec<FrameworkId>,
    _running: JoinSet<()>,
}

/// The role of the framework of this number.
pub(crate) fn role(number: usize) -> String {
    format!("role{number}")
}

impl Watchers {
    /// Subscribes so many at masters with this address.
    ///
    /// # Errors
    /// If they are not subscribed in time.
    pub(crate) async fn subscribe(address: &str, count: usize) -> Result<Self> {
        let (mut frameworks, mut running) = (Vec::new(), JoinSet::new());
        let (sender, mut heard) = mpsc::unbounded_channel();
        for number in 0..count {
            let mut watcher = Watcher { heard: sender.clone() };
            let builder = Framework::builder(format!("watcher{number}")).roles([role(number)]).master(address);
            let framework = builder.build().context("describe a framework")?;
            running.spawn(async move {
                if let Err(error) = framework.run(&mut watcher).await {
                    eprintln!("a scheduler ended: {error}");
                }
            });
            // One after the other: their ids are in the order of their roles.
            while frameworks.len() <= number {
                if let Heard::Subscribed(id) = next(&mut heard, Deadline::now() + PATIENCE).await? {
                    frameworks.push(id);
                }
            }
        }
        Ok(Self { heard, frameworks, _running: running })
    }

    /// When so many agents have been offered, each with just so many cpus, from now on; and when the first was.
    ///
    /// # Errors
    /// If they are not in time, or one is offered with other cpus.
    pub(crate) async fn offered(&mut self, agents: usize, cpus: Scalar) -> Result<(Instant, Instant)> {
        let deadline = Deadline::now() + PATIENCE;
        let (mut seen, mut first) = (BTreeSet::new(), None);
        loop {
            let heard = next(&mut self.heard, deadline).await;
            let heard = heard.with_context(|| format!("{} of {agents} agents were offered", seen.len()))?;
            let Heard::Offers { at, offers } = heard else { continue };
            for offer in offers {
                let offered = offer.resources.scalar(&ResourceName::Cpus);
                anyhow::ensure!(offered == cpus, "agent {} was offered with {offered} cpus", offer.agent);
                seen.insert(offer.agent);
            }
            let first = *first.get_or_insert(at);
            if seen.len() == agents {
                return Ok((first, at));
            }
        }
    }
}

async fn next(heard: &mut mpsc::UnboundedReceiver<Heard>, deadline: Deadline) -> Result<Heard> {
    timeout_at(deadline, heard.recv()).await.context("no word in time")?.context("the schedulers ended")
}

impl Scheduler for Watcher {
    fn subscribed(&mut self, _: &mut Context<'_>, framework: &FrameworkId, _: bool) {
        let _ = self.heard.send(Heard::Subscribed(framework.clone()));
    }

    fn offers(&mut self, _: &mut Context<'_>, offers: Vec<Offer>) {
        let _ = self.heard.send(Heard::Offers { at: Instant::now(), offers });
    }

    fn update(&mut self, _: &mut Context<'_>, _: TaskStatus) {}
}
