//! Standing in line, reading the log, and beginning a term.

use super::{
    SESSION_TIMEOUT, announcement, author,
    campaign::Campaign,
    client::NoSession,
    detector::{Detector, Sighting},
    log::ZooKeeperLog,
};
use crate::{
    Address, Candidate, Error, Pending, Store, Term,
    entry::{Author, beginning, new_cluster},
    replay::{Read, Replay},
};
use coordination_core::{Effect, End, Input, Sealed};
use proto_types::{ClusterId, Epoch};
use std::{path::PathBuf, sync::OnceLock, time::Duration};
use tokio::sync::watch;

/// Between attempts to begin a session; the longest, after many failures.
const RETRY: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(2));

/// The log of a cluster in ZooKeeper.
#[derive(Debug)]
pub struct ZooKeeper {
    address: Address,
    session_timeout: Duration,
    detector: OnceLock<Detector>,
}

/// Why a campaign came to nothing.
enum Failed {
    /// Another one may do better.
    Passing(String),
    /// It would be the same again.
    Final(Error),
}

impl ZooKeeper {
    /// The log at this address.
    #[must_use]
    pub fn new(address: Address) -> Self {
        Self { address, session_timeout: SESSION_TIMEOUT, detector: OnceLock::new() }
    }

    /// With another session timeout. The servers may bound it.
    #[must_use]
    pub fn with_session_timeout(mut self, timeout: Duration) -> Self {
        self.session_timeout = timeout;
        self
    }
}

impl Store for ZooKeeper {
    fn begin(&self, candidate: Candidate) -> Pending<'_, Result<Term, Error>> {
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

impl ZooKeeper {
    async fn campaign(&self, candidate: &Candidate) -> Result<Term, Failed> {
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
    async fn win(&self, campaign: &mut Campaign, candidate: &Candidate) -> Result<(Author, Read), Failed> {
        let mut replay = Replay::default();
        let mut author = None;
        loop {
            for effect in campaign.next().await {
                match effect {
                    Effect::Elected => tracing::info!("the first in line; reading the log"),
                    Effect::Entry(index, bytes) => {
                        replay.entry(index, &bytes).map_err(|damage| self.damaged(damage))?;
                    }
                    Effect::Read => {
                        let last = replay.author().map_err(|damage| self.damaged(damage))?;
                        let begins = self.author(last, candidate.cluster.as_ref()).map_err(Failed::Final)?;
                        let entry = seal(&begins, beginning(candidate.address.clone())).map_err(Failed::Final)?;
                        let shown = announcement(&begins.cluster, begins.epoch, &candidate.address);
                        author = Some(begins);
                        // It only asks; what comes of it comes next.
                        campaign.give(Input::Begin(entry, shown));
                    }
                    Effect::Standing => {
                        let read = replay.finish().map_err(|damage| self.damaged(damage))?;
                        let author = author.ok_or_else(|| Failed::Passing("nobody began this epoch".to_owned()))?;
                        return Ok((author, read));
                    }
                    Effect::Ended(End::Refused { path, why }) => {
                        return Err(Failed::Final(Error::Refused { path, why }));
                    }
                    Effect::Ended(end) => return Err(Failed::Passing(end.to_string())),
                    Effect::Ask(..) | Effect::Written(_) => {}
                }
            }
        }
    }

    /// Who the new leader is, after the last one.
    fn author(&self, last: Option<&Author>, wanted: Option<&ClusterId>) -> Result<Author, Error> {
        let path = || PathBuf::from(self.address.path());
        let cluster = match (last, wanted) {
            (Some(last), Some(wanted)) if last.cluster != *wanted => {
                return Err(Error::WrongCluster { path: path(), found: last.cluster.clone(), wanted: wanted.clone() });
            }
            (Some(last), _) => last.cluster.clone(),
            (None, Some(wanted)) => return Err(Error::Emptied { path: path(), wanted: wanted.clone() }),
            (None, None) => new_cluster(),
        };
        Ok(Author { cluster, epoch: Epoch(last.map_or(0, |last| last.epoch.0) + 1) })
    }

    fn damaged(&self, source: crate::Damage) -> Failed {
        Failed::Final(Error::Damaged { path: PathBuf::from(self.address.path()), source })
    }
}

/// An entry's bytes, and who it is by.
pub(super) fn seal(
    author_of: &Author,
    content: proffer_proto::storage::v1::log_entry::Content,
) -> Result<Sealed, Error> {
    let bytes = author_of.seal(content);
    author(&bytes).map(|author| Sealed { author, bytes }).ok_or(Error::Stopped)
}

fn lead(campaign: Campaign, author: Author, read: Read) -> Term {
    let (log, tenure) = ZooKeeperLog::begin(campaign, author.clone(), read.growth);
    Term { cluster: author.cluster, epoch: author.epoch, changes: read.changes, log: Box::new(log), tenure }
}
