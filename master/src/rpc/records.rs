//! Views of the state as records of the contract.

use master_core::effect::{AgentStanding, AgentView, FrameworkView, RoleView, TaskView};
use proffer_proto::{
    convert::{limits_to_wire, resources_to_wire},
    v1,
};
use proto_types::{AgentId, FrameworkId, Resource, Resources, Role, TaskKey, agent::Duty, resources::Quantities};

pub(crate) fn agent_record(id: &AgentId, view: &AgentView) -> v1::AgentRecord {
    v1::AgentRecord {
        id: id.to_string(),
        info: Some((&*view.info).into()),
        state: agent_state(view.standing).into(),
        used: resources_to_wire(&view.used),
        offered: resources_to_wire(&view.offered),
        tasks: view.tasks,
        since_ms: view.since.0,
        duty: agent_duty(view.duty).into(),
        drain: view.duty.drain().map(Into::into),
        unavailability: view.unavailability.map(Into::into),
    }
}

fn agent_duty(duty: Duty) -> v1::AgentDuty {
    match duty {
        Duty::Active => v1::AgentDuty::Active,
        Duty::Deactivated => v1::AgentDuty::Deactivated,
        Duty::Draining(_) => v1::AgentDuty::Draining,
        Duty::Drained(_) => v1::AgentDuty::Drained,
    }
}

fn agent_state(standing: AgentStanding) -> v1::AgentState {
    match standing {
        AgentStanding::Connected => v1::AgentState::Connected,
        AgentStanding::Disconnected => v1::AgentState::Disconnected,
        AgentStanding::Unreachable => v1::AgentState::Unreachable,
        AgentStanding::Recovered => v1::AgentState::Recovered,
        AgentStanding::Gone => v1::AgentState::Gone,
    }
}

pub(crate) fn framework_record(id: &FrameworkId, view: &FrameworkView) -> v1::FrameworkRecord {
    v1::FrameworkRecord {
        id: id.to_string(),
        info: Some((&*view.info).into()),
        connected: view.connected,
        incarnation: view.incarnation,
        deadline_ms: view.deadline.map(|deadline| deadline.0),
        suppressed_roles: view.suppressed.iter().map(ToString::to_string).collect(),
        used: quantities(&view.used),
        offered: quantities(&view.offered),
        tasks: view.tasks,
        principal: view.principal.to_string(),
        registered_ms: view.registered.0,
        removed: view.removed,
    }
}

pub(crate) fn task_record(key: &TaskKey, view: &TaskView) -> v1::TaskRecord {
    v1::TaskRecord {
        framework_id: key.framework.to_string(),
        info: view.info.as_deref().map(Into::into),
        id: key.task.to_string(),
        agent_id: view.agent.to_string(),
        hostname: view.hostname.clone(),
        executor_id: view.executor.to_string(),
        latest: Some((&view.latest).into()),
        unacknowledged: view.unacknowledged,
        role: view.role.to_string(),
        principal: view.principal.to_string(),
    }
}

pub(crate) fn role_record(role: &Role, view: &RoleView) -> v1::RoleRecord {
    v1::RoleRecord {
        role: role.to_string(),
        weight_milli: view.weight_milli,
        limit: limits_to_wire(&view.limit),
        allocated: quantities(&view.allocated),
        share_milli: view.share_milli,
        frameworks: view.frameworks.iter().map(ToString::to_string).collect(),
    }
}

pub(crate) fn quantities(amounts: &Quantities) -> Vec<v1::Resource> {
    let resources: Resources = amounts.iter().map(|(name, amount)| Resource::scalar(name.clone(), *amount)).collect();
    resources_to_wire(&resources)
}
