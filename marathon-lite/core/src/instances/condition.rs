//! How an instance does.

use proto_types::TaskState;
use std::fmt;

/// How an instance does: its task's state, as Marathon's events name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Condition {
    /// Stored, and its launch is not answered yet.
    Created,
    /// Its task is in this state.
    Task(TaskState),
    /// It was unreachable for so long that another was started for it; it counts no more.
    UnreachableInactive,
}

impl Condition {
    /// Whether something of it runs or may run.
    #[must_use]
    pub const fn is_active(self) -> bool {
        match self {
            Self::Created => true,
            Self::Task(state) => !state.is_terminal(),
            Self::UnreachableInactive => false,
        }
    }

    /// The state of its task, as Marathon's clients know it: `TASK_RUNNING`.
    #[must_use]
    pub const fn task_state(self) -> &'static str {
        match self {
            Self::Created => "TASK_STAGING",
            Self::UnreachableInactive => "TASK_UNREACHABLE",
            Self::Task(state) => task_state(state),
        }
    }

    /// Its name in events.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "Created",
            Self::UnreachableInactive => "UnreachableInactive",
            Self::Task(state) => match state {
                TaskState::Staging => "Staging",
                TaskState::Starting => "Starting",
                TaskState::Running => "Running",
                TaskState::Killing => "Killing",
                TaskState::Finished => "Finished",
                TaskState::Failed => "Failed",
                TaskState::Killed => "Killed",
                TaskState::Error => "Error",
                TaskState::Dropped => "Dropped",
                TaskState::Unreachable => "Unreachable",
                TaskState::Gone | TaskState::GoneByOperator => "Gone",
                TaskState::Unknown => "Unknown",
            },
        }
    }
}

/// A state's name with its `TASK_`; Marathon has one name for both kinds of being gone.
#[must_use]
pub const fn task_state(state: TaskState) -> &'static str {
    match state {
        TaskState::Staging => "TASK_STAGING",
        TaskState::Starting => "TASK_STARTING",
        TaskState::Running => "TASK_RUNNING",
        TaskState::Killing => "TASK_KILLING",
        TaskState::Finished => "TASK_FINISHED",
        TaskState::Failed => "TASK_FAILED",
        TaskState::Killed => "TASK_KILLED",
        TaskState::Error => "TASK_ERROR",
        TaskState::Dropped => "TASK_DROPPED",
        TaskState::Unreachable => "TASK_UNREACHABLE",
        TaskState::Gone | TaskState::GoneByOperator => "TASK_GONE",
        TaskState::Unknown => "TASK_UNKNOWN",
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
