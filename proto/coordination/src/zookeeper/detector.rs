//! Following who leads.

use super::{
    SESSION_TIMEOUT, TICK,
    client::{Client, Event},
    leader, now,
};
use crate::{Address, Leader};
use coordination_core::{Answer, Detection, Lease, Noticed, Paths, Request, Ticket};
use std::time::Duration;
use tokio::{
    sync::watch,
    task::{AbortHandle, JoinSet},
};

/// Between attempts to begin a session.
const RETRY: Duration = Duration::from_secs(1);

/// What is known of the leader.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sighting {
    /// Who leads; none: nobody, as far as is known.
    pub leader: Option<Leader>,
    /// Why it may be otherwise, for people.
    pub trouble: Option<String>,
}

/// Follows who leads, until it is dropped.
#[derive(Debug)]
pub struct Detector {
    sightings: watch::Receiver<Sighting>,
    task: AbortHandle,
}

impl Detector {
    /// Begins to follow.
    #[must_use]
    pub fn new(address: Address) -> Self {
        let (sender, sightings) = watch::channel(Sighting::default());
        let task = tokio::spawn(follow(address, sender)).abort_handle();
        Self { sightings, task }
    }

    /// What is known now, and whenever it changes.
    #[must_use]
    pub fn sightings(&self) -> watch::Receiver<Sighting> {
        self.sightings.clone()
    }

    /// Waits until somebody leads, for so long at most.
    ///
    /// # Errors
    /// Why nobody is known to lead.
    pub async fn leader(&self, patience: Duration) -> Result<Leader, String> {
        let mut sightings = self.sightings();
        let found = tokio::time::timeout(patience, sightings.wait_for(|sighting| sighting.leader.is_some())).await;
        if let Ok(Ok(sighting)) = found
            && let Some(leader) = sighting.leader.clone()
        {
            return Ok(leader);
        }
        let trouble = self.sightings.borrow().trouble.clone();
        Err(trouble.unwrap_or_else(|| "no master leads there".to_owned()))
    }

    /// Waits until another master leads than the one at this address.
    pub async fn other_than(&self, address: &str) -> Leader {
        let mut sightings = self.sightings();
        let other = sightings.wait_for(|seen| seen.leader.as_ref().is_some_and(|leader| leader.address != address));
        match other.await.ok().and_then(|seen| seen.leader.clone()) {
            Some(leader) => leader,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Detector {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn follow(address: Address, sightings: watch::Sender<Sighting>) {
    let mut detection = Detection::new(Paths::new(address.path()), leader, now());
    loop {
        match Client::begin(&address, SESSION_TIMEOUT).await {
            Ok(mut client) => {
                watch_with(&mut client, &mut detection, &sightings).await;
                detection.disconnected();
                client.close().await;
            }
            Err(error) => {
                sightings.send_if_modified(|sighting| {
                    let trouble = Some(error.to_string());
                    std::mem::replace(&mut sighting.trouble, trouble) != sighting.trouble
                });
            }
        }
        tokio::time::sleep(RETRY.mul_f64(rand::random_range(0.5..1.0))).await;
    }
}

/// Follows with one client, until it has to be given up.
async fn watch_with(client: &mut Client, detection: &mut Detection, sightings: &watch::Sender<Sighting>) {
    let mut asked: JoinSet<(Ticket, Answer)> = JoinSet::new();
    let mut ticks = tokio::time::interval(TICK);
    let mut lease = Lease::new(SESSION_TIMEOUT, now());
    let mut requests = detection.connected(now());
    loop {
        for (ticket, request) in requests.drain(..) {
            let answer = client.ask(Request::clone(&request));
            asked.spawn(async move { (ticket, answer.await) });
        }
        requests = tokio::select! {
            biased;
            event = client.next_event() => match event {
                Event::Connected => detection.connected(now()),
                Event::Disconnected => {
                    detection.disconnected();
                    Vec::new()
                }
                Event::Changed(path) => detection.changed(&path, now()),
                Event::Expired => return,
            },
            Some(answered) = asked.join_next() => {
                let Ok((ticket, answer)) = answered else { continue };
                if answer != Answer::Lost {
                    lease.renew(now());
                }
                let (noticed, requests) = detection.answered(ticket, answer, now());
                if let Some(noticed) = noticed {
                    publish(noticed, sightings);
                }
                requests
            }
            _ = ticks.tick() => {
                if lease.is_over(now()) {
                    return;
                }
                detection.tick(now())
            }
        };
    }
}

fn publish(noticed: Noticed, sightings: &watch::Sender<Sighting>) {
    let seen = match noticed {
        Noticed::Leader(leader) => Sighting { leader: Some(leader), trouble: None },
        Noticed::Nobody => Sighting::default(),
        Noticed::Trouble(trouble) => Sighting { leader: None, trouble: Some(trouble) },
    };
    sightings.send_if_modified(|sighting| {
        let changed = *sighting != seen;
        *sighting = seen;
        changed
    });
}
