//! The last events, for subscribers that come back.

use super::{Event, frame};
use std::{collections::VecDeque, fmt, str::FromStr, sync::Arc};

/// The number of an event: counted from 1 in each term of a leader. Numbers of another term say nothing here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId {
    /// Whose term.
    pub term: u64,
    /// Which event of it.
    pub number: u64,
}

/// Why a text is no id of an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an event id; send back the last `id:` that was received, such as 3-17")]
pub struct InvalidEventId(pub String);

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.term, self.number)
    }
}

impl FromStr for EventId {
    type Err = InvalidEventId;

    fn from_str(text: &str) -> Result<Self, InvalidEventId> {
        let number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok())?;
        let (term, rest) = text.trim().split_once('-').ok_or_else(|| InvalidEventId(text.to_owned()))?;
        match (number(term), number(rest)) {
            (Some(term), Some(number)) => Ok(Self { term, number }),
            _ => Err(InvalidEventId(text.to_owned())),
        }
    }
}

/// An event that was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Its id.
    pub id: EventId,
    /// Its type.
    pub kind: &'static str,
    /// Its JSON, on one line.
    pub json: String,
    /// All of it, as it goes over a stream. Made once, however many subscribers there are.
    pub frame: String,
}

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogLimits {
    /// At most so many events.
    pub events: usize,
    /// At most so many bytes of frames.
    pub bytes: usize,
}

impl Default for LogLimits {
    fn default() -> Self {
        Self { events: 16_384, bytes: 16 << 20 }
    }
}

/// What a subscriber gets that says which event it saw last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replay {
    /// All that came after it, oldest first.
    From(Vec<Arc<Told>>),
    /// It cannot be had: so many events are lost, where that is known. It has to begin anew.
    Lost(Option<u64>),
}

/// The last events of this leader's term, numbered without gaps.
#[derive(Debug, Clone)]
pub struct EventLog {
    term: u64,
    limits: LogLimits,
    last: u64,
    bytes: usize,
    kept: VecDeque<Arc<Told>>,
}

impl EventLog {
    /// An empty log of this term.
    #[must_use]
    pub fn new(term: u64, limits: LogLimits) -> Self {
        Self { term, limits, last: 0, bytes: 0, kept: VecDeque::new() }
    }

    /// The id of the last event; its number is 0 if there was none.
    #[must_use]
    pub const fn last(&self) -> EventId {
        EventId { term: self.term, number: self.last }
    }

    /// Takes an event in, and lets the oldest go that are too many.
    pub fn push(&mut self, event: &Event) -> Arc<Told> {
        self.last += 1;
        let id = self.last();
        let json = event.json();
        let frame = frame(Some(&id.to_string()), event.kind, &json);
        let told = Arc::new(Told { id, kind: event.kind, json, frame });
        self.bytes += size(&told);
        self.kept.push_back(Arc::clone(&told));
        while self.kept.len() > self.limits.events || self.bytes > self.limits.bytes {
            let Some(oldest) = self.kept.pop_front() else { break };
            self.bytes -= size(&oldest);
        }
        told
    }

    /// What came after an event.
    #[must_use]
    pub fn after(&self, seen: EventId) -> Replay {
        // The numbers of another leader, or numbers that were never given out: nobody knows what is missing.
        if seen.term != self.term || seen.number > self.last {
            return Replay::Lost(None);
        }
        let oldest = self.kept.front().map_or(self.last + 1, |told| told.id.number);
        if seen.number + 1 < oldest {
            return Replay::Lost(Some(oldest - 1 - seen.number));
        }
        let skipped = usize::try_from(seen.number + 1 - oldest).unwrap_or(usize::MAX);
        Replay::From(self.kept.iter().skip(skipped).map(Arc::clone).collect())
    }
}

fn size(told: &Told) -> usize {
    told.json.len() + told.frame.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::{PathId, Timestamp},
        events::app_terminated,
    };
    use proptest::prelude::*;

    fn log_of(count: u64, limits: LogLimits) -> EventLog {
        let mut log = EventLog::new(7, limits);
        for number in 0..count {
            let app = PathId::parse(&format!("/a{number}")).unwrap();
            assert_eq!(log.push(&app_terminated(Timestamp::from_millis(number), &app)).id.number, number + 1);
        }
        log
    }

    #[test]
    fn a_frame_has_everything_in_it() {
        let log = log_of(1, LogLimits::default());
        let Replay::From(events) = log.after(EventId { term: 7, number: 0 }) else { panic!("nothing is lost") };
        assert_eq!(
            events[0].frame,
            "id: 7-1\r\nevent: app_terminated_event\r\ndata: {\"appId\":\"/a0\",\
             \"eventType\":\"app_terminated_event\",\"timestamp\":\"1970-01-01T00:00:00.000Z\"}\r\n\r\n"
        );
    }

    #[test]
    fn ids_are_read_as_they_are_written() {
        let id = EventId { term: 7, number: 12 };
        assert_eq!(id.to_string().parse(), Ok(id));
        for wrong in ["", "7", "7-", "-7", "a-1", "7--1", "7-1-2", "+7-1", "99999999999999999999-1"] {
            assert!(wrong.parse::<EventId>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_another_leader_told_is_lost() {
        let log = log_of(3, LogLimits::default());
        assert_eq!(log.after(EventId { term: 6, number: 1 }), Replay::Lost(None));
        assert_eq!(log.after(EventId { term: 7, number: 4 }), Replay::Lost(None));
        assert_eq!(log.after(EventId { term: 7, number: u64::MAX }), Replay::Lost(None));
        assert_eq!(log.after(log.last()), Replay::From(Vec::new()));
    }

    #[test]
    fn bytes_are_bounded_too() {
        let mut log = log_of(100, LogLimits { events: 1000, bytes: 2000 });
        assert!(log.bytes <= 2000 && !log.kept.is_empty());
        log.limits.bytes = 0;
        log.push(&app_terminated(Timestamp::default(), &PathId::root()));
        assert_eq!((log.kept.len(), log.bytes), (0, 0));
        assert_eq!(log.after(EventId { term: 7, number: 100 }), Replay::Lost(Some(1)));
    }

    proptest! {
        #[test]
        fn either_all_that_came_after_is_told_or_how_much_is_lost(count in 0u64..60, events in 0usize..20, seen in 0u64..70) {
            let log = log_of(count, LogLimits { events, bytes: usize::MAX });
            match log.after(EventId { term: 7, number: seen }) {
                Replay::From(told) => {
                    let numbers: Vec<u64> = told.iter().map(|told| told.id.number).collect();
                    prop_assert_eq!(numbers, (seen + 1..=count).collect::<Vec<_>>());
                }
                Replay::Lost(Some(missed)) => prop_assert_eq!(missed, count - events as u64 - seen),
                Replay::Lost(None) => prop_assert!(seen > count),
            }
        }
    }
}
