//! What a master stores, as facts in the past tense. `proto/storage/v1/registry.proto` is the stored form.

use crate::{AgentId, AgentInfo, FrameworkId, FrameworkInfo, Principal, Role, resources::Limits, time::Wall};
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
