//! What a master knows of a task that a scheduler asks about.

use crate::{AgentId, TaskId, TaskStatus};
use std::time::Duration;

/// One task that a scheduler asks about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The task.
    pub task: TaskId,
    /// Where the scheduler believes it is; helps to tell "gone" from "unknown".
    pub agent: Option<AgentId>,
}

/// The answer for one task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// This is its state.
    Status(TaskStatus),
    /// Nobody can say yet: agents that may hold it have not come back after a failover. Not a task state; ask again.
    Recovering {
        /// The task.
        task: TaskId,
        /// When asking again makes sense.
        retry_after: Duration,
    },
}

impl Answer {
    /// The task it is about.
    #[must_use]
    pub fn task(&self) -> &TaskId {
        match self {
            Self::Status(status) => &status.task,
            Self::Recovering { task, .. } => task,
        }
    }
}
