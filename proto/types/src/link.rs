//! The conversation between a master and an agent, as values. `proto/v1/agent.proto` is its wire form.

use crate::{
    AgentId, AgentInfo, ClusterId, Epoch, ExecutorId, FrameworkId, Role, TaskInfo, TaskKey, TaskStatus,
    task::{ExecutorInfo, Launch},
};
use std::{sync::Arc, time::Duration};

/// What an agent says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromAgent {
    /// Who it is and what it holds. First of all, and again when its description changes.
    Register(Box<Registration>),
    /// Updates of tasks, in order for each.
    Updates(Vec<(FrameworkId, TaskStatus)>),
    /// The answer to a ping.
    Pong(u64),
    /// Bytes from an executor.
    Message(ExecutorMessage),
    /// An executor ended.
    ExecutorExited {
        /// Whose.
        framework: FrameworkId,
        /// Which.
        executor: ExecutorId,
        /// How.
        message: String,
    },
}

/// Who an agent is and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// Its id; none: the master names it.
    pub id: Option<AgentId>,
    /// Its cluster; none: it belongs to none yet.
    pub cluster: Option<ClusterId>,
    /// Its description.
    pub info: AgentInfo,
    /// The highest epoch it has seen.
    pub epoch: Epoch,
    /// Its tasks that are not over, and those with unacknowledged updates.
    pub tasks: Vec<HeldTask>,
    /// Its executors that run.
    pub executors: Vec<HeldExecutor>,
}

/// A task as its agent knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldTask {
    /// Which.
    pub key: TaskKey,
    /// By which executor.
    pub executor: ExecutorId,
    /// For which role its resources were offered.
    pub role: Role,
    /// Its description; none once it is over.
    pub info: Option<Arc<TaskInfo>>,
    /// Its newest report, acknowledged or not.
    pub latest: TaskStatus,
    /// Its unacknowledged updates, in order.
    pub unacknowledged: Vec<TaskStatus>,
}

/// An executor as its agent knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldExecutor {
    /// Whose.
    pub framework: FrameworkId,
    /// Which; the built-in one uses no resources of its own account.
    pub info: ExecutorInfo,
    /// For which role its resources were offered.
    pub role: Role,
}

/// Bytes from or for an executor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutorMessage {
    /// Whose.
    pub framework: FrameworkId,
    /// Which.
    pub executor: ExecutorId,
    /// What.
    pub data: Vec<u8>,
}

/// What a master says; the epoch goes beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToAgent {
    /// It is admitted, durably.
    Registered {
        /// Its id.
        id: AgentId,
        /// Its cluster.
        cluster: ClusterId,
        /// A ping comes at least so often.
        ping_interval: Duration,
        /// After so many missed ones the agent looks for the master anew.
        ping_misses: u32,
        /// Over how long the agents spread when another master leads.
        reconnect_within: Duration,
    },
    /// It is not admitted; the link ends.
    Refused {
        /// Why.
        reason: RefusedReason,
        /// For people.
        message: String,
    },
    /// Start these.
    Launch(Box<AgentLaunch>),
    /// End these.
    Kill {
        /// Whose.
        framework: FrameworkId,
        /// Which.
        tasks: Vec<crate::TaskId>,
        /// From the polite to the hard kill; none: what each task says.
        grace: Option<Duration>,
        /// The longest that any of them gets, whatever it or its agent says; a custom executor that does not end them then
        /// is killed with all that it holds. None: no limit.
        max_grace: Option<Duration>,
    },
    /// Updates up to these numbers need not be sent again.
    Acknowledge(Vec<(TaskKey, u64)>),
    /// Are you there?
    Ping(u64),
    /// A framework is gone: end all that is its.
    ShutdownFramework(FrameworkId),
    /// Bytes for an executor.
    Message(ExecutorMessage),
}

/// Tasks for an agent to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentLaunch {
    /// Whose.
    pub framework: FrameworkId,
    /// As whom, if a task names nobody.
    pub user: Option<String>,
    /// For which role the resources were offered.
    pub role: Role,
    /// What.
    pub launch: Launch,
}

/// Why an agent is not admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusedReason {
    /// It is of another cluster. It changes nothing and tries again.
    WrongCluster,
    /// An operator said that it is gone: it ends its tasks, its id is dead.
    Gone,
    /// Its description is wrong.
    Invalid,
    /// The master leads no more.
    NotLeader,
}
