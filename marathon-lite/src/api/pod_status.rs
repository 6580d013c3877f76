//! A pod as `PodStatus`: what is wanted of it, and how its instances do.

use super::app_info::all;
use marathon_lite_core::{
    app::Timestamp,
    instances::{Condition, Instance},
    json::amount,
    pods::{PodContainer, PodDefinition},
    scheduler::View,
};
use proto_types::TaskState;
use serde_json::{Map, Value, json};

/// How a pod does.
pub(crate) fn status(pod: &PodDefinition, view: &View) -> Value {
    let instances: Vec<&Instance> = all(view.instances.get(&pod.id)).collect();
    let stable = instances.iter().filter(|instance| state(pod, instance) == "STABLE").count();
    let state = if stable >= pod.instances as usize { "STABLE" } else { "DEGRADED" };
    let changed = instances.iter().map(|instance| since(instance)).max().unwrap_or(pod.version).to_string();
    json!({
        "id": pod.id.as_str(),
        "spec": pod.render(),
        "status": state,
        "statusSince": changed,
        "instances": instances.iter().map(|one| instance(pod, one)).collect::<Vec<_>>(),
        "terminationHistory": history(pod, view),
        "lastUpdated": changed,
        "lastChanged": changed,
    })
}

/// How an instance does, in the words of pods.
fn state(pod: &PodDefinition, instance: &Instance) -> &'static str {
    let checks = pod.containers.iter().filter(|container| container.health_check.is_some()).count();
    match instance.condition {
        Condition::Created => "PENDING",
        Condition::Task(TaskState::Staging | TaskState::Starting) => "STAGING",
        Condition::Task(TaskState::Running) if instance.is_unhealthy() => "DEGRADED",
        Condition::Task(TaskState::Running) if checks > 0 && !instance.is_healthy(instance.health.len()) => "DEGRADED",
        Condition::Task(TaskState::Running) => "STABLE",
        Condition::Task(TaskState::Unreachable | TaskState::Killing | TaskState::Unknown)
        | Condition::UnreachableInactive => "DEGRADED",
        Condition::Task(_) => "TERMINAL",
    }
}

/// When something was last heard of it that changed it, as far as is known.
fn since(instance: &Instance) -> Timestamp {
    instance.unreachable_since.or(instance.started_at).unwrap_or(instance.staged_at)
}

fn instance(pod: &PodDefinition, instance: &Instance) -> Value {
    let since = since(instance).to_string();
    let resources = pod.resources();
    let mut out = Map::new();
    out.insert("id".into(), instance.id.as_str().into());
    out.insert("status".into(), state(pod, instance).into());
    out.insert("statusSince".into(), since.clone().into());
    out.insert("agentHostname".into(), instance.host.clone().into());
    out.insert("agentId".into(), instance.agent.as_str().into());
    for (name, value) in [("agentRegion", &instance.region), ("agentZone", &instance.zone)] {
        if let Some(value) = value {
            out.insert(name.into(), value.clone().into());
        }
    }
    out.insert(
        "resources".into(),
        json!({
            "cpus": amount(resources.cpus), "mem": amount(resources.mem), "disk": amount(resources.disk),
            "gpus": resources.gpus,
        }),
    );
    let networks: Vec<Value> = match instance.ip_addresses.as_slice() {
        [] => Vec::new(),
        addresses => vec![json!({"addresses": addresses})],
    };
    out.insert("networks".into(), networks.into());
    let mut ports = instance.host_ports.iter().copied();
    let containers = pod.containers.iter().map(|one| container(one, instance, &since, &mut ports));
    out.insert("containers".into(), containers.collect());
    out.insert("specReference".into(), format!("/v2/pods{}::versions/{}", pod.id, instance.version).into());
    out.insert("lastUpdated".into(), since.clone().into());
    out.insert("lastChanged".into(), since.into());
    Value::Object(out)
}

fn container(
    container: &PodContainer,
    instance: &Instance,
    since: &str,
    ports: &mut impl Iterator<Item = u16>,
) -> Value {
    let task = instance.containers.iter().find(|task| task.name == container.name);
    let endpoints: Vec<Value> = container
        .endpoints
        .iter()
        .map(|endpoint| {
            let mut out = Map::new();
            out.insert("name".into(), endpoint.name.clone().into());
            if let Some(port) = endpoint.host_port.and_then(|_| ports.next()) {
                out.insert("allocatedHostPort".into(), port.into());
            }
            if let Some(healthy) = task.and_then(|task| task.healthy) {
                out.insert("healthy".into(), healthy.into());
            }
            Value::Object(out)
        })
        .collect();
    let since = task.and_then(|task| task.started_at).map_or_else(|| since.to_owned(), |started| started.to_string());
    let mut out = json!({
        "name": container.name,
        "status": task.map_or(instance.condition, |task| task.condition).task_state(),
        "statusSince": since,
        "containerId": task.map_or_else(|| format!("{}.{}", instance.id, container.name), |task| task.task.to_string()),
        "endpoints": endpoints,
        "resources": {
            "cpus": amount(container.resources.cpus),
            "mem": amount(container.resources.mem),
            "disk": amount(container.resources.disk),
            "gpus": container.resources.gpus,
        },
        "lastUpdated": since,
        "lastChanged": since,
    });
    if let Some(task) = task.filter(|task| !task.message.is_empty()) {
        out["message"] = task.message.clone().into();
    }
    out
}

/// The last failure is all that is remembered of those that are gone.
fn history(pod: &PodDefinition, view: &View) -> Vec<Value> {
    let failure = view.failures.get(&pod.id).into_iter();
    let entry = |failure: &marathon_lite_core::instances::TaskFailure| {
        let at = failure.timestamp.to_string();
        json!({
            "instanceID": failure.task.as_str(), "startedAt": at, "terminatedAt": at, "message": failure.message,
            "containers": [],
        })
    };
    failure.map(entry).collect()
}
