//! A candidate's life: it stands in line, reads the log, begins an epoch, writes, and ends with its session.

use crate::{
    Answer, Author, Lease, Request, Sealed, Ticket,
    announcement::{self, Announcement},
    asks::Asks,
    election::{self, Election},
    log::{self, Log},
    request::Paths,
};
use proto_types::{Epoch, time::Monotonic};
use std::time::Duration;

/// What a candidacy begins with.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where things are kept.
    pub paths: Paths,
    /// Another one for each candidacy.
    pub nonce: String,
    /// After so much silence ZooKeeper ends the session.
    pub session_timeout: Duration,
    /// Reads who wrote an entry; none: it is no entry.
    pub peek: fn(&[u8]) -> Option<Author>,
}

/// What a candidate reacts to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The connection is there, for the first time or again.
    Connected,
    /// The connection broke.
    Disconnected,
    /// A request is answered.
    Answered(Ticket, Answer),
    /// A watched node changed.
    Changed(String),
    /// Time passes.
    Tick,
    /// All is read: begin an epoch with this entry, and show this to those who look for the leader.
    Begin(Sealed, Vec<u8>),
    /// Write an entry. One at a time, once the epoch stands.
    Write(Sealed),
    /// Everything before this entry is in a snapshot behind it.
    Prune(u64),
}

/// What a candidate does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Ask ZooKeeper.
    Ask(Ticket, Request),
    /// It is the first in line.
    Elected,
    /// An entry of the log, in order. After [`Effect::Read`], one that was written meanwhile.
    Entry(u64, Vec<u8>),
    /// All is read: [`Input::Begin`] is next.
    Read,
    /// The epoch stands: it leads.
    Standing,
    /// The entry with this number is written.
    Written(u64),
    /// It leads, and may not show who it is to those who look for the leader. Said once for each reason.
    Unannounced {
        /// What was asked for.
        path: String,
        /// Why it is refused, and what to do.
        why: String,
    },
    /// It is over.
    Ended(End),
}

/// Why a candidacy is over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum End {
    /// Another leader has begun a higher epoch.
    #[error("a leader of epoch {0} has taken over")]
    Deposed(Epoch),
    /// Another leader has written or removed entries while the log was read.
    #[error("another leader works on the log")]
    Overtaken,
    /// ZooKeeper did not answer for so long that another may lead.
    #[error("ZooKeeper did not answer in time")]
    LeaseOver,
    /// ZooKeeper has ended the session.
    #[error("ZooKeeper has ended the session")]
    SessionLost,
    /// What must be there is gone.
    #[error("{path} is gone from ZooKeeper")]
    Wiped {
        /// What.
        path: String,
    },
    /// ZooKeeper refuses.
    #[error("ZooKeeper refuses {path}: {why}")]
    Refused {
        /// What was asked for.
        path: String,
        /// Why.
        why: String,
    },
}

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// After the connection broke: is this still the session that stands in line?
    Identity,
    Lease,
    Election,
    List,
    Entry(u64),
    Write(u64),
    Prune(u64),
    Announce,
}

/// A candidate.
#[derive(Debug)]
pub struct Candidacy {
    paths: Paths,
    asks: Asks<Purpose>,
    election: Election,
    log: Log,
    announcement: Option<Announcement>,
    lease: Lease,
    link: Link,
    standing: bool,
    over: bool,
    stalled: bool,
    effects: Vec<Effect>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    Broken,
    /// Connected, but perhaps with another session.
    Doubtful,
    Sure,
}

impl Candidacy {
    /// A candidate that is not connected yet.
    #[must_use]
    pub fn new(config: Config, now: Monotonic) -> Self {
        Self {
            asks: Asks::new(now),
            election: Election::new(&config.nonce),
            log: Log::new(config.peek),
            announcement: None,
            lease: Lease::new(config.session_timeout, now),
            link: Link::Broken,
            standing: false,
            over: false,
            stalled: false,
            effects: Vec::new(),
            paths: config.paths,
        }
    }

    /// Until when the leader may believe that it leads, unless ZooKeeper answers before.
    #[must_use]
    pub fn leads_until(&self) -> Monotonic {
        self.lease.end()
    }

    /// Reacts.
    pub fn handle(&mut self, now: Monotonic, input: Input) -> Vec<Effect> {
        if self.over {
            return Vec::new();
        }
        self.asks.now = now;
        if self.lease.is_over(now) {
            // No late answer makes it good again: whoever looked at the lease has stepped down.
            self.end(End::LeaseOver);
            return std::mem::take(&mut self.effects);
        }
        match input {
            Input::Connected => self.on_connected(),
            Input::Disconnected => {
                self.link = Link::Broken;
                self.asks.disconnect();
            }
            Input::Answered(ticket, answer) => self.on_answered(ticket, answer),
            Input::Changed(path) if self.link == Link::Sure => {
                self.election.on_changed(&path, &self.paths, &mut self.asks);
            }
            Input::Changed(_) => {}
            Input::Tick => self.on_tick(),
            Input::Begin(entry, announcement) => {
                self.announcement = Some(Announcement::new(announcement));
                self.write(entry);
            }
            Input::Write(entry) => self.write(entry),
            Input::Prune(before) if self.link == Link::Sure => self.log.prune(before, &self.paths, &mut self.asks),
            // The next snapshot removes them too.
            Input::Prune(_) => {}
        }
        let asked = self.asks.new.drain(..).map(|(ticket, request)| Effect::Ask(ticket, request));
        self.effects.extend(asked);
        std::mem::take(&mut self.effects)
    }

