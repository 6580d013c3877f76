//! Everything that a session does.

use crate::input::{CallId, StreamId, Ticket};
use proto_types::{
    AgentId, ClusterId, ExecutorId, FrameworkId, Offer, OfferId, Rejection, SessionId, TaskId, TaskStatus,
    scheduling::{Call, Refusal, Reply, Subscribe},
};

/// Something to be done by the shell, in the order made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Open an event stream.
    OpenStream {
        /// Its number.
        stream: StreamId,
        /// To which master, `host:port`.
        master: String,
        /// With this.
        subscribe: Box<Subscribe>,
    },
    /// Close an event stream. Nothing it still brings is of interest.
    CloseStream(StreamId),
    /// Call the master of the stream opened last.
    Call {
        /// Its number.
        call: CallId,
        /// In which session.
        session: SessionId,
        /// What.
        body: Call,
    },
    /// Tell the scheduler.
    Deliver(Notice),
    /// Answer what the scheduler asked.
    Answer {
        /// Where it asked.
        ticket: Ticket,
        /// The answer.
        result: Result<Reply, Unanswered>,
    },
    /// Keep who this framework is, for the next scheduler.
    Keep {
        /// Its id.
        framework: FrameworkId,
        /// Of which cluster.
        cluster: ClusterId,
    },
    /// Forget who this framework was: the id is dead.
    Forget,
    /// It is over. The last effect of all.
    Stop(Outcome),
}

/// Something that a scheduler is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The subscription stands.
    Subscribed {
        /// The framework's id.
        framework: FrameworkId,
        /// The cluster.
        cluster: ClusterId,
        /// The master's version.
        version: String,
        /// Whether an earlier subscription goes on. If not, all earlier offers were rescinded.
        resumed: bool,
    },
    /// The subscription broke; it is being restored.
    Disconnected {
        /// Why.
        message: String,
    },
    /// New offers.
    Offers(Vec<Offer>),
    /// Offers that are no more.
    Rescinded(Vec<OfferId>),
    /// Reports on tasks, in order for each.
    Updates(Vec<TaskStatus>),
    /// A task was certainly not launched.
    Rejected {
        /// Which.
        task: TaskId,
        /// Why.
        rejection: Rejection,
    },
    /// Bytes from an executor.
    Message {
        /// Where it is.
        agent: AgentId,
        /// Which.
        executor: ExecutorId,
        /// What it says.
        data: Vec<u8>,
    },
    /// An agent, or one executor of it, is lost. For information.
    Failure {
        /// The agent.
        agent: AgentId,
        /// The executor; none: the whole agent.
        executor: Option<ExecutorId>,
        /// Why.
        message: String,
    },
    /// A call was refused as a whole.
    Refused {
        /// Its name.
        call: &'static str,
        /// Why.
        refusal: Refusal,
    },
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The scheduler stopped; its framework stays.
    Asked,
    /// The scheduler tore its framework down.
    TornDown,
    /// The scheduler wanted to tear its framework down, and nobody confirmed it in time.
    TeardownUnconfirmed {
        /// The last trouble.
        message: String,
    },
    /// No master could be reached in the time set for it.
    NeverConnected {
        /// The last trouble.
        message: String,
    },
    /// A scheduler of a higher incarnation has taken over.
    Superseded {
        /// What the master said.
        message: String,
    },
    /// The framework is no more: somebody tore it down, or its failover timeout passed.
    Removed {
        /// What the master said.
        message: String,
    },
    /// The subscription was refused for good.
    Refused(Refusal),
}

/// Why a question of the scheduler has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// The session ended first.
    #[error("the scheduler stopped before there was an answer")]
    Stopped,
    /// The master refused it.
    #[error("the master refused")]
    Refused(#[source] Refusal),
    /// The call was lost.
    #[error("the call was lost: {0}")]
    Lost(String),
}
