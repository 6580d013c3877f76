//! The fenced log: an entry is created only where there is none.

use crate::{
    Answer, Mode, Request,
    asks::Asks,
    candidacy::{End, Purpose},
    request::{Paths, index_of},
};
use proto_types::Epoch;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Reads and removals under way at once: enough to hide the way to ZooKeeper and back, few enough not to flood it.
pub const PIPELINE_MAX: usize = 64;

/// Who wrote an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Author {
    /// The leader's epoch.
    pub epoch: Epoch,
    /// Drawn at random for each attempt.
    pub nonce: u64,
}

/// An entry that is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Who writes it.
    pub author: Author,
    /// What is stored.
    pub bytes: Vec<u8>,
}

/// The log, as a candidate reads it and a leader writes it.
#[derive(Debug)]
pub(crate) struct Log {
    peek: fn(&[u8]) -> Option<Author>,
    state: State,
    /// Entries that are there, as far as known.
    present: BTreeSet<u64>,
    /// Listed and not asked for.
    unread: VecDeque<u64>,
    /// Asked for and not answered.
    reading: BTreeSet<u64>,
    /// Read, but one before is not.
    early: BTreeMap<u64, Vec<u8>>,
    /// Where the next entry goes.
    next: u64,
    /// The first entry of this epoch; it fences the epochs before, and stays.
    fence: Option<u64>,
    removing: BTreeSet<u64>,
    unwanted: VecDeque<u64>,
}

#[derive(Debug)]
enum State {
    Listing,
    Reading,
    /// All is read, or the last entry is written.
    Ready,
    /// This is being written.
    Writing {
        entry: Sealed,
        ask: Ask,
    },
    /// The first entry stands; is there one behind it that the list did not show?
    Verifying,
}

/// What is asked about the entry that is being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ask {
    Create,
    Inspect,
}

/// What came of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Nothing,
    /// These were read, in order; and whether they are all.
    Entries(Vec<(u64, Vec<u8>)>, bool),
    /// The entry is written and stands.
    Written,
    /// Nobody knows; ask again later.
    Stalled,
    Ended(End),
}

impl Log {
    pub(crate) fn new(peek: fn(&[u8]) -> Option<Author>) -> Self {
        Self {
            peek,
            state: State::Listing,
            present: BTreeSet::new(),
            unread: VecDeque::new(),
            reading: BTreeSet::new(),
            early: BTreeMap::new(),
            next: 0,
            fence: None,
            removing: BTreeSet::new(),
            unwanted: VecDeque::new(),
        }
    }

    /// Asks for what it needs next; what was asked before is not answered any more.
    pub(crate) fn resume(&mut self, paths: &Paths, asks: &mut Asks<Purpose>) {
        match &mut self.state {
            State::Listing | State::Verifying => asks.ask(Purpose::List, Request::List { path: paths.log() }),
            State::Reading => {
                let again = std::mem::take(&mut self.reading);
                again.into_iter().rev().for_each(|index| self.unread.push_front(index));
                self.read_more(paths, asks);
            }
            State::Writing { ask, .. } => {
                *ask = Ask::Inspect;
                asks.ask(Purpose::Write(self.next), Request::Get { path: paths.entry(self.next), watch: false });
            }
            State::Ready => {}
        }
        let again = std::mem::take(&mut self.removing);
        self.unwanted.extend(again);
        self.remove_more(paths, asks);
    }

    /// Takes an entry that is to be written; the first is that of a new epoch.
    pub(crate) fn take(&mut self, entry: Sealed) {
        self.state = State::Writing { entry, ask: Ask::Create };
    }

    /// Removes entries before this one, except the fence.
    pub(crate) fn prune(&mut self, before: u64, paths: &Paths, asks: &mut Asks<Purpose>) {
        let old: Vec<u64> = self.present.range(..before).copied().filter(|index| Some(*index) != self.fence).collect();
        for index in old {
            self.present.remove(&index);
            self.unwanted.push_back(index);
        }
        self.remove_more(paths, asks);
    }

