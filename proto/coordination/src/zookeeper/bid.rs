//! From the first entry that a candidate reads to the first that it writes: of which cluster the log is, which epoch
//! comes next, and what a term begins with. Without IO, so that the simulator elects with it too.

use super::announcement;
use crate::{
    Candidate, Damage, Record,
    entry::{Author, Stamp, beginning},
    replay::{Read, Replay},
};
use coordination_core::Sealed;
use proto_types::{ClusterId, Epoch, registry::RegistryChange};

/// A candidate's bid for a term.
#[derive(Debug)]
pub struct Bid<R: Record = RegistryChange> {
    candidate: Candidate,
    replay: Replay<R>,
    author: Option<Author>,
}

/// Why a candidate must not lead here, however often it tries. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mistake {
    /// The log cannot be read.
    #[error("the log cannot be read")]
    Damaged(#[source] Damage),
    /// The log is of another cluster than it should be.
    #[error("the log is of cluster {found}, not of {wanted}")]
    WrongCluster {
        /// The log's.
        found: ClusterId,
        /// The one that was expected.
        wanted: ClusterId,
    },
    /// The log is empty, and should not be.
    #[error("there is no log, but there was one, of cluster {wanted}")]
    Emptied {
        /// Which cluster it was of.
        wanted: ClusterId,
    },
}

impl<R: Record> Bid<R> {
    /// A bid of a candidate that has read nothing yet.
    #[must_use]
    pub fn new(candidate: Candidate) -> Self {
        Self { candidate, replay: Replay::default(), author: None }
    }

    /// An entry of the log, in order; also one that a leader before wrote while this one began.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(&mut self, index: u64, bytes: &[u8]) -> Result<(), Mistake> {
        self.replay.entry(index, bytes).map_err(Mistake::Damaged)
    }

    /// All is read: the first entry of the next epoch, and what its leader shows of itself. A log without entries
    /// becomes that of the cluster `fresh`.
    ///
    /// # Errors
    /// This candidate must not lead here.
    pub fn begin(&mut self, fresh: ClusterId, stamp: Stamp) -> Result<(Sealed, Vec<u8>), Mistake> {
        let last = self.replay.author().map_err(Mistake::Damaged)?;
        let cluster = match (last, &self.candidate.cluster) {
            (Some(last), Some(wanted)) if last.cluster != *wanted => {
                return Err(Mistake::WrongCluster { found: last.cluster.clone(), wanted: wanted.clone() });
            }
            (Some(last), _) => last.cluster.clone(),
            (None, Some(wanted)) => return Err(Mistake::Emptied { wanted: wanted.clone() }),
            (None, None) => fresh,
        };
        let author = Author { cluster, epoch: Epoch(last.map_or(0, |last| last.epoch.0) + 1) };
        let entry = author.seal(beginning(self.candidate.address.clone()), stamp);
        let shown = announcement(&author.cluster, author.epoch, &self.candidate.address);
        self.author = Some(author);
        Ok((entry, shown))
    }

    /// The first entry stands: who writes from now on, and what was written before.
    ///
    /// # Errors
    /// What was read since it began is not a log, or it never began.
    pub fn stand(self) -> Result<(Author, Read<R>), Mistake> {
        let begun = self.author.ok_or_else(|| {
            let why = "a term stands that nobody began";
            Mistake::Damaged(Damage::Order { entry: 0, why })
        });
        Ok((begun?, self.replay.finish().map_err(Mistake::Damaged)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = Stamp { nonce: 1, written_ms: 0 };

    fn cluster(name: &str) -> ClusterId {
        ClusterId::new(name).unwrap()
    }

    fn bid(wanted: Option<&str>) -> Bid<RegistryChange> {
        Bid::new(Candidate { address: "m1:5050".to_owned(), cluster: wanted.map(cluster) })
    }

    #[test]
    fn the_next_epoch_goes_on_in_the_same_cluster() {
        let (first, _) = bid(None).begin(cluster("new"), STAMP).unwrap();
        assert_eq!(first.author.epoch, Epoch(1));
        let mut second = bid(Some("new"));
        second.read(0, &first.bytes).unwrap();
        let (entry, _) = second.begin(cluster("unused"), STAMP).unwrap();
        assert_eq!(entry.author.epoch, Epoch(2));
        let (author, read) = second.stand().unwrap();
        assert_eq!((author.cluster, read.next), (cluster("new"), 1));
    }

    #[test]
    fn another_clusters_log_and_a_wiped_one_are_refused() {
        let (first, _) = bid(None).begin(cluster("other"), STAMP).unwrap();
        let mut wrong = bid(Some("own"));
        wrong.read(0, &first.bytes).unwrap();
        let mistake = Mistake::WrongCluster { found: cluster("other"), wanted: cluster("own") };
        assert_eq!(wrong.begin(cluster("new"), STAMP), Err(mistake));
        let emptied = Mistake::Emptied { wanted: cluster("own") };
        assert_eq!(bid(Some("own")).begin(cluster("new"), STAMP), Err(emptied));
    }

    #[test]
    fn what_never_began_does_not_stand() {
        assert!(matches!(bid(None).stand(), Err(Mistake::Damaged(Damage::Order { .. }))));
    }
}
