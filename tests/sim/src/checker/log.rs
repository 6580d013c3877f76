//! What the masters' log in ZooKeeper holds: books that are kept from what was written, whoever reads it how.

use super::Checker;
use crate::violation::Invariant;
use coordination::entry::author;
use coordination_core::{Answer, Author, Paths, Request, Sealed};
use proffer_proto::storage::v1;
use proto_types::{Epoch, registry::RegistryChange};
use std::{
    collections::{BTreeMap, VecDeque},
    rc::Rc,
};

/// What an entry says.
#[derive(Debug, Clone)]
pub enum Meaning {
    /// An epoch begins.
    Begun,
    /// Changes.
    Changes {
        /// Which.
        changes: Vec<RegistryChange>,
        /// Whether they count only together with the next entry.
        more: bool,
    },
    /// A piece of a snapshot.
    Piece {
        /// Which, from 0.
        index: usize,
        /// Of how many.
        count: usize,
        /// The whole of it.
        whole: Rc<Vec<RegistryChange>>,
        /// The number of the last change that it holds.
        upto: u64,
    },
}

/// The books of the log.
#[derive(Debug, Default)]
pub struct LogBook {
    /// What was sealed and is not known to be written, and by which campaign.
    sealed: BTreeMap<u64, (u64, Meaning)>,
    /// Who wrote the entries that are there.
    entries: BTreeMap<u64, Author>,
    /// Which campaign leads in an epoch.
    leaders: BTreeMap<Epoch, u64>,
    /// The highest epoch that has begun at the end of the log, and where.
    newest: Option<(Epoch, u64)>,
    /// Changes that count once the last entry of their batch is written.
    batch: Vec<RegistryChange>,
    /// Where a snapshot begins of which the pieces are being written, and how many are.
    partial: Option<(u64, usize)>,
    /// Where the last whole snapshot begins.
    snapshot: Option<u64>,
    /// What amounts to the log.
    amount: Vec<RegistryChange>,
    /// What leaders appended and is not written, by epoch and number.
    appended: BTreeMap<Epoch, VecDeque<(u64, RegistryChange)>>,
}

impl LogBook {
    /// The changes that the log amounts to.
    #[must_use]
    pub fn amount(&self) -> &[RegistryChange] {
        &self.amount
    }

    /// Where the first entry of the newest epoch is.
    #[must_use]
    pub fn fence(&self) -> Option<u64> {
        self.newest.map(|(_, index)| index)
    }

    /// The changes up to here that are in a snapshot and will not be written otherwise.
    fn take_appended(&mut self, epoch: Epoch, upto: u64) -> Vec<RegistryChange> {
        let Some(appended) = self.appended.get_mut(&epoch) else { return Vec::new() };
        std::iter::from_fn(|| appended.pop_front_if(|(number, _)| *number <= upto)).map(|(_, change)| change).collect()
    }
}

impl Checker {
    /// A leader appends a change, which may take until it is written.
    pub fn log_appended(&mut self, epoch: Epoch, number: u64, change: &RegistryChange) {
        self.log.appended.entry(epoch).or_default().push_back((number, change.clone()));
    }

    /// A campaign is about to write this entry.
    pub fn log_sealed(&mut self, campaign: u64, entry: &Sealed, meaning: Meaning) {
        self.log.sealed.insert(entry.author.nonce, (campaign, meaning));
    }

    /// ZooKeeper was wiped.
    pub fn log_wiped(&mut self) {
        self.log = LogBook::default();
    }

    /// ZooKeeper has carried out a request.
    pub fn zookeeper_changed(&mut self, paths: &Paths, request: &Request, answer: &Answer) {
        let entry = |path: &String| path.strip_prefix(&format!("{}/", paths.log()))?.parse::<u64>().ok();
        match (request, answer) {
            (Request::Create { path, data, .. }, Answer::Created(_)) => {
                if let (Some(index), Some(author)) = (entry(path), author(data)) {
                    self.log_written(index, author);
                }
            }
            (Request::Delete { path }, Answer::Deleted) => {
                if let Some(index) = entry(path) {
                    self.log_removed(index);
                }
            }
            _ => {}
        }
    }

    fn log_written(&mut self, index: u64, author: Author) {
        let book = &mut self.log;
        if let Some(before) = book.entries.insert(index, author) {
            let detail =
                format!("entry {index} of epoch {} is written over that of epoch {}", author.epoch, before.epoch);
            return self.violate(Invariant::NoEntryIsWrittenOver, detail);
        }
        let Some((campaign, meaning)) = book.sealed.remove(&author.nonce) else { return };
        let last = book.entries.last_key_value().is_some_and(|(last, _)| *last == index);
        if let Some((newest, _)) = book.newest.filter(|(newest, _)| author.epoch < *newest) {
            let detail = format!("entry {index} of epoch {} is written after epoch {newest} began", author.epoch);
            return self.violate(Invariant::ADeposedLeaderWritesNothing, detail);
        }
        match meaning {
            // In a gap that a snapshot left, it is found to stand nowhere.
            Meaning::Begun if !last => {}
            Meaning::Begun => self.log_begins(index, author.epoch),
            Meaning::Changes { changes, more } => self.log_grows(index, author.epoch, campaign, changes, more),
            Meaning::Piece { index: piece, count, whole, upto } => {
                if let Some(first) = self.log_piece(index, piece, count) {
                    self.log_replaced(first, author.epoch, &whole, upto);
                }
            }
        }
    }

