//! Apps, pods and groups. Apps and pods are stored as they are shown, in the form that every version of Marathon reads.

use super::reading::{Read, Stored, Wrong, parse, text};
use crate::{
    app::{self, AppDefinition, PathId, Timestamp, VersionInfo},
    group::Group,
    pods::{self, PodDefinition},
    support::Support,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

pub(in crate::scheduler) fn app(app: &AppDefinition) -> Vec<u8> {
    text(&app_value(app))
}

pub(in crate::scheduler) fn read_app(bytes: &[u8], support: &Support) -> Result<AppDefinition, Wrong> {
    app_of(&parse(bytes)?, support)
}

pub(in crate::scheduler) fn pod(pod: &PodDefinition) -> Vec<u8> {
    text(&pod_value(pod))
}

pub(in crate::scheduler) fn read_pod(bytes: &[u8], support: &Support) -> Result<PodDefinition, Wrong> {
    pod_of(&parse(bytes)?, support)
}

pub(in crate::scheduler) fn group(group: &Group) -> Vec<u8> {
    text(&group_value(group))
}

pub(in crate::scheduler) fn read_group(bytes: &[u8]) -> Result<Group, Wrong> {
    group_of(&parse(bytes)?)
}

pub(super) fn app_value(app: &AppDefinition) -> Value {
    Value::Object(app.render())
}

pub(super) fn app_of(value: &Value, support: &Support) -> Read<AppDefinition> {
    app::restore(value, support).map_err(|refusal| Wrong(refusal.to_string()))
}

/// A pod does not show when what of it changed, so that stands beside it.
pub(super) fn pod_value(pod: &PodDefinition) -> Value {
    let info = pod.version_info;
    json!({
        "pod": pod.render(),
        "lastScalingAt": info.last_scaling_at.millis(),
        "lastConfigChangeAt": info.last_config_change_at.millis(),
    })
}

pub(super) fn pod_of(value: &Value, support: &Support) -> Read<PodDefinition> {
    let stored = Stored::of(value)?;
    let pod = pods::restore(stored.need("pod", Some)?, support).map_err(|refusal| Wrong(refusal.to_string()))?;
    let version_info = VersionInfo {
        last_scaling_at: stored.moment("lastScalingAt")?,
        last_config_change_at: stored.moment("lastConfigChangeAt")?,
    };
    Ok(PodDefinition { version_info, ..pod })
}

pub(super) fn group_value(group: &Group) -> Value {
    let dependencies: Vec<&str> = group.dependencies.iter().map(PathId::as_str).collect();
    json!({"id": group.id.as_str(), "version": group.version.millis(), "dependencies": dependencies})
}

pub(super) fn group_of(value: &Value) -> Read<Group> {
    let stored = Stored::of(value)?;
    let version: Timestamp = stored.moment("version")?;
    let dependency = |value: &Value| {
        let id = value.as_str().and_then(|id| PathId::parse(id).ok());
        id.ok_or_else(|| Wrong(format!(": cannot be {value}")))
    };
    let dependencies: BTreeSet<PathId> = stored.each("dependencies", dependency)?.into_iter().collect();
    Ok(Group { id: stored.path("id")?, dependencies, version })
}
