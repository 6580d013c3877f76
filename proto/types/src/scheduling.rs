//! The conversation between a master and a scheduler, as values. `proto/v1/scheduler.proto` is its wire form.

use crate::{
    AgentId, ClusterId, Epoch, ExecutorId, Filters, FrameworkId, FrameworkInfo, Offer, OfferId, RequestId, Resources,
    Role, SessionId, TaskId, TaskStatus,
    constraints::OfferConstraints,
    reconcile::{Answer, Query},
    task::Launch,
    verdict::TaskVerdict,
};
use std::{borrow::Cow, collections::BTreeMap, time::Duration};

/// Opens a scheduler's event stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscribe {
    /// The framework; with an id, this scheduler takes over.
    pub framework: FrameworkInfo,
    /// Which scheduler of the framework: lower than the registered one is refused, equal reconnects, higher takes over.
    pub incarnation: u64,
    /// The cluster that the framework's id is of.
    pub cluster: Option<ClusterId>,
    /// What it wants.
    pub wants: Wants,
    /// Where an earlier stream broke off.
    pub resume: Option<Resume>,
}

/// What offers a framework wants and how much it can take.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wants {
    /// Roles without offers until revived.
    pub suppressed: Vec<Role>,
    /// Which offers, by role; a role without an entry takes all.
    pub constraints: BTreeMap<Role, OfferConstraints>,
    /// How much at once.
    pub credit: Credit,
}

/// How much a scheduler can take at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credit {
    /// Offers outstanding.
    pub offers: u32,
    /// Updates unacknowledged.
    pub updates: u32,
}

/// What a scheduler may have at once at most, and if it says nothing.
pub const CREDIT_MAX: u32 = 100_000;

impl Default for Credit {
    fn default() -> Self {
        Self { offers: CREDIT_MAX, updates: CREDIT_MAX }
    }
}

/// Where an event stream broke off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resume {
    /// The session of the broken stream.
    pub session: SessionId,
    /// The number of the last event that arrived.
    pub after_event: u64,
}

/// Something a scheduler must know, numbered within its session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberedEvent {
    /// From 1, without gaps; heartbeats repeat the last.
    pub number: u64,
    /// The master's epoch.
    pub epoch: Epoch,
    /// What happened.
    pub event: Event,
}

/// Something a scheduler must know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The subscription stands. The first event of every stream.
    Subscribed {
        /// The framework's id.
        framework: FrameworkId,
        /// Goes into every call.
        session: SessionId,
        /// The cluster.
        cluster: ClusterId,
        /// A heartbeat comes at least so often.
        heartbeat_interval: Duration,
        /// Whether the stream goes on where it broke off; if not, earlier offers are gone.
        resumed: bool,
        /// The master's version.
        version: String,
    },
    /// New offers.
    Offers(Vec<Offer>),
    /// Offers that are no more.
    Rescinded(Vec<OfferId>),
    /// Updates of tasks, in order for each.
    Updates(Vec<TaskStatus>),
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
    /// Nothing; the connection is alive.
    Heartbeat,
    /// The stream ends after this.
    Closed {
        /// Why.
        reason: CloseReason,
        /// For people.
        message: String,
    },
}

/// Why a stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// A scheduler of a higher incarnation took over. Final.
    Superseded,
    /// The same scheduler opened another stream.
    Reconnected,
    /// The framework was torn down. Final.
    Removed,
    /// The scheduler read too slowly.
    TooSlow,
    /// The master leads no more.
    LeadershipLost,
}

