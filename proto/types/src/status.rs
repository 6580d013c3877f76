//! Reports on a task.

use crate::{AgentId, ExecutorId, Labels, TaskId, TaskKey, TaskState, time::Wall};

/// Updates that a master makes are numbered from here on, those of the agent below: each of the two ranges is
/// acknowledged by itself, so that neither has to know of the other.
pub const MASTER_SEQUENCES: u64 = 1 << 63;

/// What makes one update of a task different from the others: updates of a task are numbered from 1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UpdateId {
    /// Of which task.
    pub task: TaskKey,
    /// The number.
    pub sequence: u64,
}

/// Who made a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// A master.
    Master,
    /// An agent.
    Agent,
    /// An executor.
    Executor,
}

/// Why a task is in its state, beyond what the state says. The names are Mesos's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are the reasons, as Mesos's users know them")]
pub enum Reason {
    AgentDisconnected,
    AgentDraining,
    AgentReregistered,
    AgentRemoved,
    AgentRemovedByOperator,
    AgentRestarted,
    AgentUnknown,
    CommandExecutorFailed,
    ContainerLaunchFailed,
    ContainerLimitation,
    ContainerLimitationDisk,
    ContainerLimitationMemory,
    ContainerPreempted,
    ExecutorRegistrationTimeout,
    ExecutorReregistrationTimeout,
    ExecutorTerminated,
    FetchFailed,
    FrameworkRemoved,
    GcError,
    InvalidFrameworkId,
    InvalidOffers,
    MaxCompletionTimeReached,
    Reconciliation,
    ResourcesUnknown,
    TaskCheckStatusUpdated,
    TaskGroupInvalid,
    TaskHealthCheckStatusUpdated,
    TaskInvalid,
    TaskKilledDuringLaunch,
    TaskUnauthorized,
    TaskUnknown,
}

/// What is known of the container a task runs in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContainerStatus {
    /// The engine's id of it; empty for a process.
    pub container_id: String,
    /// The process id of the task's first process on the agent; 0: unknown.
    pub pid: u32,
    /// Its address, if it has one of its own.
    pub ip_address: Option<String>,
}

/// One report on a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskStatus {
    /// Of which task.
    pub task: TaskId,
    /// Its state.
    pub state: TaskState,
    /// The update's number; 0: it is not acknowledged (an answer to a reconciliation).
    pub sequence: u64,
    /// Who made it.
    pub source: Source,
    /// Why.
    pub reason: Option<Reason>,
    /// For people.
    pub message: String,
    /// Where.
    pub agent: Option<AgentId>,
    /// By which executor.
    pub executor: Option<ExecutorId>,
    /// When.
    pub timestamp: Wall,
    /// What the health check says; none: there is none, or nothing yet.
    pub healthy: Option<bool>,
    /// The exit code of the task's first process, if it exited by itself.
    pub exit_code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// The container.
    pub container: Option<ContainerStatus>,
    /// Since when its agent is unreachable.
    pub unreachable_since: Option<Wall>,
    /// For frameworks and their executors.
    pub data: Vec<u8>,
    /// Free-form.
    pub labels: Labels,
}

impl TaskStatus {
    /// A bare report; the rest of its fields say nothing.
    #[must_use]
    pub fn new(task: TaskId, state: TaskState, source: Source, timestamp: Wall) -> Self {
        Self {
            task,
            state,
            sequence: 0,
            source,
            reason: None,
            message: String::new(),
            agent: None,
            executor: None,
            timestamp,
            healthy: None,
            exit_code: None,
            signal: None,
            container: None,
            unreachable_since: None,
            data: Vec::new(),
            labels: Labels::new(),
        }
    }

    /// The same with a reason and a message.
    #[must_use]
    pub fn because(mut self, reason: Reason, message: impl Into<String>) -> Self {
        self.reason = Some(reason);
        self.message = message.into();
        self
    }
}
