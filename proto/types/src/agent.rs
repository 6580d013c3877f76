//! What an agent says of itself when it registers.

use crate::{Attributes, Resources};

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
