//! What a master stores.

use super::{
    Invalid,
    agent::agent_info,
    at::{At, required},
    duty,
    framework::framework_info,
    readable,
    resources::{bounds, limits_to_wire},
    text::{self, framework_id, id, millis, role, to_millis},
};
use crate::storage::v1::{self, registry_change::Change};
use proto_types::{
    AgentId, Epoch,
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
        Change::ClusterAdopted(wire) => Fact::ClusterAdopted { above: Epoch(wire.above) },
        Change::AgentAdmitted(wire) => {
            let at = at.field("agent_admitted");
            let info = agent_info(required(wire.info, &at.field("info"))?, &at.field("info"))?;
            Fact::AgentAdmitted { agent: agent_id(&wire.agent_id, &at)?, info: Arc::new(info) }
        }
        Change::AgentMarkedUnreachable(wire) => Fact::AgentMarkedUnreachable {
            agent: agent_id(&wire.agent_id, &at.field("agent_marked_unreachable"))?,
            since: Wall(wire.since_ms),
        },
        Change::AgentMarkedReachable(wire) => {
            Fact::AgentMarkedReachable { agent: agent_id(&wire.agent_id, &at.field("agent_marked_reachable"))? }
        }
        Change::AgentMarkedGone(wire) => Fact::AgentMarkedGone {
            agent: agent_id(&wire.agent_id, &at.field("agent_marked_gone"))?,
            since: Wall(wire.since_ms),
        },
        Change::AgentForgotten(wire) => {
            Fact::AgentForgotten { agent: agent_id(&wire.agent_id, &at.field("agent_forgotten"))? }
        }
        Change::AgentDeactivated(wire) => {
            Fact::AgentDeactivated { agent: agent_id(&wire.agent_id, &at.field("agent_deactivated"))? }
        }
        Change::AgentReactivated(wire) => {
            Fact::AgentReactivated { agent: agent_id(&wire.agent_id, &at.field("agent_reactivated"))? }
        }
        Change::AgentDrainBegun(wire) => {
            let at = at.field("agent_drain_begun");
            let drain = duty::drain(required(wire.drain, &at.field("drain"))?);
            Fact::AgentDrainBegun { agent: agent_id(&wire.agent_id, &at)?, drain }
        }
        Change::AgentDrained(wire) => {
            Fact::AgentDrained { agent: agent_id(&wire.agent_id, &at.field("agent_drained"))? }
        }
        Change::AgentMaintenanceScheduled(wire) => {
            let at = at.field("agent_maintenance_scheduled");
            let field = at.field("unavailability");
            let unavailability = duty::unavailability(required(wire.unavailability, &field)?, &field)?;
            Fact::AgentMaintenanceScheduled { agent: agent_id(&wire.agent_id, &at)?, unavailability }
        }
        Change::AgentMaintenanceEnded(wire) => {
            Fact::AgentMaintenanceEnded { agent: agent_id(&wire.agent_id, &at.field("agent_maintenance_ended"))? }
        }
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

/// The field `agent_id` of `at`.
fn agent_id(text: &str, at: &At<'_>) -> Result<AgentId, Invalid> {
    id(text, &at.field("agent_id"))
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
            Fact::ClusterAdopted { above } => Self::ClusterAdopted(v1::ClusterAdopted { above: above.0 }),
            Fact::AgentForgotten { agent } => Self::AgentForgotten(v1::AgentForgotten { agent_id: agent.to_string() }),
            Fact::AgentDeactivated { agent } => {
                Self::AgentDeactivated(v1::AgentDeactivated { agent_id: agent.to_string() })
            }
            Fact::AgentReactivated { agent } => {
                Self::AgentReactivated(v1::AgentReactivated { agent_id: agent.to_string() })
            }
            Fact::AgentDrainBegun { agent, drain } => {
                Self::AgentDrainBegun(v1::AgentDrainBegun { agent_id: agent.to_string(), drain: Some((*drain).into()) })
            }
            Fact::AgentDrained { agent } => Self::AgentDrained(v1::AgentDrained { agent_id: agent.to_string() }),
            Fact::AgentMaintenanceScheduled { agent, unavailability } => {
                Self::AgentMaintenanceScheduled(v1::AgentMaintenanceScheduled {
                    agent_id: agent.to_string(),
                    unavailability: Some((*unavailability).into()),
                })
            }
            Fact::AgentMaintenanceEnded { agent } => {
                Self::AgentMaintenanceEnded(v1::AgentMaintenanceEnded { agent_id: agent.to_string() })
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
