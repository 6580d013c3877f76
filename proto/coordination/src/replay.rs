//! Reading a log from its beginning, whatever keeps it.

use crate::{
    Damage, Record,
    entry::{Author, open},
    growth::Growth,
};
use proffer_proto::storage::v1::{SnapshotPiece, log_entry::Content};
use proto_types::{ClusterId, Epoch, registry::RegistryChange};

/// What the entries read so far amount to.
#[derive(Debug)]
pub struct Replay<R: Record = RegistryChange> {
    last: Option<Last>,
    changes: Vec<R>,
    growth: Growth,
    /// A snapshot of which not all pieces were read yet.
    partial: Option<Partial>,
    /// A batch of which the last entry was not read yet.
    batch: Vec<R::Stored>,
    /// What is read since here counts for nothing until a snapshot replaces it.
    gap: Option<Gap>,
}

/// The entry read last.
#[derive(Debug)]
struct Last {
    index: u64,
    epoch: Epoch,
    /// Who wrote in the highest epoch so far.
    author: Author,
}

/// Where the log does not go on from one entry to the next.
#[derive(Debug)]
struct Gap {
    entry: u64,
    why: &'static str,
}

#[derive(Debug)]
struct Partial {
    next: u32,
    count: u32,
    bytes: Vec<u8>,
}

/// A log that was read.
#[derive(Debug)]
pub struct Read<R = RegistryChange> {
    /// Who wrote last; none: the log is empty.
    pub author: Option<Author>,
    /// Where the next entry goes.
    pub next: u64,
    /// The changes that rebuild what was written, in order.
    pub changes: Vec<R>,
    pub(crate) growth: Growth,
}

impl<R: Record> Default for Replay<R> {
    fn default() -> Self {
        Self { last: None, changes: Vec::new(), growth: Growth::default(), partial: None, batch: Vec::new(), gap: None }
    }
}

impl<R: Record> Replay<R> {
    /// Reads the next entry. Numbers go up; where they leap, what is missing must be in a snapshot that follows.
    ///
    /// # Errors
    /// What is wrong with the entry.
    pub fn entry(&mut self, index: u64, bytes: &[u8]) -> Result<(), Damage> {
        let entry = open(index, bytes)?;
        let cluster = entry.header.map(|header| header.cluster_id).unwrap_or_default();
        self.follow(index, &cluster, Epoch(entry.epoch))?;
        match entry.content {
            Some(Content::Snapshot(piece)) => {
                self.batch.clear();
                return self.piece(index, piece);
            }
            // A leader that died in the middle of a batch left the rest unwritten; nobody was told of any of it.
            Some(Content::EpochBegun(_)) => self.batch.clear(),
            Some(content) => {
                let Some((changes, more)) = R::contained(content) else {
                    return Err(Damage::Order { entry: index, why: "it is of a log of another kind" });
                };
                self.growth.append(bytes.len());
                self.batch.extend(changes);
                if !more {
                    let batch = std::mem::take(&mut self.batch);
                    if self.gap.is_none() {
                        self.changes.extend(restore(index, batch)?);
                    }
                }
            }
            None => return Err(Damage::Order { entry: index, why: "it has no content" }),
        }
        // A leader that died while it wrote a snapshot left some pieces; nothing was compacted for their sake.
        self.partial = None;
        Ok(())
    }

    /// Who wrote last, if what was read so far is a whole log; none: it is empty.
    ///
    /// # Errors
    /// Entries are missing.
    pub fn author(&self) -> Result<Option<&Author>, Damage> {
        if let Some(Gap { entry, why }) = self.gap {
            return Err(Damage::Order { entry, why });
        }
        Ok(self.last.as_ref().map(|last| &last.author))
    }

    /// What was read.
    ///
    /// # Errors
    /// Entries are missing.
    pub fn finish(self) -> Result<Read<R>, Damage> {
        let (author, next) = (self.author()?.cloned(), self.next());
        Ok(Read { author, next, changes: self.changes, growth: self.growth })
    }

