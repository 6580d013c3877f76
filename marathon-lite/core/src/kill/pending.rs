//! Kills whose end is not told yet.

use crate::{
    app::Timestamp,
    instances::{Deadlines, Instance},
};
use proto_types::TaskId;
use std::{collections::BTreeMap, time::Duration};

/// Until a kill is repeated first, beyond the grace that the task has.
const REPEAT_AFTER: Duration = Duration::from_secs(10);
/// No longer than this between two repetitions.
const REPEAT_AFTER_MAX: Duration = Duration::from_secs(300);
/// A task that nobody knows is killed so often at most: should it still run, its next report begins anew.
const ATTEMPTS_OF_UNKNOWN_MAX: u32 = 8;

/// A kill: which task, with which grace or its own.
type Kill = (TaskId, Option<Duration>);

/// Kills whose end is not told yet. A kill may be lost on its way, so it is repeated, each time after twice as long.
#[derive(Debug, Clone, Default)]
pub struct PendingKills {
    deadlines: Deadlines,
    pending: BTreeMap<TaskId, Pending>,
}

#[derive(Debug, Clone, Copy)]
struct Pending {
    grace: Option<Duration>,
    attempts: u32,
    attempts_max: u32,
}

impl PendingKills {
    /// The tasks of an instance are killed, and that is repeated. Those that are being killed already are let be.
    pub(crate) fn begin(&mut self, instance: &Instance, grace: Option<Duration>, now: Timestamp) -> Vec<Kill> {
        let fresh: Vec<TaskId> = instance.tasks().filter(|task| !self.pending.contains_key(*task)).cloned().collect();
        fresh.into_iter().map(|task| self.kill(task, grace, u32::MAX, now)).collect()
    }

    /// An instance that is to be killed does otherwise than before, maybe after it was cut off: whatever kill went out
    /// may be lost. The wait begins anew, with a kill at once if it is not being killed.
    pub(crate) fn again(&mut self, instance: &Instance, now: Timestamp) -> Vec<Kill> {
        if instance.condition == crate::instances::Condition::Task(proto_types::TaskState::Killing) {
            return Vec::new();
        }
        let grace = instance.tasks().find_map(|task| self.pending.get(task)).and_then(|pending| pending.grace);
        for task in instance.tasks() {
            self.told(task);
        }
        self.begin(instance, grace, now)
    }

    /// A new leader goes on with the kills of an instance: they are due at once.
    pub(crate) fn resume(&mut self, instance: &Instance, grace: Option<Duration>, now: Timestamp) {
        for task in instance.tasks() {
            self.pending.insert(task.clone(), Pending { grace, attempts: 0, attempts_max: u32::MAX });
            self.deadlines.set(task, now);
        }
    }

    /// A task that nobody knows is killed.
    pub(crate) fn of_unknown(&mut self, task: &TaskId, now: Timestamp) -> Vec<Kill> {
        if self.pending.contains_key(task) {
            return Vec::new();
        }
        vec![self.kill(task.clone(), None, ATTEMPTS_OF_UNKNOWN_MAX, now)]
    }

    /// The end of a task was told, or nobody can hold it any more.
    pub(crate) fn told(&mut self, task: &TaskId) {
        self.pending.remove(task);
        self.deadlines.clear(task);
    }

    /// Whether a task is being killed.
    pub(crate) fn has(&self, task: &TaskId) -> bool {
        self.pending.contains_key(task)
    }

    /// The kills that are to be repeated now.
    pub(crate) fn due(&mut self, now: Timestamp) -> Vec<Kill> {
        let mut due = Vec::new();
        while let Some(task) = self.deadlines.pop(now) {
            let Some(pending) = self.pending.get_mut(&task) else { continue };
            if pending.attempts >= pending.attempts_max {
                self.pending.remove(&task);
                continue;
            }
            pending.attempts += 1;
            let pending = *pending;
            self.deadlines.set(&task, now.after(wait(pending)));
            due.push((task, pending.grace));
        }
        due
    }

    fn kill(&mut self, task: TaskId, grace: Option<Duration>, attempts_max: u32, now: Timestamp) -> Kill {
        let pending = Pending { grace, attempts: 1, attempts_max };
        self.pending.insert(task.clone(), pending);
        self.deadlines.set(&task, now.after(wait(pending)));
        (task, grace)
    }
}

/// How long after an attempt the next one follows.
fn wait(pending: Pending) -> Duration {
    let doubled = REPEAT_AFTER.saturating_mul(1 << pending.attempts.saturating_sub(1).min(16));
    doubled.min(REPEAT_AFTER_MAX).saturating_add(pending.grace.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> Timestamp {
        Timestamp::from_millis(second * 1000)
    }

    fn task() -> TaskId {
        TaskId::new("web.1").unwrap()
    }

    /// The seconds at which a kill of a task is sent, until nothing more comes for an hour.
    fn sent(kills: &mut PendingKills) -> Vec<u64> {
        (1..3600).filter(|second| !kills.due(at(*second)).is_empty()).collect()
    }

    #[test]
    fn a_kill_is_repeated_ever_later_and_then_every_five_minutes() {
        let mut kills = PendingKills::default();
        kills.kill(task(), Some(Duration::from_secs(5)), u32::MAX, at(0));
        assert_eq!(sent(&mut kills)[..7], [15, 40, 85, 170, 335, 640, 945]);
        kills.told(&task());
        assert_eq!((kills.due(at(100_000)), kills.deadlines.len()), (Vec::new(), 0));
    }

    #[test]
    fn a_task_that_nobody_knows_is_not_killed_for_ever() {
        let mut kills = PendingKills::default();
        assert_eq!(kills.of_unknown(&task(), at(0)), [(task(), None)]);
        assert_eq!(kills.of_unknown(&task(), at(1)), []);
        assert_eq!(sent(&mut kills).len(), 7);
        assert!(!kills.has(&task()));
    }
}
