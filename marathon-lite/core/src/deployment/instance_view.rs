//! What of an instance matters to deployments.

use super::RunSpec;
use crate::{
    app::Timestamp,
    instances::{Condition, Instance},
};
use proto_types::{TaskId, TaskState};

/// What of an instance matters to deployments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceView {
    /// Which.
    pub id: TaskId,
    /// Whether it was launched from the wanted configuration.
    pub is_new: bool,
    /// Whether it was launched from the very version that is wanted, its number of instances included: then it is a
    /// deployment to that version that launched it.
    pub is_latest: bool,
    /// Whether it runs or may run, and takes the place of another.
    pub active: bool,
    /// Whether all its health checks are content.
    pub healthy: bool,
    /// Whether it is ready for traffic, or nobody asks.
    pub ready: bool,
    /// Whether it is being killed.
    pub goal_stopped: bool,
    /// How it does.
    pub condition: Condition,
    /// When it first ran.
    pub started_at: Option<Timestamp>,
}

impl InstanceView {
    /// An instance of the app or pod, seen by a deployment to this version.
    ///
    /// One that is to be stopped and cannot be reached is not waited for: it is killed when its agent comes back. Unless
    /// two of its kind at once do harm; then only its end, or that of its agent, makes room.
    #[must_use]
    pub fn of(instance: &Instance, wanted: &RunSpec) -> Self {
        let exclusive = wanted.is_single_instance() || wanted.is_resident();
        let lost = instance.goal_stopped && instance.condition == Condition::Task(TaskState::Unreachable);
        Self {
            id: instance.id.clone(),
            is_new: instance.config_version == wanted.config_version(),
            is_latest: instance.version == wanted.version(),
            active: instance.condition.is_active() && (exclusive || !lost),
            healthy: wanted.finds_healthy(instance),
            ready: wanted.finds_ready(instance),
            goal_stopped: instance.goal_stopped,
            condition: instance.condition,
            started_at: instance.started_at,
        }
    }

    /// Whether it is there and shall stay.
    pub(super) fn stays(&self) -> bool {
        self.active && !self.goal_stopped
    }

    /// Whether it is there, shall stay, and does its work.
    pub(super) fn serves(&self) -> bool {
        self.stays() && self.healthy && self.condition == Condition::Task(TaskState::Running)
    }

    /// Whether it does its work and may take over from an old one.
    pub(super) fn took_over(&self) -> bool {
        self.serves() && self.ready
    }

    /// Whether it is to be stopped in any case but counts no more: another was started for it long ago.
    pub(super) fn is_forgotten(&self) -> bool {
        !self.active && !self.goal_stopped && !self.has_ended()
    }

    /// Whether its task is known to have ended.
    pub(super) fn has_ended(&self) -> bool {
        matches!(self.condition, Condition::Task(state) if state.is_terminal())
    }
}
