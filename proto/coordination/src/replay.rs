//! Reading a log from its beginning, whatever keeps it.

use crate::{
    Damage,
    entry::{Author, open},
    growth::Growth,
};
use proffer_proto::storage::v1::{self, RegistrySnapshot, SnapshotPiece, log_entry::Content};
use prost::Message;
use proto_types::{ClusterId, Epoch, registry::RegistryChange};

/// What the entries read so far amount to.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    last: Option<Last>,
    changes: Vec<RegistryChange>,
    growth: Growth,
    /// A snapshot of which not all pieces were read yet.
    partial: Option<Partial>,
    /// Whether entries before the next snapshot were compacted away.
    gap: bool,
}

/// The entry read last.
#[derive(Debug)]
struct Last {
    index: u64,
    author: Author,
}

#[derive(Debug)]
struct Partial {
    next: u32,
    count: u32,
    bytes: Vec<u8>,
}

/// A log that was read.
#[derive(Debug)]
pub(crate) struct Read {
    /// Who wrote last; none: the log is empty.
    pub(crate) author: Option<Author>,
    /// Where the next entry goes.
    pub(crate) next: u64,
    pub(crate) changes: Vec<RegistryChange>,
    pub(crate) growth: Growth,
}

impl Replay {
    /// Reads the next entry. Numbers go up; where they leap, what is missing must be in a snapshot that follows.
    pub(crate) fn entry(&mut self, index: u64, bytes: &[u8]) -> Result<(), Damage> {
        let entry = open(index, bytes)?;
        let cluster = entry.header.map(|header| header.cluster_id).unwrap_or_default();
        let author = self.follows(index, &cluster, Epoch(entry.epoch))?;
        self.last = Some(Last { index, author });
        match entry.content {
            Some(Content::Snapshot(piece)) => return self.piece(index, piece),
            Some(Content::EpochBegun(_)) => {}
            Some(Content::Changes(changes)) => {
                self.growth.append(bytes.len());
                if !self.gap {
                    take(index, changes.changes, &mut self.changes)?;
                }
            }
            None => return Err(Damage::Order { entry: index, why: "it has no content" }),
        }
        // A leader that died while it wrote a snapshot left some pieces; nothing was compacted for their sake.
        self.partial = None;
        Ok(())
    }

    /// What was read.
    pub(crate) fn finish(self) -> Result<Read, Damage> {
        let next = self.last.as_ref().map_or(0, |last| last.index + 1);
        if self.gap {
            return Err(Damage::Order { entry: next, why: "entries are missing and no snapshot replaces them" });
        }
        Ok(Read { author: self.last.map(|last| last.author), next, changes: self.changes, growth: self.growth })
    }

    fn follows(&mut self, index: u64, cluster: &str, epoch: Epoch) -> Result<Author, Damage> {
        let Some(last) = &self.last else {
            self.gap = index > 0;
            let cluster = ClusterId::new(cluster)
                .map_err(|_| Damage::Order { entry: index, why: "it does not say of which cluster it is" })?;
            return Ok(Author { cluster, epoch });
        };
        if cluster != last.author.cluster.as_str() {
            let expected = last.author.cluster.clone();
            return Err(Damage::Mixed { entry: index, found: cluster.to_owned(), expected });
        }
        if epoch < last.author.epoch {
            return Err(Damage::Order { entry: index, why: "its epoch is lower than that of the entry before" });
        }
        if index != last.index + 1 {
            self.gap = true;
        }
        Ok(Author { cluster: last.author.cluster.clone(), epoch })
    }

    fn piece(&mut self, index: u64, piece: SnapshotPiece) -> Result<(), Damage> {
        let mut partial = match self.partial.take() {
            _ if piece.index == 0 => Partial { next: 0, count: piece.count, bytes: Vec::new() },
            Some(partial) => partial,
            None => {
                return Err(Damage::Order { entry: index, why: "the snapshot that it is a piece of has no beginning" });
            }
        };
        if piece.index != partial.next || piece.count != partial.count {
            return Err(Damage::Order { entry: index, why: "a piece of the snapshot before it is missing" });
        }
        partial.bytes.extend_from_slice(&piece.bytes);
        partial.next += 1;
        if partial.next < partial.count {
            self.partial = Some(partial);
            return Ok(());
        }
        let snapshot = RegistrySnapshot::decode(&*partial.bytes).map_err(|error| Damage::Decode(index, error))?;
        self.changes.clear();
        take(index, snapshot.changes, &mut self.changes)?;
        self.growth.compact(partial.bytes.len());
        self.gap = false;
        Ok(())
    }
}

fn take(index: u64, wire: Vec<v1::RegistryChange>, changes: &mut Vec<RegistryChange>) -> Result<(), Damage> {
    changes.reserve(wire.len());
    for change in wire {
        changes.push(change.try_into().map_err(|invalid| Damage::Invalid(index, invalid))?);
    }
    Ok(())
}
