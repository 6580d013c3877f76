//! What differs between two roots, so that neither has to be stored as a whole.

use super::{
    definition::{app_of, app_value, group_of, group_value, pod_of, pod_value},
    reading::{Read, Stored, Wrong, parse, text},
};
use crate::{
    app::{AppDefinition, PathId},
    group::{Changed, Group, Root},
    pods::PodDefinition,
    support::Support,
};
use serde_json::{Value, json};
use std::sync::Arc;

/// What differs between two roots.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::scheduler) struct Changes {
    pub(in crate::scheduler) apps: Vec<Changed<AppDefinition>>,
    pub(in crate::scheduler) pods: Vec<Changed<PodDefinition>>,
    pub(in crate::scheduler) groups: Vec<Changed<Group>>,
}

impl Changes {
    /// What `after` has otherwise than `before`.
    pub(in crate::scheduler) fn between(before: &Root, after: &Root) -> Self {
        Self {
            apps: after.changed_apps(before),
            pods: after.changed_pods(before),
            groups: after.changed_groups(before),
        }
    }
}

/// How everything was that a root changed: what it takes to go back from it to the one before.
#[derive(Debug, Clone, PartialEq, Default)]
pub(in crate::scheduler) struct Undo {
    apps: Vec<Before<AppDefinition>>,
    pods: Vec<Before<PodDefinition>>,
    groups: Vec<Before<Group>>,
}

/// How something was; none: it was not there.
type Before<T> = (PathId, Option<Arc<T>>);

impl Undo {
    /// The root before this one.
    pub(in crate::scheduler) fn undone(&self, root: &Root) -> Root {
        let mut root = root.clone();
        let version = root.version();
        for (id, before) in &self.apps {
            match before {
                Some(app) => root.put_app(Arc::clone(app), version),
                None => root.remove_app(id, version),
            };
        }
        for (id, before) in &self.pods {
            match before {
                Some(pod) => root.put_pod(Arc::clone(pod), version),
                None => root.remove_pod(id, version),
            };
        }
        // Groups last, and those inside before those around them: each put gives the groups above its own version.
        for (id, before) in self.groups.iter().rev() {
            match before {
                Some(group) => root.put_group(Group::clone(group)),
                None => root.remove_group(id, version),
            }
        }
        root
    }
}

/// How everything was before these changes.
pub(in crate::scheduler) fn undo(changes: &Changes) -> Vec<u8> {
    text(&json!({
        "apps": changes.apps.iter().map(|change| before(change, app_value)).collect::<Vec<_>>(),
        "pods": changes.pods.iter().map(|change| before(change, pod_value)).collect::<Vec<_>>(),
        "groups": changes.groups.iter().map(|change| before(change, group_value)).collect::<Vec<_>>(),
    }))
}

pub(in crate::scheduler) fn read_undo(bytes: &[u8], support: &Support) -> Result<Undo, Wrong> {
    let value = parse(bytes)?;
    let stored = Stored::of(&value)?;
    Ok(Undo {
        apps: stored.each("apps", |value| before_of(value, |value| app_of(value, support)))?,
        pods: stored.each("pods", |value| before_of(value, |value| pod_of(value, support)))?,
        groups: stored.each("groups", |value| before_of(value, group_of))?,
    })
}

fn before<T>(change: &Changed<T>, value: impl Fn(&T) -> Value) -> Value {
    json!({"id": change.id.as_str(), "before": change.before.as_ref().map(|one| value(one))})
}

fn before_of<T>(value: &Value, read: impl Fn(&Value) -> Read<T>) -> Read<Before<T>> {
    let stored = Stored::of(value)?;
    let before = stored.get("before").map(read).transpose()?;
    Ok((stored.path("id")?, before.map(Arc::new)))
}
