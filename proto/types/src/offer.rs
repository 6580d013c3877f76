//! Resources of one agent, put before one framework for one of its roles.

use crate::{AgentId, AgentInfo, FrameworkId, OfferId, Resources, Role, agent::Unavailability};
use std::{sync::Arc, time::Duration};

/// An offer: a claim on resources of one agent. Accepting it is checked by value against what is free then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Its id, unique over epochs.
    pub id: OfferId,
    /// To whom.
    pub framework: FrameworkId,
    /// For which of the framework's roles.
    pub role: Role,
    /// Of which agent.
    pub agent: AgentId,
    /// The agent's description.
    pub agent_info: Arc<AgentInfo>,
    /// How much.
    pub resources: Resources,
    /// When the agent will not be there; none: nothing is planned.
    pub unavailability: Option<Unavailability>,
}

/// How long a refusal holds if the framework names no time.
pub const REFUSE_DEFAULT: Duration = Duration::from_secs(5);
/// The longest refusal; longer ones are cut to this (Mesos's limit).
pub const REFUSE_MAX: Duration = Duration::from_secs(365 * 24 * 3600);

/// How a framework wants what it refused to be kept away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filters {
    /// For how long the agent's refused resources, or fewer, are not offered again; zero: no filter.
    pub refuse: Duration,
}

impl Default for Filters {
    fn default() -> Self {
        Self { refuse: REFUSE_DEFAULT }
    }
}
