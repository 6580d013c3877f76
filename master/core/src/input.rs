//! Everything that a master reacts to.

use proto_types::{
    AgentId, FrameworkId, Principal, Role, SessionId, TaskId,
    agent::Unavailability,
    link::FromAgent,
    resources::Limits,
    scheduling::{Call, Subscribe},
};
use std::time::Duration;

/// A link of an agent: one control stream, numbered by the shell, never used twice, later ones higher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u64);

/// An event stream of a scheduler, numbered by the shell, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// A unary call waiting for its reply, numbered by the shell, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);

/// Everything that a master reacts to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Time has passed. Comes at least every [`crate::config::TICK`].
    Tick,
    /// Allocate to whom it may concern, if anything changed. The shell paces this.
    Allocate,
    /// An agent said something.
    Agent {
        /// On which link.
        link: LinkId,
        /// Who.
        principal: Principal,
        /// What.
        message: FromAgent,
    },
    /// An agent's link is gone.
    AgentLinkClosed {
        /// Which.
        link: LinkId,
    },
    /// A scheduler opened its event stream.
    Subscribe {
        /// The stream.
        connection: ConnectionId,
        /// Who.
        principal: Principal,
        /// What it is and wants.
        request: Box<Subscribe>,
    },
    /// A scheduler's event stream is gone.
    SchedulerClosed {
        /// Which.
        connection: ConnectionId,
        /// Whether the shell cut it off because the scheduler read too slowly.
        too_slow: bool,
    },
    /// A scheduler called.
    Call {
        /// Where the reply goes.
        call: CallId,
        /// Who.
        principal: Principal,
        /// In which session.
        session: SessionId,
        /// What.
        body: Call,
    },
    /// An operator called.
    Operate {
        /// Where the reply goes.
        call: CallId,
        /// Who.
        principal: Principal,
        /// What.
        body: OperatorCall,
    },
}

/// What operators ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperatorCall {
    /// Why does this framework get no offers?
    ExplainFramework(FrameworkId),
    /// Where does this task stand?
    ExplainTask {
        /// Whose; none: of the only framework that has it.
        framework: Option<FrameworkId>,
        /// Which.
        task: TaskId,
    },
    /// What is the matter with this role?
    ExplainRole(Role),
    /// Sets a role's weight and limit.
    UpdateRole {
        /// Which.
        role: Role,
        /// In thousandths; none: it stays.
        weight_milli: Option<u64>,
        /// None: it stays; empty: no limit.
        limit: Option<Limits>,
    },
    /// Kills a task.
    KillTask {
        /// Whose; none: of the only framework that has it.
        framework: Option<FrameworkId>,
        /// Which.
        task: TaskId,
        /// From the polite to the hard kill; none: what the task says.
        grace: Option<Duration>,
    },
    /// Removes a framework for good.
    TeardownFramework(FrameworkId),
    /// Has no more offers made of an agent; its tasks run on.
    DeactivateAgent(AgentId),
    /// Has no more offers made of an agent, and ends its tasks.
    DrainAgent {
        /// Which.
        agent: AgentId,
        /// The longest that a task gets from the polite to the hard kill; none: what each task says.
        max_grace: Option<Duration>,
        /// How long from now until what is left is killed hard; none: for ever.
        deadline: Option<Duration>,
        /// Whether the agent is gone for good once it is drained.
        mark_gone: bool,
    },
    /// Has an agent offered again.
    ReactivateAgent(AgentId),
    /// Says that an agent never comes back.
    MarkAgentGone(AgentId),
    /// Plans the maintenance of agents.
    ScheduleMaintenance {
        /// Which.
        agents: Vec<AgentId>,
        /// When they will not be there.
        unavailability: Unavailability,
    },
    /// Takes back what is planned for agents, or ends the maintenance that has begun.
    CancelMaintenance(Vec<AgentId>),
    /// Where is this task? So that the shell can ask its agent for files.
    LocateTask {
        /// Whose; none: of the only framework that has it.
        framework: Option<FrameworkId>,
        /// Which.
        task: TaskId,
        /// Where it ran, as the caller believes; with the framework it will do if the task is not known any more.
        agent: Option<AgentId>,
    },
}

/// What came of an operator's call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperatorReply {
    /// Of the explanations.
    Explanation(proto_types::scheduling::Explanation),
    /// Of `KillTask`: whose task it is.
    Killed(FrameworkId),
    /// Of `LocateTask`.
    Located {
        /// Whose.
        framework: FrameworkId,
        /// On which agent.
        agent: AgentId,
        /// On which link; none: the agent is not connected.
        link: Option<LinkId>,
    },
    /// Of the rest.
    Done,
}
