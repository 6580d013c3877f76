//! Everything that an agent does.

use crate::{
    fact::{ExecutorStart, Fact},
    input::{ConnectionId, LinkId},
};
use proto_types::{
    AgentId, AgentInfo, ClusterId, Epoch, ExecutorId, FrameworkId, Resources, Role, TaskId, TaskInfo, TaskKey,
    TaskStatus,
    executing::ToExecutor,
    link::{FromAgent, RefusedReason},
};
use std::sync::Arc;

/// The number of a record of the journal, from 1 for the first of this run of the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogIndex(pub u64);

/// Something to be done by the shell. Effects to one recipient leave in the order made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// It may leave only once this record is in the journal, and for a master only once it is as safe as
    /// [`Durability`](crate::Durability) says; none: at once.
    pub after: Option<LogIndex>,
    /// What.
    pub body: Body,
}

/// Whom an effect is for. Order matters among effects to one recipient only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Recipient {
    /// The journal.
    Journal,
    /// A master.
    Master(LinkId),
    /// An executor.
    Executor(ConnectionId),
    /// The machine: processes and directories.
    Machine,
    /// The read model.
    ReadModel,
}

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Write this; indices count up without gaps.
    Append(LogIndex, Fact),
    /// Send this to a master.
    ToMaster(LinkId, FromAgent),
    /// End a link to a master and look for the leader anew.
    CloseLink(LinkId, Closed),
    /// Send this to an executor. The shell fills in the sandboxes of launches.
    ToExecutor(ConnectionId, ToExecutor),
    /// End an executor's connection, after what was sent before.
    CloseExecutor(ConnectionId, Dismissal),
    /// Start an executor.
    StartExecutor(Box<ExecutorStart>),
    /// An executor of an earlier run of the agent may live: say when it does not.
    WatchExecutor {
        /// Whose.
        framework: FrameworkId,
        /// Which.
        executor: ExecutorId,
        /// Which start of it.
        token: String,
    },
    /// Kill the process of an executor, and say when it is dead. Of a custom one all that it started dies too.
    KillExecutor {
        /// Whose.
        framework: FrameworkId,
        /// Which.
        executor: ExecutorId,
        /// Which start of it.
        token: String,
    },
    /// Nothing needs the sandbox of this task any more: it may be removed when its time has come.
    RetireSandbox(TaskKey),
    /// The state changed.
    Changed(Change),
}

/// Why a link is ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Closed {
    /// A newer one took its place.
    Replaced,
    /// The master is not the newest that was seen.
    Deposed {
        /// Its epoch.
        epoch: Epoch,
        /// The highest seen.
        seen: Epoch,
    },
    /// It was silent for too long.
    Silent,
    /// The master refused the agent.
    Refused {
        /// Why.
        reason: RefusedReason,
        /// For people.
        message: String,
    },
}

/// Why an executor's connection is ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dismissal {
    /// Another start of it has taken its tasks over: it ends without touching them.
    Superseded,
    /// The agent does not know it: it ends its tasks and itself.
    Unknown,
    /// It spoke before it subscribed, or twice.
    Confused(&'static str),
    /// A newer connection of the same executor took its place.
    Replaced,
}

/// A change of the state, for whoever shows it: the whole new record of what changed, or that it is no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The agent itself.
    Agent(Box<AgentView>),
    /// A task is new or changed.
    Task(TaskKey, Box<TaskView>),
    /// A task is forgotten.
    TaskForgotten(TaskKey),
    /// An executor is new or changed.
    Executor(FrameworkId, ExecutorId, ExecutorView),
    /// An executor ended.
    ExecutorEnded(FrameworkId, ExecutorId),
}

/// The agent as shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentView {
    /// Its id.
    pub id: Option<AgentId>,
    /// Its cluster.
    pub cluster: Option<ClusterId>,
    /// The highest epoch seen.
    pub epoch: Epoch,
    /// Its description.
    pub info: Arc<AgentInfo>,
    /// Used by tasks and custom executors.
    pub used: Resources,
    /// Whether a master has admitted it on the present link.
    pub registered: bool,
}

/// A task as shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskView {
    /// Its description; none once it is over.
    pub info: Option<Arc<TaskInfo>>,
    /// By which executor.
    pub executor: ExecutorId,
    /// For which role.
    pub role: Role,
    /// Its newest report.
    pub latest: TaskStatus,
    /// Updates not acknowledged.
    pub unacknowledged: usize,
}

/// An executor as shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutorView {
    /// What it uses besides its tasks.
    pub resources: Resources,
    /// Whether it is connected.
    pub connected: bool,
    /// Its process id; 0: not known yet.
    pub pid: u32,
    /// Its tasks that are not over.
    pub tasks: Vec<TaskId>,
    /// How often it was started again.
    pub restarts: u32,
}

impl Effect {
    /// Whom it is for.
    #[must_use]
    pub fn recipient(&self) -> Recipient {
        match &self.body {
            Body::Append(..) => Recipient::Journal,
            Body::ToMaster(link, _) | Body::CloseLink(link, _) => Recipient::Master(*link),
            Body::ToExecutor(connection, _) | Body::CloseExecutor(connection, _) => Recipient::Executor(*connection),
            Body::StartExecutor(_)
            | Body::WatchExecutor { .. }
            | Body::KillExecutor { .. }
            | Body::RetireSandbox(_) => Recipient::Machine,
            Body::Changed(_) => Recipient::ReadModel,
        }
    }
}
