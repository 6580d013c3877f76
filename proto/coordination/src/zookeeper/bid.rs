//! From the first entry that a candidate reads to the first that it writes: of which cluster the log is, which epoch
//! comes next, and what a term begins with. Without IO, so that the simulator elects with it too.

use super::announcement;
use crate::{
    Candidate, Damage, Record,
    entry::{Author, Stamp},
    replay::{Read, Replay},
    succession::{Mistake, first, succeed},
};
use coordination_core::Sealed;
use proto_types::{ClusterId, registry::RegistryChange};

/// A candidate's bid for a term.
#[derive(Debug)]
pub struct Bid<R: Record = RegistryChange> {
    candidate: Candidate,
    replay: Replay<R>,
    author: Option<Author>,
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
        let author = succeed(last, &self.candidate, fresh)?;
        let entry = author.seal(first::<R>(&self.candidate), stamp);
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
    use proto_types::{Epoch, registry::Fact};

    const STAMP: Stamp = Stamp { nonce: 1, written_ms: 0 };

    fn cluster(name: &str) -> ClusterId {
        ClusterId::new(name).unwrap()
    }

    fn bid(wanted: Option<&str>) -> Bid<RegistryChange> {
        Bid::new(Candidate { address: "m1:5050".to_owned(), cluster: wanted.map(cluster), adopts_above: None })
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
    fn a_lost_log_is_begun_again_where_there_is_none_with_epochs_above() {
        let adopts =
            || Candidate { adopts_above: Some(Epoch(7)), cluster: Some(cluster("own")), ..Candidate::default() };
        let (first, _) = Bid::<RegistryChange>::new(adopts()).begin(cluster("unused"), STAMP).unwrap();
        assert_eq!(first.author.epoch, Epoch(8));
        let mut next = bid(Some("own"));
        next.read(0, &first.bytes).unwrap();
        let (entry, _) = next.begin(cluster("unused"), STAMP).unwrap();
        assert_eq!(entry.author.epoch, Epoch(9));
        let (author, read) = next.stand().unwrap();
        assert_eq!(author.cluster, cluster("own"));
        assert!(matches!(read.changes[..], [RegistryChange { fact: Fact::ClusterAdopted { above: Epoch(7) }, .. }]));
        let mut late = Bid::<RegistryChange>::new(adopts());
        late.read(0, &first.bytes).unwrap();
        assert_eq!(late.begin(cluster("unused"), STAMP), Err(Mistake::NotEmpty { found: cluster("own") }));
    }

    #[test]
    fn what_never_began_does_not_stand() {
        assert!(matches!(bid(None).stand(), Err(Mistake::Damaged(Damage::Order { .. }))));
    }
}
