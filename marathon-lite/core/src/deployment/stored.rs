//! A deployment as it is stored: two small objects. The plan has no apps, only which version of which app was there before
//! and is there after; how far the deployment is stands by itself, so that a step costs a few bytes.

use super::{
    Action, ActionKind, Canary, Deployment, DeploymentId, Progress, Step, progress::OpenAction, revert::is_empty,
};
use crate::{
    app::{AppDefinition, PathId, Timestamp},
    group::{Changed, Group, Root},
    pods::PodDefinition,
};
use serde_json::{Map, Value, json};
use std::{collections::BTreeSet, sync::Arc};

/// The versions of apps and pods that are kept.
pub trait Versions {
    /// That version of an app.
    fn app(&self, id: &PathId, version: Timestamp) -> Option<Arc<AppDefinition>>;
    /// That version of a pod.
    fn pod(&self, id: &PathId, version: Timestamp) -> Option<Arc<PodDefinition>>;
}

/// Why a stored deployment cannot be gone on with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unrecoverable {
    /// What is stored is not what this program writes.
    #[error("{field}: {why}; it may have been written by a newer version")]
    Unreadable {
        /// Where.
        field: String,
        /// What is wrong.
        why: String,
    },
    /// It needs a version that is not kept.
    #[error(
        "version {version} of {id} is not kept, and the deployment needs it; end the deployment and begin a new one"
    )]
    NoSuchVersion {
        /// Of which app or pod.
        id: PathId,
        /// Which.
        version: Timestamp,
    },
}

impl Deployment {
    /// The plan, for [`recover`]. It never changes.
    #[must_use]
    pub fn stored_plan(&self) -> Vec<u8> {
        let (original, target) = (&self.original, &self.target);
        let action = |action: &Action| json!([action.kind.name(), action.id.as_str(), action.pod]);
        let step = |step: &Step| step.actions.iter().map(action).collect::<Value>();
        let apps = target.changed_apps(original);
        let pods = target.changed_pods(original);
        json!({
            "version": self.version.millis(),
            "rollback": self.is_rollback,
            "apps": apps.iter().map(|change| versions_of(change, |app| app.version)).collect::<Value>(),
            "pods": pods.iter().map(|change| versions_of(change, |pod| pod.version)).collect::<Value>(),
            "groups": target.changed_groups(original).iter().map(groups_of).collect::<Value>(),
            "steps": self.steps.iter().map(step).collect::<Value>(),
        })
        .to_string()
        .into_bytes()
    }

    /// How far it is, for [`recover`]: to be stored whenever [`Deployment::record`] or [`Deployment::advance`] says so.
    #[must_use]
    pub fn stored_progress(&self) -> Vec<u8> {
        let open = |(id, open): (&PathId, &OpenAction)| {
            json!({
                "id": id.as_str(),
                "leastRemaining": open.least_remaining,
                "progressedAt": open.progressed_at.millis(),
                "canaryStep": open.canary.step,
                "canaryGoodSince": open.canary.good_since.map(Timestamp::millis),
            })
        };
        json!({"currentStep": self.current_step, "open": self.progress.all_open().map(open).collect::<Value>()})
            .to_string()
            .into_bytes()
    }

    /// The versions of apps and pods that have to be kept as long as it is stored.
    #[must_use]
    pub fn needed_versions(&self) -> BTreeSet<(PathId, Timestamp)> {
        let apps = self.target.changed_apps(&self.original).into_iter().flat_map(|change| {
            [change.before, change.after].into_iter().flatten().map(|app| (app.id.clone(), app.version))
        });
        let pods = self.target.changed_pods(&self.original).into_iter().flat_map(|change| {
            [change.before, change.after].into_iter().flatten().map(|pod| (pod.id.clone(), pod.version))
        });
        apps.chain(pods).collect()
    }
}

