//! What a master stores.

use super::{
    Invalid,
    agent::agent_info,
    at::{At, required},
    framework::framework_info,
    readable,
    resources::{bounds, limits_to_wire},
    text::{self, framework_id, id, millis, role, to_millis},
};
use crate::storage::v1::{self, registry_change::Change};
use proto_types::{
    registry::{Fact, RegistryChange},
    time::Wall,
};
use std::sync::Arc;

readable! { v1::RegistryChange => RegistryChange: registry_change; }

pub(crate) fn registry_change(wire: v1::RegistryChange, at: &At<'_>) -> Result<RegistryChange, Invalid> {
    let principal = text::principal(&wire.principal, &at.field("principal"))?;
    Ok(RegistryChange { principal, fact: fact(required(wire.change, &at.field("change"))?, at)? })
}

fn fact(wire: Change, at: &At<'_>) -> Result<Fact, Invalid> {
    Ok(match wire {
        Change::AgentAdmitted(wire) => {
            let at = at.field("agent_admitted");
            let info = agent_info(required(wire.info, &at.field("info"))?, &at.field("info"))?;
            Fact::AgentAdmitted { agent: id(&wire.agent_id, &at.field("agent_id"))?, info: Arc::new(info) }
        }
        Change::AgentMarkedUnreachable(wire) => Fact::AgentMarkedUnreachable {
            agent: id(&wire.agent_id, &at.field("agent_marked_unreachable").field("agent_id"))?,
            since: Wall(wire.since_ms),
        },
        Change::AgentMarkedReachable(wire) => Fact::AgentMarkedReachable {
            agent: id(&wire.agent_id, &at.field("agent_marked_reachable").field("agent_id"))?,
        },
        Change::AgentMarkedGone(wire) => Fact::AgentMarkedGone {
            agent: id(&wire.agent_id, &at.field("agent_marked_gone").field("agent_id"))?,
            since: Wall(wire.since_ms),
        },
        Change::FrameworkRegistered(wire) => framework_registered(wire, &at.field("framework_registered"))?,
        Change::FrameworkDisconnected(wire) => Fact::FrameworkDisconnected {
            framework: framework_id(&wire.framework_id, &at.field("framework_disconnected"))?,
            remaining: millis(wire.remaining_ms),
        },
        Change::FrameworkConnected(wire) => {
            Fact::FrameworkConnected { framework: framework_id(&wire.framework_id, &at.field("framework_connected"))? }
        }
        Change::FrameworkRemoved(wire) => {
            Fact::FrameworkRemoved { framework: framework_id(&wire.framework_id, &at.field("framework_removed"))? }
        }
        Change::RoleUpdated(wire) => {
            let at = at.field("role_updated");
            Fact::RoleUpdated {
                role: role(&wire.role, &at.field("role"))?,
                weight_milli: wire.weight_milli,
                limit: bounds(wire.limit, &at.field("limit"))?,
            }
        }
    })
}

fn framework_registered(wire: v1::FrameworkRegistered, at: &At<'_>) -> Result<Fact, Invalid> {
    let info = framework_info(required(wire.info, &at.field("info"))?, &at.field("info"))?;
    if info.id.is_none() {
        return Err(at.field("info").field("id").missing());
    }
    let registered = Wall(wire.registered_ms);
    Ok(Fact::FrameworkRegistered { info: Arc::new(info), incarnation: wire.incarnation, registered })
}

impl From<&RegistryChange> for v1::RegistryChange {
    fn from(change: &RegistryChange) -> Self {
        Self { principal: change.principal.to_string(), change: Some((&change.fact).into()) }
    }
}

impl From<&Fact> for Change {
    fn from(fact: &Fact) -> Self {
        match fact {
            Fact::AgentAdmitted { agent, info } => {
                Self::AgentAdmitted(v1::AgentAdmitted { agent_id: agent.to_string(), info: Some((&**info).into()) })
            }
            Fact::AgentMarkedUnreachable { agent, since } => Self::AgentMarkedUnreachable(v1::AgentMarkedUnreachable {
                agent_id: agent.to_string(),
                since_ms: since.0,
            }),
            Fact::AgentMarkedReachable { agent } => {
                Self::AgentMarkedReachable(v1::AgentMarkedReachable { agent_id: agent.to_string() })
            }
            Fact::AgentMarkedGone { agent, since } => {
                Self::AgentMarkedGone(v1::AgentMarkedGone { agent_id: agent.to_string(), since_ms: since.0 })
            }
            Fact::FrameworkRegistered { info, incarnation, registered } => {
                Self::FrameworkRegistered(v1::FrameworkRegistered {
                    info: Some((&**info).into()),
                    incarnation: *incarnation,
                    registered_ms: registered.0,
                })
            }
            Fact::FrameworkDisconnected { framework, remaining } => {
                Self::FrameworkDisconnected(v1::FrameworkDisconnected {
                    framework_id: framework.to_string(),
                    remaining_ms: to_millis(*remaining),
                })
            }
            Fact::FrameworkConnected { framework } => {
                Self::FrameworkConnected(v1::FrameworkConnected { framework_id: framework.to_string() })
            }
            Fact::FrameworkRemoved { framework } => {
                Self::FrameworkRemoved(v1::FrameworkRemoved { framework_id: framework.to_string() })
            }
            Fact::RoleUpdated { role, weight_milli, limit } => Self::RoleUpdated(v1::RoleUpdated {
                role: role.to_string(),
                weight_milli: *weight_milli,
                limit: limits_to_wire(limit),
            }),
        }
    }
}
