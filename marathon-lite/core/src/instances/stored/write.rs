//! From an instance to its stored form.

use super::{FORMAT, condition_name};
use crate::{
    app::Timestamp,
    app::render::{put_list, put_some},
    instances::{CheckHealth, ContainerTask, Instance},
};
use proto_types::{Attribute, attributes::AttributeValue};
use serde_json::{Map, Value, json};

/// An instance as bytes. The last answer of its readiness check is left out: it may be long, and is asked for again.
#[must_use]
pub fn write_instance(instance: &Instance) -> Vec<u8> {
    let mut out = Map::new();
    let mut put = |key: &str, value: Value| out.insert(key.to_owned(), value);
    put("format", FORMAT.into());
    put("app", instance.app.as_str().into());
    put("configVersion", instance.config_version.millis().into());
    put("version", instance.version.millis().into());
    put("agent", instance.agent.as_str().into());
    put("host", instance.host.clone().into());
    put("condition", condition_name(instance.condition).into());
    put("stagedAt", instance.staged_at.millis().into());
    put_list(&mut out, "attributes", instance.attributes.0.iter().map(attribute));
    put_some(&mut out, "region", instance.region.clone());
    put_some(&mut out, "zone", instance.zone.clone());
    put_list(&mut out, "hostPorts", instance.host_ports.iter().map(|port| Value::from(*port)));
    put_list(&mut out, "ipAddresses", instance.ip_addresses.iter().map(|address| address.clone().into()));
    put_some(&mut out, "startedAt", instance.started_at.map(Timestamp::millis));
    put_some(&mut out, "unreachableSince", instance.unreachable_since.map(Timestamp::millis));
    put_list(&mut out, "health", instance.health.iter().map(health));
    put_some(&mut out, "ready", instance.readiness.ready.then_some(true));
    put_some(&mut out, "goalStopped", instance.goal_stopped.then_some(true));
    put_list(&mut out, "containers", instance.containers.iter().map(container));
    Value::Object(out).to_string().into_bytes()
}

/// A list of name, kind and value: an attribute of text may look like a number.
fn attribute(attribute: &Attribute) -> Value {
    match &attribute.value {
        AttributeValue::Scalar(scalar) => json!([attribute.name, "scalar", scalar.milli()]),
        AttributeValue::Ranges(ranges) => json!([attribute.name, "ranges", ranges.iter().collect::<Vec<_>>()]),
        AttributeValue::Text(text) => json!([attribute.name, "text", text]),
    }
}

fn health(health: &CheckHealth) -> Value {
    let mut out = Map::new();
    put_some(&mut out, "alive", health.alive);
    put_some(&mut out, "failures", (health.consecutive_failures > 0).then_some(health.consecutive_failures));
    put_some(&mut out, "firstSuccess", health.first_success.map(Timestamp::millis));
    put_some(&mut out, "lastSuccess", health.last_success.map(Timestamp::millis));
    put_some(&mut out, "lastFailure", health.last_failure.map(Timestamp::millis));
    put_some(&mut out, "cause", health.last_failure_cause.clone());
    Value::Object(out)
}

fn container(container: &ContainerTask) -> Value {
    let mut out = Map::new();
    out.insert("name".to_owned(), container.name.clone().into());
    out.insert("task".to_owned(), container.task.as_str().into());
    out.insert("condition".to_owned(), condition_name(container.condition).into());
    put_some(&mut out, "startedAt", container.started_at.map(Timestamp::millis));
    put_some(&mut out, "healthy", container.healthy);
    put_some(&mut out, "message", (!container.message.is_empty()).then(|| container.message.clone()));
    Value::Object(out)
}