    /// Where the next entry goes.
    #[must_use]
    pub fn next_index(&self) -> u64 {
        self.log.next()
    }

    fn on_connected(&mut self) {
        self.asks.disconnect();
        match self.election.name() {
            Some(name) => {
                self.link = Link::Doubtful;
                let path = self.paths.candidate(name);
                self.asks.ask(Purpose::Identity, Request::Watch { path });
            }
            None => self.be_sure(),
        }
    }

    fn be_sure(&mut self) {
        self.link = Link::Sure;
        self.resume();
    }

    /// Everything that was under way is asked for again: what was asked over the connection before is not answered.
    fn resume(&mut self) {
        self.stalled = false;
        if !self.election.is_won() {
            return self.election.resume(&self.paths, &mut self.asks);
        }
        self.log.resume(&self.paths, &mut self.asks);
        if let Some(announcement) = self.announcement.as_ref().filter(|_| self.standing) {
            announcement.resume(&self.paths, &mut self.asks);
        }
    }

    fn write(&mut self, entry: Sealed) {
        self.log.take(entry);
        // Else it is asked for when the connection is back.
        if self.link == Link::Sure {
            self.log.create(&self.paths, &mut self.asks);
        }
    }

    fn on_tick(&mut self) {
        if self.link != Link::Sure {
            return;
        }
        if self.stalled {
            self.resume();
        }
        if let Some(name) = self.election.name()
            && self.lease.wants_request(self.asks.now)
        {
            let path = self.paths.candidate(name);
            self.asks.ask(Purpose::Lease, Request::Watch { path });
        }
    }

    fn on_answered(&mut self, ticket: Ticket, answer: Answer) {
        let Some((purpose, sent, answer)) = self.asks.take(ticket, answer) else { return };
        if !matches!(answer, Answer::Lost) {
            self.lease.renew(sent);
        }
        match purpose {
            Purpose::Identity => match answer {
                Answer::Found => self.be_sure(),
                Answer::Missing => self.end(End::SessionLost),
                Answer::Refused(why) => self.end(End::Refused { path: self.paths.election(), why }),
                _ => {}
            },
            Purpose::Lease => self.on_lease(&answer),
            Purpose::Election => {
                let step = self.election.on_answer(answer, &self.paths, &mut self.asks);
                self.on_election(step);
            }
            Purpose::List => {
                let step = self.log.on_list(answer, &self.paths, &mut self.asks);
                self.on_log(step);
            }
            Purpose::Entry(index) => {
                let step = self.log.on_entry(index, answer, &self.paths, &mut self.asks);
                self.on_log(step);
            }
            Purpose::Write(index) => {
                let step = self.log.on_written(index, answer, &self.paths, &mut self.asks);
                self.on_log(step);
            }
            Purpose::Prune(index) => self.log.on_removed(index, &answer, &self.paths, &mut self.asks),
            Purpose::Announce => self.on_announce(answer),
        }
    }

    fn on_announce(&mut self, answer: Answer) {
        let Some(announcement) = &mut self.announcement else { return };
        match announcement.on_answer(answer, &self.paths, &mut self.asks) {
            announcement::Step::Nothing => {}
            announcement::Step::Stalled => self.stalled = true,
            announcement::Step::Refused(why) => {
                self.effects.push(Effect::Unannounced { path: self.paths.leader(), why });
            }
        }
    }

    /// The session lives. A lost watch is no harm: it is looked again who is before this one, and who is announced.
    fn on_lease(&mut self, answer: &Answer) {
        match answer {
            Answer::Missing => self.end(End::SessionLost),
            Answer::Found if !self.election.is_won() => self.election.resume(&self.paths, &mut self.asks),
            Answer::Found => {
                if let Some(announcement) = self.announcement.as_mut().filter(|_| self.standing) {
                    announcement.check(&self.paths, &mut self.asks);
                }
            }
            _ => {}
        }
    }

    fn on_election(&mut self, step: election::Step) {
        match step {
            election::Step::Nothing => {}
            election::Step::Elected => {
                self.effects.push(Effect::Elected);
                self.log.resume(&self.paths, &mut self.asks);
            }
            election::Step::Stalled => self.stalled = true,
            election::Step::Ended(end) => self.end(end),
        }
    }

    fn on_log(&mut self, step: log::Step) {
        match step {
            log::Step::Nothing => {}
            log::Step::Entries(entries, all) => {
                self.effects.extend(entries.into_iter().map(|(index, bytes)| Effect::Entry(index, bytes)));
                if all {
                    self.effects.push(Effect::Read);
                }
            }
            log::Step::Written if self.standing => self.effects.push(Effect::Written(self.log.next() - 1)),
            log::Step::Written => {
                self.standing = true;
                self.effects.push(Effect::Standing);
                if let Some(announcement) = &self.announcement {
                    announcement.resume(&self.paths, &mut self.asks);
                }
            }
            log::Step::Stalled => self.stalled = true,
            log::Step::Ended(end) => self.end(end),
        }
    }

    fn end(&mut self, end: End) {
        self.over = true;
        self.asks.new.clear();
        self.effects.push(Effect::Ended(end));
    }
}
