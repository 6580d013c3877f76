//! What happens by itself, in order of time.

use proto_types::{ExecutorId, FrameworkId, TaskKey, time::Monotonic};
use std::collections::BTreeMap;

/// What is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Timer {
    /// The master was silent for too long.
    Silence,
    /// A task's unacknowledged updates are sent again.
    Retry(TaskKey),
    /// An executor did not do in time what it should have, or has been idle for too long: see its phase.
    Executor(FrameworkId, ExecutorId),
    /// A custom executor did not end a task by the limit of its kill.
    KillLimit(TaskKey),
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
