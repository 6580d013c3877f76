//! Effects that wait for a write, and those that wait behind them.
//!
//! Effects to one recipient leave in the order made: one that waits holds up what comes after it to the same recipient,
//! and nothing else.

use master_core::{Effect, LogIndex, Recipient};
use std::collections::{BTreeMap, VecDeque};

#[derive(Debug)]
pub(crate) struct Outbox {
    stored: LogIndex,
    waiting: BTreeMap<Recipient, VecDeque<Effect>>,
    held: usize,
}

impl Outbox {
    pub(crate) fn new() -> Self {
        Self { stored: LogIndex(0), waiting: BTreeMap::new(), held: 0 }
    }

    /// Takes an effect in; gives it back if it may leave now.
    pub(crate) fn push(&mut self, effect: Effect) -> Option<Effect> {
        let recipient = effect.recipient();
        if let Some(queue) = self.waiting.get_mut(&recipient) {
            queue.push_back(effect);
            self.held += 1;
            return None;
        }
        if self.is_stored(&effect) {
            return Some(effect);
        }
        self.waiting.insert(recipient, VecDeque::from([effect]));
        self.held += 1;
        None
    }

    /// Everything up to this write is stored: gives out what may leave now.
    pub(crate) fn release(&mut self, stored: LogIndex) -> Vec<Effect> {
        self.stored = self.stored.max(stored);
        let mut released = Vec::new();
        for (recipient, mut queue) in std::mem::take(&mut self.waiting) {
            while let Some(effect) = queue.pop_front() {
                if !self.is_stored(&effect) {
                    queue.push_front(effect);
                    break;
                }
                released.push(effect);
            }
            if !queue.is_empty() {
                self.waiting.insert(recipient, queue);
            }
        }
        self.held -= released.len();
        released
    }

    /// Effects that wait.
    pub(crate) fn held(&self) -> usize {
        self.held
    }

    fn is_stored(&self, effect: &Effect) -> bool {
        effect.after.is_none_or(|after| after <= self.stored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use master_core::{Body, LinkId};
    use proto_types::link::ToAgent;

    fn ping(link: u64, number: u64, after: u64) -> Effect {
        let after = (after > 0).then_some(LogIndex(after));
        Effect { after, body: Body::ToAgent(LinkId(link), ToAgent::Ping(number)) }
    }

    fn numbers(effects: &[Effect]) -> Vec<u64> {
        let number = |effect: &Effect| match effect.body {
            Body::ToAgent(_, ToAgent::Ping(number)) => number,
            _ => 0,
        };
        effects.iter().map(number).collect()
    }

    #[test]
    fn effects_to_one_recipient_leave_in_order() {
        let mut outbox = Outbox::new();
        assert!(outbox.push(ping(1, 1, 0)).is_some());
        assert!(outbox.push(ping(1, 2, 5)).is_none());
        assert!(outbox.push(ping(1, 3, 0)).is_none(), "it waits behind the one that waits");
        assert!(outbox.push(ping(2, 4, 0)).is_some(), "others do not");
        assert!(outbox.push(ping(1, 5, 7)).is_none());
        assert_eq!(outbox.held(), 3);
        assert_eq!(numbers(&outbox.release(LogIndex(4))), [0; 0]);
        assert_eq!(numbers(&outbox.release(LogIndex(5))), [2, 3]);
        assert_eq!(numbers(&outbox.release(LogIndex(7))), [5]);
        assert_eq!(outbox.held(), 0);
        assert!(outbox.push(ping(1, 6, 7)).is_some());
    }
}
