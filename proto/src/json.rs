//! Records of the contract as JSON, for programs that do not speak gRPC: one form for the HTTP lists of a master and
//! for `--json` of the command line.
//!
//! Resources are objects by name: scalars are numbers, everything else its text form; reserved amounts stand under
//! `name(role)`.

use crate::v1;
use serde_json::{Map, Value, json};

/// An agent.
#[must_use]
pub fn agent(record: &v1::AgentRecord) -> Value {
    let info = record.info.clone().unwrap_or_default();
    let attributes = proto_types::AgentInfo::try_from(info.clone()).map(|info| info.attributes.to_string());
    json!({
        "id": record.id,
        "hostname": info.hostname,
        "address": info.address,
        "state": name(record.state().as_str_name(), "AGENT_STATE_"),
        "since_ms": record.since_ms,
        "duty": name(record.duty().as_str_name(), "AGENT_DUTY_"),
        "drain": record.drain.map(|drain| json!({
            "max_grace_ms": drain.max_grace_ms, "deadline_ms": drain.deadline_ms, "mark_gone": drain.mark_gone,
            "maintenance": drain.maintenance,
        })),
        "unavailability": record.unavailability.map(|planned| unavailability(&planned)),
        "version": info.version,
        "isolation": info.isolation,
        "attributes": attributes.unwrap_or_default(),
        "region": info.region,
        "zone": info.zone,
        "resources": resources(&info.resources),
        "used": resources(&record.used),
        "offered": resources(&record.offered),
        "tasks": record.tasks,
    })
}

/// A framework.
#[must_use]
pub fn framework(record: &v1::FrameworkRecord) -> Value {
    let info = record.info.clone().unwrap_or_default();
    json!({
        "id": record.id,
        "name": info.name,
        "user": info.user,
        "roles": info.roles,
        "suppressed_roles": record.suppressed_roles,
        "failover_timeout_ms": info.failover_timeout_ms,
        "webui_url": info.webui_url,
        "hostname": info.hostname,
        "labels": info.labels,
        "principal": record.principal,
        "connected": record.connected,
        "incarnation": record.incarnation,
        "deadline_ms": record.deadline_ms,
        "registered_ms": record.registered_ms,
        "removed": record.removed,
        "used": resources(&record.used),
        "offered": resources(&record.offered),
        "tasks": record.tasks,
    })
}

/// A task.
#[must_use]
pub fn task(record: &v1::TaskRecord) -> Value {
    let info = record.info.clone().unwrap_or_default();
    let latest = record.latest.clone().unwrap_or_default();
    json!({
        "id": record.id,
        "framework_id": record.framework_id,
        "name": info.name,
        "agent_id": record.agent_id,
        "hostname": record.hostname,
        "executor_id": record.executor_id,
        "role": record.role,
        "principal": record.principal,
        "state": name(latest.state().as_str_name(), "TASK_"),
        "reason": name(latest.reason().as_str_name(), "REASON_"),
        "message": latest.message,
        "healthy": latest.healthy,
        "exit_code": latest.exit_code,
        "signal": latest.signal,
        "timestamp_ms": latest.timestamp_ms,
        "container": latest.container.map(|container| json!({
            "id": container.container_id, "pid": container.pid, "ip_address": container.ip_address,
        })),
        "unacknowledged": record.unacknowledged,
        "resources": resources(&info.resources),
        "labels": info.labels,
    })
}

/// An offer.
#[must_use]
pub fn offer(offer: &v1::Offer) -> Value {
    json!({
        "id": offer.id,
        "framework_id": offer.framework_id,
        "role": offer.role,
        "agent_id": offer.agent_id,
        "hostname": offer.agent.as_ref().map(|agent| agent.hostname.clone()),
        "resources": resources(&offer.resources),
        "unavailability": offer.unavailability.map(|planned| unavailability(&planned)),
    })
}

fn unavailability(planned: &v1::Unavailability) -> Value {
    json!({ "start_ms": planned.start_ms, "end_ms": planned.end_ms })
}

/// A role.
#[must_use]
pub fn role(record: &v1::RoleRecord) -> Value {
    json!({
        "role": record.role,
        "weight": thousandths(record.weight_milli),
        "share": thousandths(record.share_milli),
        "limit": resources(&record.limit),
        "allocated": resources(&record.allocated),
        "frameworks": record.frameworks,
    })
}

/// The cluster as a whole.
#[must_use]
pub fn cluster(cluster: &v1::Cluster) -> Value {
    json!({
        "cluster_id": cluster.cluster_id,
        "epoch": cluster.epoch,
        "leader": cluster.leader,
        "version": cluster.version,
        "elected_ms": cluster.elected_ms,
        "agents": {
            "connected": cluster.agents_connected,
            "disconnected": cluster.agents_disconnected,
            "unreachable": cluster.agents_unreachable,
        },
        "frameworks": {
            "connected": cluster.frameworks_connected,
            "disconnected": cluster.frameworks_disconnected,
        },
        "tasks_active": cluster.tasks_active,
        "offers": cluster.offers,
        "resources": resources(&cluster.total),
        "used": resources(&cluster.used),
        "offered": resources(&cluster.offered),
    })
}

/// An explanation.
#[must_use]
pub fn explanation(explanation: &v1::ExplainResponse) -> Value {
    let reasons = explanation.reasons.iter();
    let reasons = reasons.map(|line| json!({ "code": line.code, "message": line.message, "agents": line.agents }));
    json!({ "summary": explanation.summary, "reasons": reasons.collect::<Vec<_>>() })
}

/// Resources as an object by name.
#[must_use]
pub fn resources(wire: &[v1::Resource]) -> Value {
    let mut object = Map::new();
    for resource in wire {
        let key = match &resource.reservation {
            Some(reservation) => format!("{}({})", resource.name, reservation.role),
            None => resource.name.clone(),
        };
        object.insert(key, amount(resource));
    }
    Value::Object(object)
}

fn amount(resource: &v1::Resource) -> Value {
    use v1::resource::Value as Amount;
    match &resource.value {
        Some(Amount::ScalarMilli(milli)) => thousandths(*milli),
        Some(Amount::Ranges(ranges)) => {
            let ranges = ranges.ranges.iter().map(|range| format!("{}-{}", range.begin, range.end));
            Value::String(format!("[{}]", ranges.collect::<Vec<_>>().join(",")))
        }
        Some(Amount::Set(set)) => json!(set.items),
        None => Value::Null,
    }
}

/// A number in thousandths as JSON has numbers: whole ones without a fraction.
fn thousandths(milli: u64) -> Value {
    if milli.is_multiple_of(1000) { json!(milli / 1000) } else { json!(milli as f64 / 1000.0) }
}

/// A value of an enum as people know it, without the prefix; nothing if it is not said.
fn name(value: &str, prefix: &str) -> Value {
    match value.strip_prefix(prefix).unwrap_or(value) {
        "UNSPECIFIED" | "STATE_UNSPECIFIED" => Value::Null,
        short => Value::String(short.to_owned()),
    }
}
