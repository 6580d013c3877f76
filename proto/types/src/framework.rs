//! What a framework says of itself when it subscribes.

use crate::{FrameworkId, Labels, Role};
use std::time::Duration;

/// How long a framework's tasks outlive its scheduler if it names no time. Mesos had 0, so that a blip of the network
/// killed everything.
pub const FAILOVER_TIMEOUT_DEFAULT: Duration = Duration::from_secs(3600);

/// A framework as it describes itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameworkInfo {
    /// Its id; none at its first subscription.
    pub id: Option<FrameworkId>,
    /// Its name, for people.
    pub name: String,
    /// The user that its tasks run as; none: the agent's.
    pub user: Option<String>,
    /// The roles it gets offers for; at least one, no duplicates.
    pub roles: Vec<Role>,
    /// How long its tasks outlive its scheduler.
    pub failover_timeout: Duration,
    /// Where people find it.
    pub webui_url: String,
    /// The machine its scheduler runs on.
    pub hostname: String,
    /// Free-form.
    pub labels: Labels,
}
