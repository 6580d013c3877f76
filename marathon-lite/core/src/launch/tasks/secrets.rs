//! Secrets: what they hold is put in when a task is made, and is stored nowhere.

use super::Secrets;
use crate::{
    app::{EnvironmentValue, Volume},
    instances::container_task_id,
    launch::RunSpec,
};
use proto_types::TaskId;
use std::collections::BTreeMap;

/// A UUID, for its length.
const SOME_UUID: &str = "00000000-0000-0000-0000-000000000000";

/// What keeps an app or a pod from being launched whatever is offered, in words; none: nothing.
pub(in crate::launch) fn blocked(spec: &RunSpec, secrets: Secrets<'_>) -> Option<String> {
    match spec {
        RunSpec::App(app) => {
            let variables = app.env.values().find_map(|value| missing(value, &app.secrets, secrets));
            let files = || {
                app.volumes().iter().find_map(|volume| match volume {
                    Volume::Secret(volume) => file(&app.secrets, &volume.secret).err(),
                    Volume::Host(_) | Volume::Persistent(_) => None,
                })
            };
            variables.or_else(files)
        }
        RunSpec::Pod(pod) => {
            let environments = pod.containers.iter().map(|container| &container.environment);
            let mut values = std::iter::once(&pod.environment).chain(environments).flat_map(BTreeMap::values);
            values.find_map(|value| missing(value, &pod.secrets, secrets)).or_else(|| {
                let instance = TaskId::new(format!("{}.{SOME_UUID}", pod.id.safe_path())).ok()?;
                pod.containers.iter().find_map(|container| {
                    let why = container_task_id(&instance, &container.name).err()?;
                    Some(format!("the id of the task of container '{}' {why}; use shorter names", container.name))
                })
            })
        }
    }
}

/// An environment with what its secrets hold.
pub(super) fn resolve(
    environment: BTreeMap<String, EnvironmentValue>,
    sources: &BTreeMap<String, String>,
    secrets: Secrets<'_>,
) -> Result<BTreeMap<String, String>, String> {
    let text = |(name, value)| match value {
        EnvironmentValue::Plain(text) => Ok((name, text)),
        EnvironmentValue::Secret(secret) => {
            let held = sources.get(&secret).and_then(|source| secrets(source));
            held.map(|text| (name, text)).ok_or_else(|| absent(&secret, sources))
        }
    };
    environment.into_iter().map(text).collect()
}

/// Where a secret that is mounted as a file is on the agents.
pub(super) fn file<'a>(sources: &'a BTreeMap<String, String>, secret: &str) -> Result<&'a str, String> {
    let source = sources.get(secret).ok_or_else(|| absent(secret, sources))?;
    let path = source.strip_prefix("file://").unwrap_or(source);
    if path.starts_with('/') {
        return Ok(path);
    }
    Err(format!(
        "secret '{secret}' is mounted as a file, but its source '{source}' is none; write file:///path, a file of the agents"
    ))
}

fn missing(value: &EnvironmentValue, sources: &BTreeMap<String, String>, secrets: Secrets<'_>) -> Option<String> {
    let EnvironmentValue::Secret(secret) = value else { return None };
    let held = sources.get(secret).and_then(|source| secrets(source));
    held.is_none().then(|| absent(secret, sources))
}

fn absent(secret: &str, sources: &BTreeMap<String, String>) -> String {
    match sources.get(secret) {
        Some(source) => format!("secret '{secret}' is not there: nothing is found under its source '{source}'"),
        None => format!("secret '{secret}' is not defined in '/secrets'"),
    }
}
