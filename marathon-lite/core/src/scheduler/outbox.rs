//! What one input leads to: writes, gathered into one commit, and effects that wait for it.

use super::{Answer, Body, CommitNumber, Effect, ObjectWrite, Refused, RequestId, stored::Key};
use std::collections::BTreeMap;

/// Gathers writes and effects. Whatever acts on the world waits for all that was stored before it, so that no leader
/// after this one can be surprised by it.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    commits: u64,
    /// By key, so that only the last write of each counts.
    writes: BTreeMap<String, Option<Vec<u8>>>,
    bodies: Vec<Body>,
}

impl Outbox {
    /// Stores an object.
    pub(super) fn put(&mut self, key: &Key, value: Vec<u8>) {
        self.writes.insert(key.text(), Some(value));
    }

    /// Removes an object.
    pub(super) fn remove(&mut self, key: &Key) {
        self.writes.insert(key.text(), None);
    }

    /// Stores what has its key already.
    pub(super) fn write(&mut self, key: String, value: Option<Vec<u8>>) {
        self.writes.insert(key, value);
    }

    /// Does something.
    pub(super) fn push(&mut self, body: Body) {
        self.bodies.push(body);
    }

    /// Does these.
    pub(super) fn extend(&mut self, bodies: impl IntoIterator<Item = Body>) {
        self.bodies.extend(bodies);
    }

    /// Answers a request.
    pub(super) fn reply(&mut self, request: RequestId, answer: Result<Answer, Refused>) {
        self.push(Body::Reply(request, answer));
    }

    /// Hands over everything: the commit first, then what waits for it in the order in which it was made.
    pub(super) fn flush(&mut self, effects: &mut Vec<Effect>) {
        if !self.writes.is_empty() {
            self.commits += 1;
            let writes = std::mem::take(&mut self.writes).into_iter().map(|(key, value)| ObjectWrite { key, value });
            effects.push(Effect { after: None, body: Body::Commit(CommitNumber(self.commits), writes.collect()) });
        }
        let last = (self.commits > 0).then_some(CommitNumber(self.commits));
        for body in self.bodies.drain(..) {
            let after = if waits(&body) { last } else { None };
            effects.push(Effect { after, body });
        }
    }
}

/// Whether something may only happen once everything before it is stored.
const fn waits(body: &Body) -> bool {
    match body {
        Body::Accept(_)
        | Body::Kill(..)
        | Body::Acknowledge(_)
        // Asked before its launch left, an instance would be said not to exist.
        | Body::Reconcile(_)
        | Body::Reply(..)
        | Body::Publish(_) => true,
        Body::Commit(..)
        | Body::Decline(..)
        | Body::Suppress
        | Body::Revive
        | Body::StartHealthProbe(..)
        | Body::StartReadinessProbe(..)
        | Body::StopProbes(_) => false,
    }
}
