//! How many instances there are, and how they do.

use super::{Condition, Instance};
use proto_types::TaskState;
use serde_json::{Map, Value};

/// How many instances do how. Kept with each change, never counted anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// All that are known.
    pub total: u32,
    /// `tasksStaged`: launched, and not running yet.
    pub staged: u32,
    /// `tasksRunning`.
    pub running: u32,
    /// `tasksHealthy`: running, and all of their checks say that they are healthy. Without checks there are none.
    pub healthy: u32,
    /// `tasksUnhealthy`: running, and a check says that they are not.
    pub unhealthy: u32,
    /// Cut off, replaced or not.
    pub unreachable: u32,
    /// Something of them runs or may run.
    pub active: u32,
    /// Of the active ones those that are to be killed.
    pub stopping: u32,
    /// Wanted, running, healthy as far as there are checks, and ready: a deployment may rely on them.
    pub serving: u32,
}

impl Counts {
    /// The active ones that are not to be killed: what is compared with what an app wants.
    #[must_use]
    pub const fn wanted(&self) -> u32 {
        self.active - self.stopping
    }

    /// What one instance counts for.
    #[must_use]
    pub fn of(instance: &Instance) -> Self {
        let verdict = instance.verdict();
        let runs = instance.runs();
        let staged = matches!(
            instance.condition,
            Condition::Created | Condition::Task(TaskState::Staging | TaskState::Starting)
        );
        let active = instance.condition.is_active();
        Self {
            total: 1,
            staged: u32::from(staged),
            running: u32::from(runs),
            healthy: u32::from(runs && verdict == Some(true)),
            unhealthy: u32::from(runs && verdict == Some(false)),
            unreachable: u32::from(instance.is_unreachable()),
            active: u32::from(active),
            stopping: u32::from(active && instance.goal_stopped),
            serving: u32::from(instance.serves()),
        }
    }

    /// With one more, or with one less.
    pub(super) fn count(&mut self, one: Self, add: bool) {
        let step = |count: &mut u32, by: u32| *count = if add { *count + by } else { count.saturating_sub(by) };
        step(&mut self.total, one.total);
        step(&mut self.staged, one.staged);
        step(&mut self.running, one.running);
        step(&mut self.healthy, one.healthy);
        step(&mut self.unhealthy, one.unhealthy);
        step(&mut self.unreachable, one.unreachable);
        step(&mut self.active, one.active);
        step(&mut self.stopping, one.stopping);
        step(&mut self.serving, one.serving);
    }

    /// Puts `tasksStaged` and its like into an app.
    pub fn render(&self, app: &mut Map<String, Value>) {
        for (key, count) in [
            ("tasksStaged", self.staged),
            ("tasksRunning", self.running),
            ("tasksHealthy", self.healthy),
            ("tasksUnhealthy", self.unhealthy),
        ] {
            app.insert(key.to_owned(), count.into());
        }
    }
}
