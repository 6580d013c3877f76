//! A scheduler's session: its numbered events, and the ring of those that it may have missed.

use crate::input::ConnectionId;
use proto_types::{
    Epoch, SessionId,
    scheduling::{Event, NumberedEvent},
};
use std::{collections::VecDeque, sync::Arc};

#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: SessionId,
    /// None: the stream broke, and may go on.
    pub(crate) connection: Option<ConnectionId>,
    epoch: Epoch,
    last: u64,
    ring: VecDeque<Arc<NumberedEvent>>,
    ring_max: usize,
}

impl Session {
    pub(crate) fn new(id: SessionId, connection: ConnectionId, epoch: Epoch, ring_max: usize) -> Self {
        Self { id, connection: Some(connection), epoch, last: 0, ring: VecDeque::new(), ring_max }
    }

    /// Numbers an event and keeps it.
    pub(crate) fn number(&mut self, event: Event) -> Arc<NumberedEvent> {
        self.last += 1;
        let numbered = Arc::new(NumberedEvent { number: self.last, epoch: self.epoch, event });
        if self.ring.len() == self.ring_max {
            self.ring.pop_front();
        }
        self.ring.push_back(Arc::clone(&numbered));
        numbered
    }

    /// An event that has no number of its own: it repeats the given one.
    pub(crate) fn unnumbered(&self, number: u64, event: Event) -> Arc<NumberedEvent> {
        Arc::new(NumberedEvent { number, epoch: self.epoch, event })
    }

    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// The events after this one; none if some of them are forgotten or it was never sent.
    pub(crate) fn after(&self, number: u64) -> Option<Vec<Arc<NumberedEvent>>> {
        let oldest = self.last - self.ring.len() as u64;
        if number < oldest || number > self.last {
            return None;
        }
        Some(self.ring.iter().filter(|event| event.number > number).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ring_says_what_it_forgot() {
        let mut session = Session::new(SessionId::new("S1-1").unwrap(), ConnectionId(1), Epoch(1), 3);
        assert_eq!(session.after(0).unwrap().len(), 0);
        for _ in 0..5 {
            session.number(Event::Heartbeat);
        }
        assert!(session.after(1).is_none());
        assert_eq!(session.after(2).unwrap().iter().map(|event| event.number).collect::<Vec<_>>(), [3, 4, 5]);
        assert_eq!(session.after(5).unwrap().len(), 0);
        assert!(session.after(6).is_none());
    }
}
