//! From the stored form to an instance.

use super::{FORMAT, condition_of};
use crate::{
    app::{PathId, Timestamp},
    instances::{CheckHealth, ContainerTask, Instance, Readiness},
};
use proto_types::{AgentId, Attribute, Attributes, Scalar, TaskId, attributes::AttributeValue, resources::Ranges};
use serde_json::{Map, Value};
use std::sync::Arc;

/// Why stored bytes are no instance.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoredError {
    /// They are no JSON object.
    #[error("instance {0}: what is stored is no JSON object; it was not written by Proffer, or is damaged")]
    Shape(TaskId),
    /// A later release wrote them.
    #[error("instance {0} is stored in format {1}, this release reads up to {FORMAT}; run the release that wrote it")]
    Format(TaskId, u64),
    /// A field is missing or wrong.
    #[error("instance {0}: the stored field '{1}' is missing or damaged")]
    Field(TaskId, &'static str),
}

/// The instance in stored bytes.
///
/// # Errors
/// The field that is wrong.
pub fn read_instance(id: &TaskId, bytes: &[u8]) -> Result<Instance, StoredError> {
    let Ok(Value::Object(map)) = serde_json::from_slice(bytes) else { return Err(StoredError::Shape(id.clone())) };
    let stored = Stored { id, map: &map };
    let format: u64 = stored.need("format", number)?;
    if format > FORMAT {
        return Err(StoredError::Format(id.clone(), format));
    }
    Ok(Instance {
        id: id.clone(),
        app: stored.need("app", |value| PathId::parse(value.as_str()?).ok())?,
        config_version: stored.need("configVersion", moment)?,
        version: stored.need("version", moment)?,
        agent: stored.need("agent", |value| AgentId::new(value.as_str()?).ok())?,
        host: stored.need("host", text)?,
        attributes: Arc::new(Attributes(stored.each("attributes", attribute)?)),
        region: stored.may("region", text)?,
        zone: stored.may("zone", text)?,
        host_ports: stored.each("hostPorts", number)?,
        ip_addresses: stored.each("ipAddresses", text)?,
        condition: stored.need("condition", |value| condition_of(value.as_str()?))?,
        staged_at: stored.need("stagedAt", moment)?,
        started_at: stored.may("startedAt", moment)?,
        unreachable_since: stored.may("unreachableSince", moment)?,
        health: stored.each("health", health)?,
        readiness: Readiness { ready: stored.may("ready", Value::as_bool)?.unwrap_or(false), last_response: None },
        goal_stopped: stored.may("goalStopped", Value::as_bool)?.unwrap_or(false),
        containers: stored.each("containers", container)?,
    })
}

/// The fields of a stored instance.
struct Stored<'a> {
    id: &'a TaskId,
    map: &'a Map<String, Value>,
}

impl Stored<'_> {
    fn need<T>(&self, key: &'static str, read: impl FnOnce(&Value) -> Option<T>) -> Result<T, StoredError> {
        self.map.get(key).and_then(read).ok_or_else(|| StoredError::Field(self.id.clone(), key))
    }

    fn may<T>(&self, key: &'static str, read: impl FnOnce(&Value) -> Option<T>) -> Result<Option<T>, StoredError> {
        if self.map.contains_key(key) { self.need(key, read).map(Some) } else { Ok(None) }
    }

    /// The elements of a list; none is written if it is empty.
    fn each<T>(&self, key: &'static str, read: impl FnMut(&Value) -> Option<T>) -> Result<Vec<T>, StoredError> {
        let all = self.may(key, |value| value.as_array()?.iter().map(read).collect())?;
        Ok(all.unwrap_or_default())
    }
}

/// What `read` makes of a field that need not be there; none: it is there and wrong.
fn may<T>(value: &Value, key: &str, read: impl FnOnce(&Value) -> Option<T>) -> Option<Option<T>> {
    value.get(key).map_or(Some(None), |value| read(value).map(Some))
}

fn attribute(value: &Value) -> Option<Attribute> {
    let [name, kind, value] = value.as_array()?.as_slice() else { return None };
    let bounds = |pair: &Value| Some((pair.get(0)?.as_u64()?, pair.get(1)?.as_u64()?));
    let value = match kind.as_str()? {
        "scalar" => AttributeValue::Scalar(Scalar::from_milli(value.as_u64()?)),
        "ranges" => {
            let pairs = value.as_array()?.iter().map(bounds).collect::<Option<Vec<_>>>()?;
            AttributeValue::Ranges(Ranges::new(pairs).ok()?)
        }
        "text" => AttributeValue::Text(text(value)?),
        _ => return None,
    };
    Some(Attribute { name: text(name)?, value })
}

fn health(value: &Value) -> Option<CheckHealth> {
    value.as_object()?;
    Some(CheckHealth {
        alive: may(value, "alive", Value::as_bool)?,
        consecutive_failures: may(value, "failures", number)?.unwrap_or(0),
        first_success: may(value, "firstSuccess", moment)?,
        last_success: may(value, "lastSuccess", moment)?,
        last_failure: may(value, "lastFailure", moment)?,
        last_failure_cause: may(value, "cause", text)?,
    })
}

fn container(value: &Value) -> Option<ContainerTask> {
    Some(ContainerTask {
        name: text(value.get("name")?)?,
        task: TaskId::new(value.get("task")?.as_str()?).ok()?,
        condition: condition_of(value.get("condition")?.as_str()?)?,
        started_at: may(value, "startedAt", moment)?,
        healthy: may(value, "healthy", Value::as_bool)?,
        message: may(value, "message", text)?.unwrap_or_default(),
    })
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn number<T: TryFrom<u64>>(value: &Value) -> Option<T> {
    T::try_from(value.as_u64()?).ok()
}

fn moment(value: &Value) -> Option<Timestamp> {
    value.as_u64().map(Timestamp::from_millis)
}