    /// Where the next entry goes.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    pub(crate) fn on_list(&mut self, answer: Answer, paths: &Paths, asks: &mut Asks<Purpose>) -> Step {
        if !matches!(self.state, State::Listing | State::Verifying) {
            // It was asked for twice.
            return Step::Nothing;
        }
        let names = match answer {
            Answer::Names(names) => names,
            Answer::Missing => return Step::Ended(End::Wiped { path: paths.log() }),
            Answer::Refused(why) => return Step::Ended(End::Refused { path: paths.log(), why }),
            _ => return Step::Stalled,
        };
        let listed: BTreeSet<u64> = names.iter().filter_map(|name| index_of(name)).collect();
        if matches!(self.state, State::Verifying) {
            // The list that was read came from a server that lagged behind: another has led since.
            if listed.last().is_some_and(|last| *last >= self.next) || !listed.contains(&(self.next - 1)) {
                return Step::Ended(End::Overtaken);
            }
            self.state = State::Ready;
            return Step::Written;
        }
        self.next = listed.last().map_or(0, |last| last + 1);
        self.unread = listed.iter().copied().collect();
        self.present = listed;
        self.state = State::Reading;
        self.read_more(paths, asks);
        self.take_early()
    }

    pub(crate) fn on_entry(&mut self, index: u64, answer: Answer, paths: &Paths, asks: &mut Asks<Purpose>) -> Step {
        if !self.reading.contains(&index) {
            return Step::Nothing;
        }
        match answer {
            Answer::Data(bytes) => {
                self.reading.remove(&index);
                self.early.insert(index, bytes);
                self.read_more(paths, asks);
                self.take_early()
            }
            // A leader removes entries; so there is one, and it is not this candidate.
            Answer::Missing => Step::Ended(End::Overtaken),
            Answer::Refused(why) => Step::Ended(End::Refused { path: paths.entry(index), why }),
            _ => Step::Stalled,
        }
    }

    pub(crate) fn on_written(&mut self, index: u64, answer: Answer, paths: &Paths, asks: &mut Asks<Purpose>) -> Step {
        let next = self.next;
        let State::Writing { entry, ask } = &mut self.state else { return Step::Nothing };
        if index != next {
            // It is about the entry before, which stands.
            return Step::Nothing;
        }
        match (*ask, answer) {
            (_, Answer::Created(_)) => self.stands(paths, asks),
            (Ask::Create, Answer::Taken) => {
                *ask = Ask::Inspect;
                asks.ask(Purpose::Write(self.next), Request::Get { path: paths.entry(self.next), watch: false });
                Step::Nothing
            }
            (Ask::Inspect, Answer::Missing) => {
                *ask = Ask::Create;
                self.create(paths, asks);
                Step::Nothing
            }
            (Ask::Inspect, Answer::Data(bytes)) => {
                let own = entry.author;
                match (self.peek)(&bytes) {
                    Some(author) if author == own => self.stands(paths, asks),
                    Some(author) if author.epoch < own.epoch && self.fence.is_none() => self.absorb(bytes, paths, asks),
                    Some(author) => Step::Ended(End::Deposed(author.epoch)),
                    None => Step::Ended(End::Overtaken),
                }
            }
            (Ask::Create, Answer::Missing) => Step::Ended(End::Wiped { path: paths.log() }),
            (_, Answer::Refused(why)) => Step::Ended(End::Refused { path: paths.entry(self.next), why }),
            (_, Answer::Lost) => Step::Stalled,
            _ => Step::Nothing,
        }
    }

    pub(crate) fn on_removed(&mut self, index: u64, answer: &Answer, paths: &Paths, asks: &mut Asks<Purpose>) {
        if self.removing.remove(&index) && *answer == Answer::Lost {
            self.unwanted.push_back(index);
        } else {
            self.remove_more(paths, asks);
        }
    }

    /// The entry is written. The first of an epoch counts once it is known to be the last of the log.
    fn stands(&mut self, paths: &Paths, asks: &mut Asks<Purpose>) -> Step {
        self.present.insert(self.next);
        let first = self.fence.is_none();
        self.fence = self.fence.or(Some(self.next));
        self.next += 1;
        if first {
            self.state = State::Verifying;
            asks.ask(Purpose::List, Request::List { path: paths.log() });
            return Step::Nothing;
        }
        self.state = State::Ready;
        Step::Written
    }

    /// A leader of an earlier epoch wrote one more than was read.
    fn absorb(&mut self, bytes: Vec<u8>, paths: &Paths, asks: &mut Asks<Purpose>) -> Step {
        let index = self.next;
        self.present.insert(index);
        self.next += 1;
        if let State::Writing { ask, .. } = &mut self.state {
            *ask = Ask::Create;
        }
        self.create(paths, asks);
        Step::Entries(vec![(index, bytes)], false)
    }

    /// Asks for the entry that was taken.
    pub(crate) fn create(&self, paths: &Paths, asks: &mut Asks<Purpose>) {
        if let State::Writing { entry, .. } = &self.state {
            let (path, data) = (paths.entry(self.next), entry.bytes.clone());
            asks.ask(Purpose::Write(self.next), Request::Create { path, data, mode: Mode::Persistent });
        }
    }

    fn read_more(&mut self, paths: &Paths, asks: &mut Asks<Purpose>) {
        while self.reading.len() < PIPELINE_MAX
            && let Some(index) = self.unread.pop_front()
        {
            self.reading.insert(index);
            asks.ask(Purpose::Entry(index), Request::Get { path: paths.entry(index), watch: false });
        }
    }

    fn take_early(&mut self) -> Step {
        let first_missing = self.reading.first().copied().unwrap_or(u64::MAX);
        let later = self.early.split_off(&first_missing);
        let entries: Vec<_> = std::mem::replace(&mut self.early, later).into_iter().collect();
        let all = self.reading.is_empty() && self.unread.is_empty();
        if all {
            self.state = State::Ready;
        }
        if entries.is_empty() && !all { Step::Nothing } else { Step::Entries(entries, all) }
    }

    fn remove_more(&mut self, paths: &Paths, asks: &mut Asks<Purpose>) {
        while self.removing.len() < PIPELINE_MAX
            && let Some(index) = self.unwanted.pop_front()
        {
            self.removing.insert(index);
            asks.ask(Purpose::Prune(index), Request::Delete { path: paths.entry(index) });
        }
    }
}
