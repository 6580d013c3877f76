//! The events of a term, for everybody who listens.
//!
//! Whoever listens keeps only a place in the log: there is one bound, and whoever falls behind it knows so.

use marathon_lite_core::events::{Event, EventId, EventLog, LogLimits, Replay};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// The log, and news of it.
#[derive(Debug)]
pub(crate) struct Events {
    log: Mutex<EventLog>,
    newest: watch::Sender<u64>,
}

/// Where a client goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resumed {
    /// Behind this event.
    After(EventId),
    /// At the end, for it said which event it saw last, and so many behind that are lost, where that is known.
    Lost(EventId, Option<u64>),
}

impl Events {
    /// An empty log of this term that keeps so many events.
    pub(crate) fn new(epoch: u64, events: usize) -> Self {
        let log = EventLog::new(epoch, LogLimits { events: events.max(1), ..LogLimits::default() });
        Self { log: Mutex::new(log), newest: watch::Sender::new(0) }
    }

    /// Tells an event.
    pub(crate) fn publish(&self, event: &Event) {
        let number = self.lock().push(event).id.number;
        // Two that publish at once may come here in either order.
        self.newest.send_if_modified(|newest| {
            let is_newer = number > *newest;
            *newest = number.max(*newest);
            is_newer
        });
    }

    /// The last event.
    pub(crate) fn last(&self) -> EventId {
        self.lock().last()
    }

    /// What came after an event.
    pub(crate) fn after(&self, seen: EventId) -> Replay {
        self.lock().after(seen)
    }

    /// Where a client goes on that saw the event of this id last; none: it begins.
    pub(crate) fn resume(&self, last: Option<&str>) -> Resumed {
        let log = self.lock();
        let Some(last) = last else { return Resumed::After(log.last()) };
        let Ok(seen) = last.parse() else { return Resumed::Lost(log.last(), None) };
        match log.after(seen) {
            Replay::From(_) => Resumed::After(seen),
            Replay::Lost(missed) => Resumed::Lost(log.last(), missed),
        }
    }

    /// Waits until there is an event behind this one.
    pub(crate) async fn newer_than(&self, seen: EventId) {
        let mut newest = self.newest.subscribe();
        // The sender lives as long as this does.
        let _ = newest.wait_for(|newest| *newest > seen.number).await;
    }

    fn lock(&self) -> MutexGuard<'_, EventLog> {
        // A log is whole between two calls.
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use marathon_lite_core::{
        app::{PathId, Timestamp},
        events::app_terminated,
    };
    use std::sync::Arc;

    fn event() -> Event {
        app_terminated(Timestamp::from_millis(0), &PathId::parse("/a").unwrap())
    }

    fn id(number: u64) -> EventId {
        EventId { term: 7, number }
    }

    #[test]
    fn whoever_comes_back_misses_nothing_that_is_kept() {
        let events = Events::new(7, 3);
        (0..5).for_each(|_| events.publish(&event()));
        assert_eq!(events.resume(None), Resumed::After(id(5)));
        assert_eq!(events.resume(Some("7-3")), Resumed::After(id(3)));
        assert_eq!(events.resume(Some("7-1")), Resumed::Lost(id(5), Some(1)));
        for unknown in ["6-4", "7-9", "x", ""] {
            assert_eq!(events.resume(Some(unknown)), Resumed::Lost(id(5), None), "{unknown}");
        }
    }

    #[tokio::test]
    async fn news_wakes_those_who_wait() {
        let events = Arc::new(Events::new(7, 3));
        events.publish(&event());
        events.newer_than(id(0)).await;
        let waiting = tokio::spawn({
            let events = Arc::clone(&events);
            async move { events.newer_than(id(1)).await }
        });
        tokio::task::yield_now().await;
        events.publish(&event());
        waiting.await.unwrap();
    }
}