    fn log_begins(&mut self, index: u64, epoch: Epoch) {
        let book = &mut self.log;
        book.newest = Some((epoch, index));
        (book.batch, book.partial) = (Vec::new(), None);
        self.elected = epoch;
        self.registry.settled();
    }

    fn log_grows(&mut self, index: u64, epoch: Epoch, campaign: u64, changes: Vec<RegistryChange>, more: bool) {
        let book = &mut self.log;
        book.partial = None;
        let of = book.leaders.get(&epoch).copied();
        let appended = book.appended.entry(epoch).or_default();
        for change in &changes {
            match appended.pop_front() {
                Some((_, next)) if next == *change => {}
                other => {
                    let next = other.map(|(number, next)| format!("change {number}, {:?}", next.fact));
                    let detail = format!("entry {index} of epoch {epoch} holds {:?}, and not {next:?}", change.fact);
                    return self.violate(Invariant::EachChangeIsWrittenOnce, detail);
                }
            }
        }
        if of.is_some_and(|of| of != campaign) {
            let detail = format!("campaigns {of:?} and {campaign} both write in epoch {epoch}");
            return self.violate(Invariant::NoEpochHasTwoLeaders, detail);
        }
        book.batch.extend(changes);
        if !more {
            let batch = std::mem::take(&mut book.batch);
            self.registry.write(&batch);
            self.log.amount.extend(batch.iter().map(stored));
        }
    }

    /// Says where the snapshot begins of which the last piece is written.
    fn log_piece(&mut self, index: u64, piece: usize, count: usize) -> Option<u64> {
        let book = &mut self.log;
        book.batch.clear();
        let (first, pieces) = match book.partial.take().filter(|_| piece > 0) {
            Some((first, pieces)) => (first, pieces + 1),
            None => (index, 1),
        };
        if pieces < count {
            book.partial = Some((first, pieces));
            return None;
        }
        Some(first)
    }

    fn log_replaced(&mut self, first: u64, epoch: Epoch, whole: &[RegistryChange], upto: u64) {
        let book = &mut self.log;
        book.snapshot = Some(first);
        book.amount = whole.iter().map(stored).collect();
        let within = book.take_appended(epoch, upto);
        self.registry.write(&within);
    }

    fn log_removed(&mut self, index: u64) {
        let book = &mut self.log;
        book.entries.remove(&index);
        let fence = book.fence();
        if fence == Some(index) {
            let detail = format!("entry {index}, the first of the newest epoch, is removed");
            return self.violate(Invariant::CompactionKeepsWhatReadersNeed, detail);
        }
        let snapshot = book.snapshot;
        if snapshot.is_none_or(|snapshot| index >= snapshot) {
            let detail = format!("entry {index} is removed, and the last whole snapshot begins at {snapshot:?}");
            self.violate(Invariant::CompactionKeepsWhatReadersNeed, detail);
        }
    }

    /// A leader takes everything up to this number of its term for stored.
    pub fn log_acknowledged(&mut self, epoch: Epoch, upto: u64) {
        let missing = self.log.appended.get(&epoch).and_then(|appended| appended.front()).map(|(number, _)| *number);
        if let Some(missing) = missing.filter(|missing| *missing <= upto) {
            let detail = format!("epoch {epoch} takes change {missing} for stored, and the log does not hold it");
            self.violate(Invariant::NoAcknowledgedChangeIsLost, detail);
        }
    }

    /// A campaign leads in an epoch, with what it read.
    pub fn epoch_stands(&mut self, campaign: u64, epoch: Epoch, read: &[RegistryChange]) {
        if let Some(before) = self.log.leaders.insert(epoch, campaign) {
            let detail = format!("campaigns {before} and {campaign} both lead in epoch {epoch}");
            return self.violate(Invariant::NoEpochHasTwoLeaders, detail);
        }
        // Another has begun a higher epoch meanwhile: then there may be more than this one read.
        if self.log.newest.is_some_and(|(newest, _)| newest > epoch) {
            return;
        }
        self.log.appended.retain(|other, _| *other >= epoch);
        let amount = &self.log.amount;
        if amount == read {
            return;
        }
        let first =
            amount.iter().zip(read).position(|(one, other)| one != other).unwrap_or(amount.len().min(read.len()));
        let detail = format!(
            "epoch {epoch} begins with {} changes, the log amounts to {}; from number {first} on they differ",
            read.len(),
            amount.len()
        );
        self.violate(Invariant::NoAcknowledgedChangeIsLost, detail);
    }
}

/// A change as it is read again: what is stored knows no less than milliseconds.
fn stored(change: &RegistryChange) -> RegistryChange {
    v1::RegistryChange::from(change).try_into().unwrap_or_else(|_| change.clone())
}
