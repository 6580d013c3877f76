//! Everything that a master does.

use crate::input::{CallId, ConnectionId, LinkId, OperatorReply};
use proto_types::{
    AgentId, AgentInfo, ExecutorId, FrameworkId, FrameworkInfo, Offer, OfferId, Principal, Resources, Role, TaskInfo,
    TaskKey, TaskStatus,
    agent::{Duty, Unavailability},
    link::ToAgent,
    registry::RegistryChange,
    resources::{Limits, Quantities},
    scheduling::{NumberedEvent, Refusal, Reply},
    time::Wall,
};
use std::sync::Arc;

/// The number of a change of the registry, from 1 for the first of this term.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogIndex(pub u64);

/// Something to be done by the shell. Effects to one recipient leave in the order made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// It may leave only once this change of the registry is stored; none: at once.
    pub after: Option<LogIndex>,
    /// What.
    pub body: Body,
}

/// Whom an effect is for. Order matters among effects to one recipient only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Recipient {
    /// The registry's log.
    Log,
    /// An agent.
    Agent(LinkId),
    /// A scheduler.
    Scheduler(ConnectionId),
    /// A caller.
    Caller(CallId),
    /// The read model.
    ReadModel,
}

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Store this; indices count up without gaps.
    Append(LogIndex, RegistryChange),
    /// Send this to an agent.
    ToAgent(LinkId, ToAgent),
    /// End an agent's link.
    CloseLink(LinkId),
    /// Send this to a scheduler.
    ToScheduler(ConnectionId, Arc<NumberedEvent>),
    /// Refuse a subscription: the stream ends with this error.
    RefuseSubscription(ConnectionId, Refusal),
    /// End a scheduler's stream, after what was sent before.
    CloseConnection(ConnectionId),
    /// Answer a scheduler's call.
    Reply(CallId, Result<Reply, Refusal>),
    /// Answer an operator's call.
    OperatorReply(CallId, Result<OperatorReply, Refusal>),
    /// The state changed.
    Changed(Change),
}

impl Effect {
    /// Whom it is for.
    #[must_use]
    pub fn recipient(&self) -> Recipient {
        match &self.body {
            Body::Append(..) => Recipient::Log,
            Body::ToAgent(link, _) | Body::CloseLink(link) => Recipient::Agent(*link),
            Body::ToScheduler(connection, _)
            | Body::RefuseSubscription(connection, _)
            | Body::CloseConnection(connection) => Recipient::Scheduler(*connection),
            Body::Reply(call, _) | Body::OperatorReply(call, _) => Recipient::Caller(*call),
            Body::Changed(_) => Recipient::ReadModel,
        }
    }
}

/// A change of the state, for whoever shows it: the whole new record of what changed, or that it is no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// An agent is new or changed.
    Agent(AgentId, Arc<AgentView>),
    /// A framework is new or changed.
    Framework(FrameworkId, Arc<FrameworkView>),
    /// A task is new or changed. Tasks that are over and acknowledged stay for a while.
    Task(TaskKey, Arc<TaskView>),
    /// An offer is new.
    Offer(OfferId, Arc<Offer>),
    /// A role is new or changed.
    Role(Role, Arc<RoleView>),
    /// An agent that was gone is forgotten.
    AgentRemoved(AgentId),
    /// A framework is forgotten.
    FrameworkForgotten(FrameworkId),
    /// A task is forgotten.
    TaskForgotten(TaskKey),
    /// An offer is no more.
    OfferRemoved(OfferId),
    /// A role is no more.
    RoleRemoved(Role),
}

/// Where an agent stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AgentStanding {
    /// It has a link.
    Connected,
    /// It has none now.
    Disconnected,
    /// It did not answer for too long.
    Unreachable,
    /// It is known from the registry and has not come back yet.
    Recovered,
    /// An operator said that it is gone.
    Gone,
}

impl AgentStanding {
    /// Every one.
    pub const ALL: [Self; 5] = [Self::Connected, Self::Disconnected, Self::Unreachable, Self::Recovered, Self::Gone];

    /// Its name, for lists and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Disconnected => "disconnected",
            Self::Unreachable => "unreachable",
            Self::Recovered => "recovered",
            Self::Gone => "gone",
        }
    }
}

/// An agent as shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentView {
    /// Its description.
    pub info: Arc<AgentInfo>,
    /// Where it stands.
    pub standing: AgentStanding,
    /// Since when.
    pub since: Wall,
    /// What operators want of it.
    pub duty: Duty,
    /// When it will not be there; none: nothing is planned.
    pub unavailability: Option<Unavailability>,
    /// Used by tasks and executors.
    pub used: Resources,
    /// Offered.
    pub offered: Resources,
    /// Tasks that are not over.
    pub tasks: u32,
}

/// A framework as shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameworkView {
    /// Its description, with its id.
    pub info: Arc<FrameworkInfo>,
    /// Whether its scheduler is connected.
    pub connected: bool,
    /// Which scheduler.
    pub incarnation: u64,
    /// When it is removed if its scheduler does not come back.
    pub deadline: Option<Wall>,
    /// Roles without offers.
    pub suppressed: Vec<Role>,
    /// Used by its tasks and executors.
    pub used: Quantities,
    /// Offered to it.
    pub offered: Quantities,
    /// Tasks that are not over.
    pub tasks: u32,
    /// Who registered it.
    pub principal: Principal,
    /// When.
    pub registered: Wall,
    /// Whether it is removed.
    pub removed: bool,
}

/// A task as shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskView {
    /// Its description; none where only its updates are known.
    pub info: Option<Arc<TaskInfo>>,
    /// Where.
    pub agent: AgentId,
    /// The agent's hostname.
    pub hostname: String,
    /// By which executor.
    pub executor: ExecutorId,
    /// Its newest report.
    pub latest: TaskStatus,
    /// Updates that its scheduler has not acknowledged.
    pub unacknowledged: u32,
    /// For which role.
    pub role: Role,
    /// Who launched it.
    pub principal: Principal,
}

/// A role as shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleView {
    /// In thousandths.
    pub weight_milli: u64,
    /// The most that it and the roles below it may have.
    pub limit: Limits,
    /// Used and offered, with the roles below.
    pub allocated: Quantities,
    /// Its dominant share, in thousandths of the cluster.
    pub share_milli: u64,
    /// Frameworks subscribed for it.
    pub frameworks: Vec<FrameworkId>,
}