    fn next(&self) -> u64 {
        self.last.as_ref().map_or(0, |last| last.index + 1)
    }

    fn follow(&mut self, index: u64, cluster: &str, epoch: Epoch) -> Result<(), Damage> {
        const MISSING: &str = "entries before it are missing and no snapshot replaces them";
        let Some(last) = &mut self.last else {
            self.gap = (index > 0).then_some(Gap { entry: index, why: MISSING });
            let cluster = ClusterId::new(cluster)
                .map_err(|_| Damage::Order { entry: index, why: "it does not say of which cluster it is" })?;
            self.last = Some(Last { index, epoch, author: Author { cluster, epoch } });
            return Ok(());
        };
        if cluster != last.author.cluster.as_str() {
            let expected = last.author.cluster.clone();
            return Err(Damage::Mixed { entry: index, found: cluster.to_owned(), expected });
        }
        if index != last.index + 1 {
            self.gap.get_or_insert(Gap { entry: index, why: MISSING });
        } else if epoch < last.epoch {
            // A candidate that read the log before a compaction may have put its first entry where one was removed. It
            // never led, and the snapshot for whose sake that was removed comes after it.
            self.gap.get_or_insert(Gap { entry: index, why: "its epoch is lower than that of the entry before" });
        }
        (last.index, last.epoch) = (index, epoch);
        last.author.epoch = last.author.epoch.max(epoch);
        Ok(())
    }

    fn piece(&mut self, index: u64, piece: SnapshotPiece) -> Result<(), Damage> {
        let mut partial = match self.partial.take() {
            _ if piece.index == 0 => Partial { next: 0, count: piece.count, bytes: Vec::new() },
            Some(partial) if piece.index == partial.next && piece.count == partial.count => partial,
            // A leader that died while it removed an older snapshot left some pieces; the newer one comes after them.
            partial => {
                let why = match partial {
                    Some(_) => "a piece of the snapshot before it is missing",
                    None => "the snapshot that it is a piece of has no beginning",
                };
                self.gap.get_or_insert(Gap { entry: index, why });
                return Ok(());
            }
        };
        partial.bytes.extend_from_slice(&piece.bytes);
        partial.next += 1;
        if partial.next < partial.count {
            self.partial = Some(partial);
            return Ok(());
        }
        let stored = R::read_snapshot(&partial.bytes).map_err(|error| Damage::Decode(index, error))?;
        self.changes = restore(index, stored)?;
        self.growth.compact(partial.bytes.len());
        self.gap = None;
        Ok(())
    }
}

