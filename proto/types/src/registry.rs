//! What a master stores, as facts in the past tense. `proto/storage/v1/registry.proto` is the stored form.

use crate::{
    AgentId, AgentInfo, Epoch, FrameworkId, FrameworkInfo, Principal, Role,
    agent::{Drain, Unavailability},
    resources::Limits,
    time::Wall,
};
use std::{sync::Arc, time::Duration};

/// A change and who caused it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryChange {
    /// Who.
    pub principal: Principal,
    /// What.
    pub fact: Fact,
}

/// A fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// The registry was begun in the place of one that was lost. What that one knew is learnt from those who come back.
    ClusterAdopted {
        /// Ids of this epoch and those before were given by the one that was lost.
        above: Epoch,
    },
    /// An agent was admitted, or came back with another description.
    AgentAdmitted {
        /// Its id.
        agent: AgentId,
        /// Its description.
        info: Arc<AgentInfo>,
    },
    /// An agent did not answer for too long.
    AgentMarkedUnreachable {
        /// Its id.
        agent: AgentId,
        /// Since when.
        since: Wall,
    },
    /// An agent came back.
    AgentMarkedReachable {
        /// Its id.
        agent: AgentId,
    },
    /// An operator said that an agent is gone.
    AgentMarkedGone {
        /// Its id.
        agent: AgentId,
        /// Since when.
        since: Wall,
    },
    /// An agent that is gone is forgotten; its id stays dead.
    AgentForgotten {
        /// Its id.
        agent: AgentId,
    },
    /// An agent is not offered any more; its tasks run on.
    AgentDeactivated {
        /// Its id.
        agent: AgentId,
    },
    /// An agent is offered again, and its tasks may stay.
    AgentReactivated {
        /// Its id.
        agent: AgentId,
    },
    /// An agent is not offered any more, and its tasks have to end.
    AgentDrainBegun {
        /// Its id.
        agent: AgentId,
        /// How.
        drain: Drain,
    },
    /// No task runs any more on an agent that was to be drained.
    AgentDrained {
        /// Its id.
        agent: AgentId,
    },
    /// Maintenance of an agent was planned, in the stead of what was planned before.
    AgentMaintenanceScheduled {
        /// Its id.
        agent: AgentId,
        /// When it will not be there.
        unavailability: Unavailability,
    },
    /// The maintenance of an agent is over or cancelled. A drain that it began ends with it.
    AgentMaintenanceEnded {
        /// Its id.
        agent: AgentId,
    },
    /// A framework was registered, changed, or taken over by a higher incarnation.
    FrameworkRegistered {
        /// Its description, with its id.
        info: Arc<FrameworkInfo>,
        /// Which scheduler.
        incarnation: u64,
        /// When it was first registered.
        registered: Wall,
    },
    /// A framework's scheduler is away.
    FrameworkDisconnected {
        /// Whose.
        framework: FrameworkId,
        /// What is left of its failover timeout; it counts only while a leader leads.
        remaining: Duration,
    },
    /// A framework's scheduler is back.
    FrameworkConnected {
        /// Whose.
        framework: FrameworkId,
    },
    /// A framework is removed; its id is dead.
    FrameworkRemoved {
        /// Which.
        framework: FrameworkId,
    },
    /// A role got a weight or a limit.
    RoleUpdated {
        /// Which.
        role: Role,
        /// In thousandths.
        weight_milli: u64,
        /// Empty: no limit.
        limit: Limits,
    },
}
