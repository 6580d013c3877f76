//! What an agent says of itself when it registers, and what operators say of it.

use crate::{Attributes, Resources, time::Wall};
use std::time::Duration;

/// An agent as it describes itself. Changed descriptions are taken over at its next registration, never refused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AgentInfo {
    /// The name under which people know the machine.
    pub hostname: String,
    /// Where the agent's own HTTP endpoint listens, for people; nothing has to reach it to control the agent.
    pub address: String,
    /// All it has, used or not.
    pub resources: Resources,
    /// Its attributes.
    pub attributes: Attributes,
    /// Its region, for constraints.
    pub region: Option<String>,
    /// Its zone, for constraints.
    pub zone: Option<String>,
    /// The version of Proffer it runs.
    pub version: String,
    /// What isolates tasks there, in words, such as `cgroups v1: cpu, memory, pids`.
    pub isolation: String,
}

/// What operators want of an agent: whether it is offered, and whether its tasks may stay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Duty {
    /// It is offered.
    #[default]
    Active,
    /// It is not offered; its tasks run on.
    Deactivated,
    /// It is not offered, and its tasks are being ended.
    Draining(Drain),
    /// It is not offered, and no task runs on it.
    Drained(Drain),
}

impl Duty {
    /// Every name.
    pub const NAMES: [&'static str; 4] = ["active", "deactivated", "draining", "drained"];

    /// Its name, for lists.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Deactivated => "deactivated",
            Self::Draining(_) => "draining",
            Self::Drained(_) => "drained",
        }
    }

    /// How it drains or was drained.
    #[must_use]
    pub const fn drain(self) -> Option<Drain> {
        match self {
            Self::Active | Self::Deactivated => None,
            Self::Draining(drain) | Self::Drained(drain) => Some(drain),
        }
    }
}

/// How an agent is drained.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Drain {
    /// The longest that a task gets from the polite to the hard kill; none: what each task says.
    pub max_grace: Option<Duration>,
    /// When the tasks that are left are killed hard; none: never.
    pub deadline: Option<Wall>,
    /// Whether the agent is gone for good once it is drained.
    pub mark_gone: bool,
    /// Whether its maintenance began it, and ends it.
    pub maintenance: bool,
}

/// When an agent will not be there, by the operators' plans. Times of day are meant, so these are wall clock times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unavailability {
    /// From when on.
    pub start: Wall,
    /// Until when; none: until an operator says so.
    pub end: Option<Wall>,
}