fn restore<R: Record>(index: u64, stored: Vec<R::Stored>) -> Result<Vec<R>, Damage> {
    R::restore(stored).map_err(|invalid| Damage::Invalid(index, invalid))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        FORMAT,
        entry::{CONTENT_BYTES_MAX, Stamp, batches, beginning, pieces, seal},
    };
    use proffer_proto::storage::v1::{self, Header, LogEntry};
    use proto_types::{AgentId, Principal, registry::Fact, time::Wall};

    fn author(epoch: u64) -> Author {
        Author { cluster: ClusterId::new("c").unwrap(), epoch: Epoch(epoch) }
    }

    fn gone(number: u64) -> RegistryChange {
        let agent = AgentId::new(format!("agent-{number}")).unwrap();
        RegistryChange { principal: Principal::anonymous(), fact: Fact::AgentMarkedGone { agent, since: Wall(number) } }
    }

    fn begun() -> Content {
        beginning("127.0.0.1:5050".to_owned())
    }

    fn changes(changes: &[RegistryChange]) -> Content {
        batches(changes, CONTENT_BYTES_MAX).pop().unwrap()
    }

    /// The bytes of an entry by an author.
    fn by(author: &Author, content: Content) -> Vec<u8> {
        author.seal(content, Stamp { nonce: 7, written_ms: 0 }).bytes
    }

    /// Reads entries with their numbers.
    fn read(entries: impl IntoIterator<Item = (u64, Vec<u8>)>) -> Result<Vec<RegistryChange>, Damage> {
        let mut replay = Replay::<RegistryChange>::default();
        for (index, bytes) in entries {
            replay.entry(index, &bytes)?;
        }
        replay.finish().map(|read| read.changes)
    }

    /// Entries of one epoch from number 0 on.
    fn entries(contents: impl IntoIterator<Item = Content>) -> Vec<(u64, Vec<u8>)> {
        (0..).zip(contents.into_iter().map(|content| by(&author(1), content))).collect()
    }

    fn order(result: Result<Vec<RegistryChange>, Damage>, number: u64, words: &str) {
        match result {
            Err(Damage::Order { entry, why }) => assert!(entry == number && why.contains(words), "{entry}: {why}"),
            other => panic!("{other:?} instead of trouble at entry {number}: {words}"),
        }
    }

    #[test]
    fn an_empty_log_is_of_nobody() {
        let read = Replay::<RegistryChange>::default().finish().unwrap();
        assert!(read.author.is_none() && read.next == 0 && read.changes.is_empty());
    }

    #[test]
    fn changes_come_back_in_order() {
        let log = entries([begun(), changes(&[gone(1), gone(2)]), changes(&[gone(3)])]);
        assert_eq!(read(log).unwrap(), [gone(1), gone(2), gone(3)]);
    }

    #[test]
    fn a_snapshot_in_pieces_replaces_what_was_before() {
        let mut log = vec![begun(), changes(&[gone(1)])];
        log.extend(pieces(&[gone(2), gone(3)], 7));
        log.push(changes(&[gone(4)]));
        assert_eq!(read(entries(log)).unwrap(), [gone(2), gone(3), gone(4)]);
    }

    #[test]
    fn entries_before_a_snapshot_may_be_missing_and_no_others() {
        let mut log = entries([begun(), changes(&[gone(1)]), changes(&[gone(2)])]);
        log.extend(pieces(&[gone(2)], 7).into_iter().map(|piece| by(&author(1), piece)).zip(3..).map(|(a, b)| (b, a)));
        let whole = log.clone();
        log.remove(1);
        assert_eq!(read(log.clone()).unwrap(), [gone(2)]);
        log.remove(0);
        assert_eq!(read(log.clone()).unwrap(), [gone(2)], "even the first entry may be");
        log.pop();
        order(read(log), 2, "no snapshot replaces them");
        let without_a_piece = whole.iter().enumerate().filter(|(index, _)| *index != 4).map(|(_, entry)| entry.clone());
        order(read(without_a_piece), 5, "are missing");
    }

    #[test]
    fn an_unfinished_snapshot_counts_for_nothing() {
        let mut log = vec![begun(), changes(&[gone(1)])];
        log.extend(pieces(&[gone(9)], 7).into_iter().take(2));
        assert_eq!(read(entries(log.clone())).unwrap(), [gone(1)]);
        log.extend([begun(), changes(&[gone(2)])]);
        assert_eq!(read(entries(log.clone())).unwrap(), [gone(1), gone(2)]);
        log.extend(pieces(&[gone(3)], 7).into_iter().skip(1));
        order(read(entries(log)), 6, "has no beginning");
    }

    #[test]
    fn pieces_that_are_left_of_an_older_snapshot_count_for_nothing() {
        let (older, newer) = (pieces(&[gone(1), gone(2)], 7), pieces(&[gone(3)], CONTENT_BYTES_MAX));
        assert!(older.len() > 3);
        let log: Vec<_> = entries([begun()].into_iter().chain(older).chain(newer).chain([changes(&[gone(4)])]));
        for removed in [vec![1], vec![1, 2], vec![2], vec![1, 3]] {
            let left = log.iter().filter(|(index, _)| !removed.contains(index)).cloned();
            assert_eq!(read(left).unwrap(), [gone(3), gone(4)], "without {removed:?}");
        }
    }

    #[test]
    fn a_flipped_bit_is_found() {
        let log = entries([begun(), changes(&[gone(1)])]);
        for position in 0..log[1].1.len() {
            let mut damaged = log.clone();
            damaged[1].1[position] ^= 1;
            assert_eq!(read(damaged), Err(Damage::Checksum(1)), "byte {position}");
        }
        assert_eq!(read([(0, vec![1, 2, 3])]), Err(Damage::Checksum(0)));
    }

    #[test]
    fn a_newer_format_is_refused_and_says_what_reads_it() {
        let entry = |format, minimum_reader| {
            let header = Header { cluster_id: "c".to_owned(), format, minimum_reader };
            seal(&LogEntry { header: Some(header), epoch: 1, content: Some(begun()), ..LogEntry::default() })
        };
        assert_eq!(read([(0, entry(FORMAT + 5, FORMAT))]), Ok(Vec::new()), "newer, but readable");
        let refused = Damage::TooNew { entry: 0, format: FORMAT + 5, needed: FORMAT + 1, here: FORMAT };
        assert_eq!(read([(0, entry(FORMAT + 5, FORMAT + 1))]), Err(refused));
    }

    #[test]
    fn entries_of_two_clusters_are_refused() {
        let other = Author { cluster: ClusterId::new("d").unwrap(), epoch: Epoch(1) };
        let expected = ClusterId::new("c").unwrap();
        let mixed = Damage::Mixed { entry: 1, found: "d".to_owned(), expected };
        assert_eq!(read([(0, by(&author(1), begun())), (1, by(&other, begun()))]), Err(mixed));
    }

    #[test]
    fn epochs_only_rise() {
        let log = [(0, by(&author(2), begun())), (1, by(&author(1), changes(&[gone(1)])))];
        order(read(log), 1, "lower");
    }

    #[test]
    fn a_first_entry_where_one_was_compacted_away_counts_for_nothing_but_its_epoch() {
        let (led, never_led) = (author(1), author(2));
        let snapshot = by(&led, pieces(&[gone(1), gone(2)], CONTENT_BYTES_MAX).remove(0));
        for stray in [2, 4] {
            let mut log = vec![(0, by(&led, begun())), (stray, by(&never_led, begun())), (5, snapshot.clone())];
            log.push((6, by(&led, changes(&[gone(3)]))));
            let mut replay = Replay::<RegistryChange>::default();
            log.iter().for_each(|(index, bytes)| replay.entry(*index, bytes).unwrap());
            let read = replay.finish().unwrap();
            assert_eq!(read.changes, [gone(1), gone(2), gone(3)], "at {stray}");
            assert_eq!((read.author, read.next), (Some(never_led.clone()), 7), "the next epoch is above all that were");
        }
    }

    #[test]
    fn a_batch_counts_only_with_its_last_entry() {
        let part = |number, more| {
            let changes = vec![v1::RegistryChange::from(&gone(number))];
            Content::Changes(v1::RegistryChanges { changes, more })
        };
        let log = entries([begun(), part(1, true), begun(), part(2, true), part(3, false), part(4, true)]);
        assert_eq!(read(log), Ok(vec![gone(2), gone(3)]));
    }

    #[test]
    fn an_entry_without_content_is_damage() {
        let header = Header { cluster_id: "c".to_owned(), format: FORMAT, minimum_reader: FORMAT };
        let empty = seal(&LogEntry { header: Some(header), ..LogEntry::default() });
        order(read([(0, empty)]), 0, "no content");
        order(read([(0, seal(&LogEntry::default()))]), 0, "of which cluster");
    }

    #[test]
    fn what_is_written_stays_below_a_mebibyte_and_is_whole() {
        let all: Vec<_> = (0..60_000).map(gone).collect();
        let (batches, pieces) = (batches(&all, CONTENT_BYTES_MAX), pieces(&all, CONTENT_BYTES_MAX));
        assert!(batches.len() > 1 && pieces.len() > 1);
        for contents in [batches, pieces] {
            let log = entries(std::iter::once(begun()).chain(contents));
            assert!(log.iter().all(|(_, bytes)| bytes.len() < CONTENT_BYTES_MAX + 64 * 1024));
            assert_eq!(read(log).unwrap(), all);
        }
    }
}
