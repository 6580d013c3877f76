//! What an agent's journal holds: facts in the past tense. `proto/storage/v1/journal.proto` is their stored form.

use proto_types::{
    AgentId, ClusterId, Epoch, ExecutorId, FrameworkId, Role, TaskId, TaskInfo, TaskKey, TaskStatus, task::ExecutorInfo,
};
use std::sync::Arc;

/// A fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// The agent got its id and cluster.
    Identified {
        /// Its id.
        agent: AgentId,
        /// Its cluster.
        cluster: ClusterId,
    },
    /// An operator said that the agent is gone: its id is dead, and nobody waits for what it holds.
    Abandoned,
    /// The agent saw a higher epoch; from here on it refuses lower ones.
    EpochSeen(Epoch),
    /// An executor is about to be started.
    ExecutorStarting(Box<ExecutorStart>),
    /// An executor ended.
    ExecutorEnded {
        /// Whose.
        framework: FrameworkId,
        /// Which.
        executor: ExecutorId,
    },
    /// Tasks are about to be handed to their executor.
    TaskLaunched(Box<LaunchRecord>),
    /// An update was made.
    UpdateMade(Box<UpdateRecord>),
    /// Updates up to a number were acknowledged; after its terminal one a task is forgotten.
    UpdateAcknowledged {
        /// Of which task.
        key: TaskKey,
        /// Up to which.
        sequence: u64,
    },
    /// A framework is gone.
    FrameworkShutDown(FrameworkId),
    /// Ids of tasks that are over and forgotten, and must not start again.
    TasksForgotten {
        /// Whose.
        framework: FrameworkId,
        /// Which, the oldest first.
        tasks: Vec<TaskId>,
    },
}

/// One start of an executor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutorStart {
    /// Whose.
    pub framework: FrameworkId,
    /// The executor; the built-in one has the id `built-in`.
    pub info: ExecutorInfo,
    /// Proves to the agent that it started the executor; another one for each start.
    pub token: String,
    /// For which role its resources were offered.
    pub role: Role,
    /// As whom it runs; none: as the agent.
    pub user: Option<String>,
}

/// A launch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaunchRecord {
    /// Whose.
    pub framework: FrameworkId,
    /// By which executor.
    pub executor: ExecutorId,
    /// The tasks.
    pub tasks: Vec<Arc<TaskInfo>>,
    /// Whether they live and die together.
    pub group: bool,
    /// For which role their resources were offered.
    pub role: Role,
    /// As whom they run if they name nobody.
    pub user: Option<String>,
}

/// An update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateRecord {
    /// Whose task.
    pub framework: FrameworkId,
    /// The report, with its sequence.
    pub status: TaskStatus,
    /// The executor's number of it; 0: the agent made it.
    pub number: u64,
    /// For which role the task's resources were offered.
    pub role: Role,
}

impl Fact {
    /// Whether it must outlive the machine, and nothing that depends on it may happen before it does.
    #[must_use]
    pub fn must_be_synced(&self) -> bool {
        matches!(self, Self::Identified { .. } | Self::Abandoned | Self::EpochSeen(_))
    }

    /// Whether it has to outlive the machine before a master hears of it. After a crash of the machine nothing runs there
    /// any more, so that a lost launch or start does no harm; a lost end of a task would be reported again, as a failure.
    #[must_use]
    pub fn should_be_synced(&self) -> bool {
        match self {
            Self::UpdateMade(update) => update.status.state.is_terminal(),
            Self::FrameworkShutDown(_) => true,
            _ => self.must_be_synced(),
        }
    }
}
