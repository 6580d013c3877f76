//! The conversation between an agent and an executor, as values. `proto/v1/executor.proto` is its wire form.

use crate::{AgentId, ExecutorId, FrameworkId, TaskId, TaskInfo, TaskStatus};
use std::{path::PathBuf, sync::Arc, time::Duration};

/// What an executor says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromExecutor {
    /// Who it is. First of all, and once.
    Subscribe(Subscription),
    /// What became of tasks, in order for each.
    Updates(Vec<NumberedStatus>),
    /// Bytes for the scheduler.
    Message(Vec<u8>),
}

/// Who an executor is and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Whose.
    pub framework: FrameworkId,
    /// Which.
    pub executor: ExecutorId,
    /// Proves that the agent started it.
    pub token: String,
    /// Its tasks that are not over.
    pub tasks: Vec<TaskId>,
    /// Updates that the agent has not acknowledged.
    pub unacknowledged: Vec<NumberedStatus>,
    /// Its process id.
    pub pid: u32,
}

/// A report with the executor's number of it, from 1 for each task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberedStatus {
    /// The number.
    pub number: u64,
    /// The report; the agent fills in sequence, source, agent and executor.
    pub status: TaskStatus,
}

/// What an agent says to an executor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToExecutor {
    /// It is welcome.
    Subscribed {
        /// Where it is.
        agent: AgentId,
        /// The agent's hostname.
        hostname: String,
        /// From the polite to the hard kill where a task says nothing.
        kill_grace: Duration,
    },
    /// Start these; those already started are passed over.
    Launch {
        /// The tasks.
        tasks: Vec<TaskLaunch>,
        /// Whether they live and die together.
        group: bool,
    },
    /// End these.
    Kill {
        /// Which.
        tasks: Vec<TaskId>,
        /// From the polite to the hard kill; none: what each task says.
        grace: Option<Duration>,
    },
    /// The agent has these updates on disk, for each task up to a number.
    Acknowledged(Vec<(TaskId, u64)>),
    /// Bytes from the scheduler.
    Message(Vec<u8>),
    /// End all tasks, then yourself.
    Shutdown {
        /// From the polite to the hard kill; none: what each task says.
        grace: Option<Duration>,
    },
}

/// One task to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskLaunch {
    /// The task.
    pub task: Arc<TaskInfo>,
    /// Its sandbox.
    pub sandbox: PathBuf,
    /// As whom, if its command names nobody.
    pub user: Option<String>,
    /// Whether an earlier start of this executor had it already: then it is adopted or reported failed, never started.
    pub adopt: bool,
}
