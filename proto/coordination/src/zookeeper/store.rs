//! Standing in line, reading the log, and beginning a term.

use super::{
    SESSION_TIMEOUT,
    bid::Bid,
    campaign::Campaign,
    client::NoSession,
    detector::{Detector, Sighting},
    log::ZooKeeperLog,
};
use crate::{
    Address, Candidate, Error, ObjectChange, Pending, Record, Store, Term,
    entry::{Author, Stamp, new_cluster},
    replay::Read,
    succession::Mistake,
};
use coordination_core::{Effect, End, Input};
use proto_types::registry::RegistryChange;
use std::{marker::PhantomData, path::PathBuf, sync::OnceLock, time::Duration};
use tokio::sync::watch;

/// Between attempts to begin a session; the longest, after many failures.
const RETRY: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(2));

/// The log of a cluster in ZooKeeper.
#[derive(Debug)]
pub struct ZooKeeper<R = RegistryChange> {
    address: Address,
    session_timeout: Duration,
    detector: OnceLock<Detector>,
    keeps: PhantomData<fn() -> R>,
}

/// Why a campaign came to nothing.
enum Failed {
    /// Another one may do better.
    Passing(String),
    /// It would be the same again.
    Final(Error),
}

impl ZooKeeper {
    /// The log of a registry at this address.
    #[must_use]
    pub fn new(address: Address) -> Self {
        Self::at(address)
    }
}

impl ZooKeeper<ObjectChange> {
    /// The log of an object store at this address, which no other log may have.
    #[must_use]
    pub fn objects(address: Address) -> Self {
        Self::at(address)
    }
}

impl<R> ZooKeeper<R> {
    const fn at(address: Address) -> Self {
        Self { address, session_timeout: SESSION_TIMEOUT, detector: OnceLock::new(), keeps: PhantomData }
    }

    /// With another session timeout. The servers may bound it.
    #[must_use]
    pub fn with_session_timeout(mut self, timeout: Duration) -> Self {
        self.session_timeout = timeout;
        self
    }
}

impl<R: Record> Store<R> for ZooKeeper<R> {
    fn begin(&self, candidate: Candidate) -> Pending<'_, Result<Term<R>, Error>> {
        Box::pin(async move {
            let (mut wait, mut said) = (RETRY.0, String::new());
            loop {
                match Box::pin(self.campaign(&candidate)).await {
                    Ok(term) => return Ok(term),
                    Err(Failed::Final(error)) => return Err(error),
                    Err(Failed::Passing(why)) if why == said => tracing::debug!("{why}; trying again"),
                    Err(Failed::Passing(why)) => {
                        tracing::warn!("{why}; trying again until it succeeds");
                        said = why;
                        wait = RETRY.0;
                    }
                }
                tokio::time::sleep(wait.mul_f64(rand::random_range(0.5..1.0))).await;
                wait = (wait * 2).min(RETRY.1);
            }
        })
    }

    fn leader(&self) -> Option<watch::Receiver<Sighting>> {
        Some(self.detector.get_or_init(|| Detector::new(self.address.clone())).sightings())
    }
}

impl<R: Record> ZooKeeper<R> {
    async fn campaign(&self, candidate: &Candidate) -> Result<Term<R>, Failed> {
        let begun = Campaign::begin(&self.address, self.session_timeout).await;
        let mut campaign = begun.map_err(|error| match error {
            NoSession::Unreachable { .. } => Failed::Passing(error.to_string()),
            NoSession::Refused { path, why } => Failed::Final(Error::Refused { path, why }),
        })?;
        match self.win(&mut campaign, candidate).await {
            Ok((author, read)) => Ok(lead(campaign, author, read)),
            Err(failed) => {
                campaign.close().await;
                Err(failed)
            }
        }
    }

    /// Waits for its turn, reads, and begins the epoch.
    async fn win(&self, campaign: &mut Campaign, candidate: &Candidate) -> Result<(Author, Read<R>), Failed> {
        let mut bid = Bid::new(candidate.clone());
        loop {
            for effect in campaign.next().await {
                match effect {
                    Effect::Elected => tracing::info!("the first in line; reading the log"),
                    Effect::Entry(index, bytes) => bid.read(index, &bytes).map_err(|mistake| self.mistaken(mistake))?,
                    Effect::Read => {
                        let begun = bid.begin(new_cluster(), Stamp::draw());
                        let (entry, shown) = begun.map_err(|mistake| self.mistaken(mistake))?;
                        // It only asks; what comes of it comes next.
                        campaign.give(Input::Begin(entry, shown));
                    }
                    Effect::Standing => return bid.stand().map_err(|mistake| self.mistaken(mistake)),
                    Effect::Ended(End::Refused { path, why }) => {
                        return Err(Failed::Final(Error::Refused { path, why }));
                    }
                    Effect::Ended(end) => return Err(Failed::Passing(end.to_string())),
                    // Only a leader announces itself.
                    Effect::Ask(..) | Effect::Written(_) | Effect::Unannounced { .. } => {}
                }
            }
        }
    }

    fn mistaken(&self, mistake: Mistake) -> Failed {
        Failed::Final(mistake.at(PathBuf::from(self.address.path())))
    }
}

fn lead<R: Record>(campaign: Campaign, author: Author, read: Read<R>) -> Term<R> {
    let (log, tenure) = ZooKeeperLog::begin(campaign, author.clone(), read.growth);
    Term { cluster: author.cluster, epoch: author.epoch, changes: read.changes, log: Box::new(log), tenure }
}