/// A deployment from what is stored of it. What it did not change is as `current` has it.
///
/// # Errors
/// What is stored cannot be read, or needs a version that is not kept.
pub fn recover(
    id: DeploymentId,
    plan: &[u8],
    progress: &[u8],
    current: &Root,
    versions: &impl Versions,
) -> Result<Deployment, Unrecoverable> {
    let (plan, progress) = (parse("plan", plan)?, parse("progress", progress)?);
    let steps = list(&plan, "steps")?.iter().map(step_of).collect::<Option<Vec<Step>>>();
    let steps = steps.ok_or_else(|| unreadable("steps", "must be lists of [action, id, whether a pod]"))?;
    let mut recovered = Deployment {
        id,
        version: moment(&plan, "version")?,
        original: current.clone(),
        target: current.clone(),
        steps: steps.into(),
        current_step: 0,
        progress: Progress::default(),
        is_rollback: plan["rollback"].as_bool().unwrap_or(false),
    };
    recovered.read_apps(&plan, current, versions)?;
    recovered.read_pods(&plan, current, versions)?;
    recovered.read_groups(&plan)?;
    recovered.read_progress(&progress)?;
    Ok(recovered)
}

impl Deployment {
    fn read_apps(&mut self, plan: &Value, current: &Root, versions: &impl Versions) -> Result<(), Unrecoverable> {
        for stored in list(plan, "apps")? {
            let (id, sides) = versions_in("apps", stored)?;
            let find = |version: Timestamp| {
                let found = current.app(&id).filter(|app| app.version == version).cloned();
                let found = found.or_else(|| versions.app(&id, version));
                found.ok_or_else(|| Unrecoverable::NoSuchVersion { id: id.clone(), version })
            };
            for (root, side) in [&mut self.original, &mut self.target].into_iter().zip(sides) {
                let group_version = root.version();
                match side.map(find).transpose()? {
                    Some(app) => root.put_app(app, group_version),
                    None => root.remove_app(&id, group_version),
                };
            }
        }
        Ok(())
    }

    fn read_pods(&mut self, plan: &Value, current: &Root, versions: &impl Versions) -> Result<(), Unrecoverable> {
        for stored in list(plan, "pods")? {
            let (id, sides) = versions_in("pods", stored)?;
            let find = |version: Timestamp| {
                let found = current.pod(&id).filter(|pod| pod.version == version).cloned();
                let found = found.or_else(|| versions.pod(&id, version));
                found.ok_or_else(|| Unrecoverable::NoSuchVersion { id: id.clone(), version })
            };
            for (root, side) in [&mut self.original, &mut self.target].into_iter().zip(sides) {
                let group_version = root.version();
                match side.map(find).transpose()? {
                    Some(pod) => root.put_pod(pod, group_version),
                    None => root.remove_pod(&id, group_version),
                };
            }
        }
        Ok(())
    }

    /// Groups come last, and the inner ones before those around them: each that is put gives those its version.
    fn read_groups(&mut self, plan: &Value) -> Result<(), Unrecoverable> {
        for stored in list(plan, "groups")?.iter().rev() {
            let id = path("groups", &stored["id"])?;
            for (root, side) in [(&mut self.original, "before"), (&mut self.target, "after")] {
                let version = root.version();
                match &stored[side] {
                    // What others put there since stays, or it would look as if this deployment had changed it.
                    Value::Null if is_empty(root, &id) => root.remove_group(&id, version),
                    Value::Null => {
                        root.put_group(Group { id: id.clone(), dependencies: BTreeSet::new(), version });
                    }
                    group => {
                        let ids = list(group, "dependencies")?.iter().map(|id| path("dependencies", id));
                        let dependencies = ids.collect::<Result<BTreeSet<PathId>, _>>()?;
                        root.put_group(Group { id: id.clone(), dependencies, version: moment(group, "version")? });
                    }
                }
            }
        }
        Ok(())
    }

