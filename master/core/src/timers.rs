//! What happens by itself, in order of time.

use proto_types::{AgentId, FrameworkId, Role, time::Monotonic};
use std::collections::BTreeMap;

/// What is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Timer {
    /// A filter ends.
    Filter(AgentId, FrameworkId, Role),
    /// An agent is asked whether it is there, or found missing.
    Ping(AgentId),
    /// An agent without a link is found missing.
    Missing(AgentId),
    /// An agent has been unreachable for so long that it is given up.
    GivenUp(AgentId),
    /// What is left on an agent that drains is killed hard.
    DrainDeadline(AgentId),
    /// A framework without a scheduler is removed.
    Failover(FrameworkId),
    /// What is left of a framework's failover timeout is stored.
    FailoverCheckpoint(FrameworkId),
    /// A scheduler is told that the connection is alive.
    Heartbeat(FrameworkId),
}

/// Names a timer that was set, so that it can be cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TimerKey(Monotonic, u64);

impl TimerKey {
    pub(crate) fn due(self) -> Monotonic {
        self.0
    }
}

#[derive(Debug, Default)]
pub(crate) struct Timers {
    due: BTreeMap<TimerKey, Timer>,
    set: u64,
}

impl Timers {
    pub(crate) fn set(&mut self, when: Monotonic, timer: Timer) -> TimerKey {
        self.set += 1;
        let key = TimerKey(when, self.set);
        self.due.insert(key, timer);
        key
    }

    pub(crate) fn cancel(&mut self, key: Option<TimerKey>) {
        if let Some(key) = key {
            self.due.remove(&key);
        }
    }

    /// The next timer that is due, taken out.
    pub(crate) fn pop(&mut self, now: Monotonic) -> Option<Timer> {
        let entry = self.due.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(entry.remove())
    }
}