/// Something a scheduler asks for within its session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// Uses offers.
    Accept(Accept),
    /// Refuses offers.
    Decline {
        /// Which.
        offers: Vec<OfferId>,
        /// How long they are kept away.
        filters: Filters,
    },
    /// Ends suppression and filters of roles; none: of all.
    Revive(Vec<Role>),
    /// Stops offers for roles; none: for all.
    Suppress(Vec<Role>),
    /// Kills tasks.
    Kill {
        /// Which.
        tasks: Vec<TaskId>,
        /// From the polite to the hard kill; none: what each task says.
        grace: Option<Duration>,
    },
    /// Acknowledges updates, for each task up to a number.
    Acknowledge(Vec<(TaskId, u64)>),
    /// Asks about tasks.
    Reconcile {
        /// Which; none: all.
        queries: Vec<Query>,
        /// Of all, those after this one; none: from the first.
        after: Option<TaskId>,
    },
    /// Sends bytes to an executor.
    SendMessage {
        /// Where it is.
        agent: AgentId,
        /// Which.
        executor: ExecutorId,
        /// What.
        data: Vec<u8>,
    },
    /// Replaces the framework's description and wants.
    UpdateFramework {
        /// The description.
        framework: Box<FrameworkInfo>,
        /// What it wants.
        wants: Wants,
    },
    /// Removes the framework for good.
    Teardown,
    /// Asks why.
    Explain(Subject),
}

/// Uses offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accept {
    /// A retry with the same id gets the first answer.
    pub request: RequestId,
    /// What is done with which offers.
    pub acceptances: Vec<Acceptance>,
    /// Whether everything is done or nothing.
    pub all_or_nothing: bool,
}

/// What is done with offers of one agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceptance {
    /// The offers, all of one agent.
    pub offers: Vec<OfferId>,
    /// What is launched, in order; none: the offers are refused.
    pub launches: Vec<Launch>,
    /// For what is left over.
    pub filters: Filters,
}

/// What is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The framework itself.
    Framework,
    /// A task that was launched.
    Task(TaskId),
    /// A task that might be.
    Shape {
        /// What it needs on one agent.
        resources: Resources,
        /// For which role; none: the framework's first.
        role: Option<Role>,
    },
}

/// Tasks of one `Accept` at most: more would make its answer larger than a message.
pub const ACCEPT_TASKS_MAX: usize = 5000;

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Of `Accept`: one verdict for each task, in order.
    Verdicts(Vec<TaskVerdict>),
    /// Of `Decline`: how many were still outstanding.
    Declined(u32),
    /// Of `Kill`: the tasks not known. Of `Reconcile`: all asked about.
    Answers {
        /// As many as one message carries.
        answers: Vec<Answer>,
        /// Whether there are more of them.
        more: bool,
    },
    /// Of `SendMessage`: whether the agent was connected.
    Sent(bool),
    /// Of `Explain`.
    Explanation(Explanation),
    /// Of the rest.
    Done,
}

/// Why a call or a subscription was refused as a whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The request itself is wrong.
    #[error("{field}: {message}")]
    Invalid {
        /// The field.
        field: String,
        /// What is wrong and what would be right.
        message: String,
    },
    /// The session is not the framework's present one.
    #[error("session {0} is not current; subscribe again")]
    StaleSession(SessionId),
    /// A scheduler of a higher incarnation has taken over.
    #[error("a scheduler with incarnation {current} has taken over; this one has {given}")]
    Superseded {
        /// The registered one.
        current: u64,
        /// The one that is refused.
        given: u64,
    },
    /// The framework's id is dead or was never given.
    #[error("framework {0} is not registered here: it was torn down, or its failover timeout passed")]
    FrameworkRemoved(FrameworkId),
    /// The framework is of another cluster.
    #[error("this is cluster {here}, the framework is of cluster {theirs}")]
    WrongCluster {
        /// This one.
        here: ClusterId,
        /// The framework's.
        theirs: ClusterId,
    },
    /// No such thing.
    #[error("{0}")]
    NotFound(String),
    /// The principal may not do this.
    #[error("{0}")]
    Unauthorized(String),
    /// Several things fit.
    #[error("{0}")]
    Ambiguous(String),
}

/// Reasons, the weightiest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Explanation {
    /// The gist in one line.
    pub summary: String,
    /// The reasons.
    pub reasons: Vec<ReasonLine>,
}

/// One reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReasonLine {
    /// For programs.
    pub code: Cow<'static, str>,
    /// For people, with numbers.
    pub message: String,
    /// How many agents it concerns; 0: it is not about agents.
    pub agents: u32,
}