    fn read_progress(&mut self, progress: &Value) -> Result<(), Unrecoverable> {
        let current_step = progress["currentStep"].as_u64().and_then(|step| usize::try_from(step).ok());
        let current_step = current_step.filter(|step| *step <= self.steps.len());
        self.current_step =
            current_step.ok_or_else(|| unreadable("currentStep", format!("must be from 0 to {}", self.steps.len())))?;
        let mut open = Vec::new();
        for stored in list(progress, "open")? {
            let id = path("open", &stored["id"])?;
            let Some(action) = self.action(&id) else {
                return Err(unreadable("open", format!("nothing is done to {id} in step {}", self.current_step)));
            };
            let least_remaining = stored["leastRemaining"].as_u64().and_then(|count| u32::try_from(count).ok());
            let step = stored["canaryStep"].as_u64().and_then(|step| usize::try_from(step).ok()).unwrap_or(0);
            let good_since = stored["canaryGoodSince"].as_u64().map(Timestamp::from_millis);
            let progressed_at = moment(stored, "progressedAt")?;
            let canary = Canary { step, good_since };
            open.push((id, OpenAction { kind: action.kind, least_remaining, progressed_at, canary }));
        }
        self.progress = Progress::of(open);
        Ok(())
    }
}

/// `[id, version before, version after]`; null where it is not there.
fn versions_of<T>(change: &Changed<T>, version: impl Fn(&T) -> Timestamp) -> Value {
    let side = |side: &Option<Arc<T>>| side.as_ref().map(|one| version(one).millis());
    json!([change.id.as_str(), side(&change.before), side(&change.after)])
}

fn groups_of(change: &Changed<Group>) -> Value {
    let side = |side: &Option<Arc<Group>>| {
        side.as_ref().map(|group| {
            let dependencies: Vec<&str> = group.dependencies.iter().map(PathId::as_str).collect();
            let mut out = Map::new();
            out.insert("dependencies".to_owned(), dependencies.into());
            out.insert("version".to_owned(), group.version.millis().into());
            out
        })
    };
    json!({"id": change.id.as_str(), "before": side(&change.before), "after": side(&change.after)})
}

fn step_of(value: &Value) -> Option<Step> {
    let action = |value: &Value| {
        let [kind, id, pod] = value.as_array()?.as_slice() else { return None };
        let kind = KINDS.into_iter().find(|one| Some(one.name()) == kind.as_str())?;
        Some(Action { kind, id: PathId::parse(id.as_str()?).ok()?, pod: pod.as_bool()? })
    };
    Some(Step { actions: value.as_array()?.iter().map(action).collect::<Option<Vec<Action>>>()? })
}

const KINDS: [ActionKind; 4] = [
    ActionKind::StartApplication,
    ActionKind::ScaleApplication,
    ActionKind::RestartApplication,
    ActionKind::StopApplication,
];

fn versions_in(field: &str, value: &Value) -> Result<(PathId, [Option<Timestamp>; 2]), Unrecoverable> {
    let wrong = || unreadable(field, "must be [id, version before, version after]");
    let [id, before, after] = value.as_array().map(Vec::as_slice).unwrap_or_default() else { return Err(wrong()) };
    let side = |value: &Value| match value {
        Value::Null => Ok(None),
        value => value.as_u64().map(Timestamp::from_millis).map(Some).ok_or_else(wrong),
    };
    Ok((path(field, id)?, [side(before)?, side(after)?]))
}

fn parse(what: &str, bytes: &[u8]) -> Result<Value, Unrecoverable> {
    serde_json::from_slice(bytes).map_err(|error| unreadable(what, format!("is no JSON: {error}")))
}

fn list<'a>(value: &'a Value, field: &str) -> Result<&'a [Value], Unrecoverable> {
    let list = value.get(field).and_then(Value::as_array);
    list.map(Vec::as_slice).ok_or_else(|| unreadable(field, "must be a list"))
}

fn moment(value: &Value, field: &str) -> Result<Timestamp, Unrecoverable> {
    let millis = value.get(field).and_then(Value::as_u64);
    millis.map(Timestamp::from_millis).ok_or_else(|| unreadable(field, "must be milliseconds since 1970"))
}

fn path(field: &str, value: &Value) -> Result<PathId, Unrecoverable> {
    let text = value.as_str().ok_or_else(|| unreadable(field, "must have the ids of apps, pods and groups"))?;
    PathId::parse(text).map_err(|error| unreadable(field, error.to_string()))
}

fn unreadable(field: &str, why: impl Into<String>) -> Unrecoverable {
    Unrecoverable::Unreadable { field: field.to_owned(), why: why.into() }
}

#[cfg(test)]
mod tests;
