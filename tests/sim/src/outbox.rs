//! Effects that wait for a write. Those for one recipient leave in the order made.

use std::collections::{BTreeMap, VecDeque};

/// Effects that wait, by recipient.
#[derive(Debug)]
pub struct Outbox<R, E> {
    waiting: BTreeMap<R, VecDeque<(u64, E)>>,
}

impl<R: Ord, E> Default for Outbox<R, E> {
    fn default() -> Self {
        Self { waiting: BTreeMap::new() }
    }
}

impl<R: Ord + Copy, E> Outbox<R, E> {
    /// Takes an effect that may leave after the write of this number, of which `safe` are stored. Gives it back if it
    /// may leave at once.
    pub fn push(&mut self, recipient: R, after: u64, effect: E, safe: u64) -> Option<E> {
        if let Some(queue) = self.waiting.get_mut(&recipient) {
            queue.push_back((after, effect));
            return None;
        }
        if after <= safe {
            return Some(effect);
        }
        self.waiting.insert(recipient, VecDeque::from([(after, effect)]));
        None
    }

    /// So many writes are safe now, seen from each recipient: what may leave.
    pub fn release(&mut self, safe: impl Fn(R) -> u64) -> Vec<E> {
        let mut leaving = Vec::new();
        self.waiting.retain(|recipient, queue| {
            let safe = safe(*recipient);
            while let Some((_, effect)) = queue.pop_front_if(|(after, _)| *after <= safe) {
                leaving.push(effect);
            }
            !queue.is_empty()
        });
        leaving
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_overtakes_on_the_way_to_one_recipient() {
        let mut outbox = Outbox::default();
        assert_eq!(outbox.push('a', 0, 1, 0), Some(1));
        assert_eq!(outbox.push('a', 2, 2, 0), None);
        assert_eq!(outbox.push('a', 0, 3, 0), None);
        assert_eq!(outbox.push('b', 1, 4, 0), None);
        assert_eq!(outbox.release(|_| 1), [4]);
        assert_eq!(outbox.release(|_| 2), [2, 3]);
        assert!(outbox.is_empty());
    }
}
