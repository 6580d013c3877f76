//! Everything that an executor reacts to, and everything that it does.

use proto_types::{
    TaskId,
    executing::{FromExecutor, TaskLaunch, ToExecutor},
    status::ContainerStatus,
};
use std::sync::Arc;

/// Everything that an executor reacts to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The agent said something.
    FromAgent(ToExecutor),
    /// The connection to the agent stands: the executor says who it is.
    Connected,
    /// It is gone.
    Disconnected,
    /// Time has passed.
    Tick,
    /// The agent launches a task that cannot be read.
    Unreadable {
        /// Which.
        task: TaskId,
        /// Why not, for people.
        message: String,
    },
    /// A task's sandbox is ready, or why not.
    Prepared {
        /// Which.
        task: TaskId,
        /// What could not be fetched, for people.
        result: Result<(), String>,
    },
    /// A start takes time: how far it is.
    Progress {
        /// Which.
        task: TaskId,
        /// For people.
        message: String,
    },
    /// A task's first process runs.
    Started {
        /// Which.
        task: TaskId,
        /// Where.
        container: ContainerStatus,
    },
    /// A task could not be started.
    StartFailed {
        /// Which.
        task: TaskId,
        /// Why, for people.
        message: String,
    },
    /// A task's first process is over.
    Exited {
        /// Which.
        task: TaskId,
        /// How.
        exit: Exit,
    },
    /// A probe has an answer.
    Probed {
        /// Of which task.
        task: TaskId,
        /// Healthy, or why not.
        result: Result<(), String>,
    },
    /// What became of a task of an earlier start of this executor.
    Adopted {
        /// Which.
        task: TaskId,
        /// What.
        adoption: Adoption,
    },
}

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// It went over its memory limit; for people.
    OutOfMemory(String),
    /// It is over and nobody saw how; for people.
    Unknown(String),
}

/// What became of a task of an earlier start of this executor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Adoption {
    /// It runs.
    Running(ContainerStatus),
    /// It is over.
    Exited(Exit),
    /// There is no trace of it; for people.
    Lost(String),
}

/// Everything that an executor does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Say this to the agent.
    ToAgent(FromExecutor),
    /// Fetch what the task needs.
    Prepare(Arc<TaskLaunch>),
    /// Start the task.
    Start(Arc<TaskLaunch>),
    /// Look for the task of an earlier start.
    Adopt(Arc<TaskLaunch>),
    /// Nobody wants the task to start any more: stop what of it only takes time. A start that is stopped has failed; one
    /// that cannot be stopped goes on, and both are told.
    Abandon(TaskId),
    /// End the task's processes, politely or not.
    Signal {
        /// Which.
        task: TaskId,
        /// SIGKILL instead of SIGTERM.
        hard: bool,
    },
    /// Run one probe of the task's health check.
    Probe(Arc<TaskLaunch>, ContainerStatus),
    /// The task is over and its agent knows: nothing of it is needed any more.
    Release(TaskId),
    /// End this executor.
    Exit,
}
