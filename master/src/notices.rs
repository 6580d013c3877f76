//! What of the changes people read in the log. The core does not log; its changes say all.

use master_core::effect::{AgentStanding, AgentView, FrameworkView};
use proto_types::{AgentId, FrameworkId, agent::Duty};

/// An agent is new or changed.
pub(crate) fn agent(id: &AgentId, old: Option<&AgentView>, new: &AgentView) {
    if old.map(|old| old.duty.name()).unwrap_or(Duty::Active.name()) != new.duty.name() {
        let (hostname, duty) = (&new.info.hostname, new.duty.name());
        tracing::info!(agent = %id, %hostname, tasks = new.tasks, "an agent is {duty}");
    }
    if old.is_some_and(|old| old.standing == new.standing) {
        return;
    }
    let (hostname, standing) = (&new.info.hostname, new.standing.name());
    match new.standing {
        AgentStanding::Connected => {
            tracing::info!(agent = %id, %hostname, resources = %new.info.resources, "an agent is connected");
        }
        // Each agent there was, at the beginning of a term.
        AgentStanding::Recovered => tracing::debug!(agent = %id, %hostname, "an agent is known and not back yet"),
        AgentStanding::Disconnected => tracing::info!(agent = %id, %hostname, "an agent's link is gone"),
        AgentStanding::Unreachable | AgentStanding::Gone => {
            tracing::warn!(agent = %id, %hostname, tasks = new.tasks, "an agent is {standing}");
        }
    }
}

/// A framework is new or changed.
pub(crate) fn framework(id: &FrameworkId, old: Option<&FrameworkView>, new: &FrameworkView) {
    let name = &new.info.name;
    let (was_removed, was_connected) = old.map_or((false, false), |old| (old.removed, old.connected));
    if new.removed && !was_removed {
        tracing::info!(framework = %id, %name, tasks = new.tasks, "a framework is removed");
    } else if new.connected && !was_connected {
        let incarnation = new.incarnation;
        tracing::info!(framework = %id, %name, incarnation, principal = %new.principal, "a scheduler is connected");
    } else if was_connected && !new.connected && !new.removed {
        tracing::info!(framework = %id, %name, "a scheduler's stream is gone");
    }
}
