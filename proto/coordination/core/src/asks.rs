//! Requests on their way.

use crate::{Answer, Request, Ticket};
use proto_types::time::Monotonic;
use std::collections::BTreeMap;

/// Requests that are not answered yet, each with what it is for.
#[derive(Debug)]
pub(crate) struct Asks<P> {
    next: u64,
    /// How often the connection broke.
    connection: u64,
    waiting: BTreeMap<Ticket, Asked<P>>,
    pub(crate) new: Vec<(Ticket, Request)>,
    pub(crate) now: Monotonic,
}

#[derive(Debug)]
struct Asked<P> {
    purpose: P,
    sent: Monotonic,
    connection: u64,
}

impl<P> Asks<P> {
    pub(crate) fn new(now: Monotonic) -> Self {
        Self { next: 0, connection: 0, waiting: BTreeMap::new(), new: Vec::new(), now }
    }

    pub(crate) fn ask(&mut self, purpose: P, request: Request) {
        self.next += 1;
        let ticket = Ticket(self.next);
        self.waiting.insert(ticket, Asked { purpose, sent: self.now, connection: self.connection });
        self.new.push((ticket, request));
    }

    /// What an answer is for, and when its request was sent. What was asked before the connection broke is not believed:
    /// nobody knows over which session it was answered.
    pub(crate) fn take(&mut self, ticket: Ticket, answer: Answer) -> Option<(P, Monotonic, Answer)> {
        let asked = self.waiting.remove(&ticket)?;
        (asked.connection == self.connection).then_some((asked.purpose, asked.sent, answer))
    }

    /// The connection broke.
    pub(crate) fn disconnect(&mut self) {
        self.connection += 1;
    }
}
