//! Finding the leader by what it says of itself.

use crate::{Answer, Request, Ticket, asks::Asks, request::Paths};
use proto_types::{Epoch, time::Monotonic};
use std::time::Duration;

/// A watch may be lost without a word; so it is looked again so often anyway.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// A leader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leader {
    /// Where it can be reached, `host:port`.
    pub address: String,
    /// Its epoch.
    pub epoch: Epoch,
}

/// What is found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Noticed {
    /// Somebody leads.
    Leader(Leader),
    /// Nobody does.
    Nobody,
    /// It cannot be found out; why, for people.
    Trouble(String),
}

/// Follows who leads.
#[derive(Debug)]
pub struct Detection {
    paths: Paths,
    read: fn(&[u8]) -> Option<Leader>,
    asks: Asks<()>,
    connected: bool,
    asked: Monotonic,
    /// The highest epoch seen: a server that lags behind may show an older leader.
    seen: Epoch,
}

impl Detection {
    /// Begins to look; `read` reads what a leader says of itself.
    #[must_use]
    pub fn new(paths: Paths, read: fn(&[u8]) -> Option<Leader>, now: Monotonic) -> Self {
        Self { paths, read, asks: Asks::new(now), connected: false, asked: now, seen: Epoch(0) }
    }

    /// The connection is there, for the first time or again.
    pub fn connected(&mut self, now: Monotonic) -> Vec<(Ticket, Request)> {
        self.connected = true;
        self.asks.disconnect();
        self.look(now)
    }

    /// The connection broke. Who led then may still.
    pub fn disconnected(&mut self) {
        self.connected = false;
        self.asks.disconnect();
    }

    /// The watched node changed.
    pub fn changed(&mut self, path: &str, now: Monotonic) -> Vec<(Ticket, Request)> {
        if self.connected && path == self.paths.leader() { self.look(now) } else { Vec::new() }
    }

    /// Time passes.
    pub fn tick(&mut self, now: Monotonic) -> Vec<(Ticket, Request)> {
        if self.connected && now >= self.asked + LOOK_AGAIN { self.look(now) } else { Vec::new() }
    }

    /// A request is answered.
    pub fn answered(
        &mut self,
        ticket: Ticket,
        answer: Answer,
        now: Monotonic,
    ) -> (Option<Noticed>, Vec<(Ticket, Request)>) {
        let Some(((), _, answer)) = self.asks.take(ticket, answer) else { return (None, Vec::new()) };
        let noticed = match answer {
            Answer::Data(data) => match (self.read)(&data) {
                Some(leader) if leader.epoch < self.seen => return (None, Vec::new()),
                Some(leader) => {
                    self.seen = leader.epoch;
                    Noticed::Leader(leader)
                }
                None => Noticed::Trouble(format!("{} holds what this version cannot read", self.paths.leader())),
            },
            Answer::Missing => {
                self.asked = now;
                self.asks.ask((), Request::Watch { path: self.paths.leader() });
                return (Some(Noticed::Nobody), std::mem::take(&mut self.asks.new));
            }
            // It came between the two questions.
            Answer::Found => return (None, self.look(now)),
            Answer::Refused(why) => Noticed::Trouble(format!("ZooKeeper refuses {}: {why}", self.paths.leader())),
            _ => return (None, Vec::new()),
        };
        (Some(noticed), Vec::new())
    }

    fn look(&mut self, now: Monotonic) -> Vec<(Ticket, Request)> {
        self.asked = now;
        self.asks.now = now;
        self.asks.ask((), Request::Get { path: self.paths.leader(), watch: true });
        std::mem::take(&mut self.asks.new)
    }
}
