//! An app as `AppInfo`: what is wanted of it, and how it does.

use super::{embeds::AppEmbed, task_info::TaskInfo};
use crate::clock;
use imbl::OrdMap;
use marathon_lite_core::{
    app::{AppDefinition, PathId},
    deployment::DeploymentId,
    health::readiness_result,
    instances::{Counts, Instance, statistics},
    scheduler::View,
};
use proto_types::TaskId;
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, sync::Arc};

/// Which deployments change which apps and pods. Made once for a whole list.
#[derive(Debug, Default)]
pub(crate) struct Affected(BTreeMap<PathId, Vec<DeploymentId>>);

impl Affected {
    /// Of the deployments that are under way.
    pub(crate) fn of(view: &View) -> Self {
        let mut affected: BTreeMap<PathId, Vec<DeploymentId>> = BTreeMap::new();
        for (id, deployment) in &view.deployments {
            for action in deployment.steps.iter().flat_map(|step| &step.actions) {
                let ids = affected.entry(action.id.clone()).or_default();
                if ids.last() != Some(id) {
                    ids.push(id.clone());
                }
            }
        }
        Self(affected)
    }

    /// The deployments that change this app or pod.
    pub(crate) fn deployments(&self, id: &PathId) -> &[DeploymentId] {
        self.0.get(id).map_or(&[], Vec::as_slice)
    }
}

/// An app, written as Marathon's `AppInfo`.
pub(crate) struct AppInfo<'a> {
    /// Which.
    pub(crate) app: &'a AppDefinition,
    /// Where the rest is looked up.
    pub(crate) view: &'a View,
    /// See there.
    pub(crate) affected: &'a Affected,
    /// What is told.
    pub(crate) embed: AppEmbed,
    /// The role of apps that name none.
    pub(crate) role: &'a str,
}

impl Serialize for AppInfo<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let app = self.app;
        let instances = self.view.instances.get(&app.id);
        let mut out = serializer.serialize_map(None)?;
        for (key, value) in app.render() {
            out.serialize_entry(&key, &value)?;
        }
        if self.embed.counts {
            let mut shown = Map::new();
            counts(all(instances)).render(&mut shown);
            for (key, count) in &shown {
                out.serialize_entry(key, count)?;
            }
        }
        if self.embed.deployments {
            let deployments = self.affected.deployments(&app.id);
            out.serialize_entry("deployments", &super::errors::identified(deployments))?;
        }
        if self.embed.readiness {
            out.serialize_entry("readinessCheckResults", &readiness_results(app, self.view, self.affected))?;
        }
        if self.embed.tasks {
            out.serialize_entry("tasks", &Tasks { instances, role: app.role.as_deref().unwrap_or(self.role) })?;
        }
        if self.embed.last_task_failure
            && let Some(failure) = self.view.failures.get(&app.id)
        {
            out.serialize_entry("lastTaskFailure", &failure.render(&app.id))?;
        }
        if self.embed.task_stats {
            let instances = instances.into_iter().flat_map(OrdMap::values);
            out.serialize_entry("taskStats", &statistics(instances, app.version_info, clock::timestamp()))?;
        }
        out.end()
    }
}

struct Tasks<'a> {
    instances: Option<&'a OrdMap<TaskId, Arc<Instance>>>,
    role: &'a str,
}

impl Serialize for Tasks<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let info = |instance| TaskInfo { instance, service_ports: &[], role: self.role };
        serializer.collect_seq(all(self.instances).map(info))
    }
}

/// The instances that are there.
pub(crate) fn all(instances: Option<&OrdMap<TaskId, Arc<Instance>>>) -> impl Iterator<Item = &Instance> {
    instances.into_iter().flat_map(|instances| instances.values()).map(|instance| &**instance)
}

/// What readiness checks say of the instances of an app that is being deployed.
pub(crate) fn readiness_results(app: &AppDefinition, view: &View, affected: &Affected) -> Vec<Value> {
    if affected.deployments(&app.id).is_empty() {
        return Vec::new();
    }
    let Some(check) = app.readiness_checks.first() else { return Vec::new() };
    let now = app.version_info.last_config_change_at;
    let asked = all(view.instances.get(&app.id)).filter(|one| one.config_version == now && one.runs());
    asked.map(|instance| readiness_result(check, instance)).collect()
}

/// How the instances of an app do, as far as lists tell.
fn counts<'a>(instances: impl Iterator<Item = &'a Instance>) -> Counts {
    instances.map(Counts::of).fold(Counts::default(), |sum, one| Counts {
        total: sum.total + one.total,
        staged: sum.staged + one.staged,
        running: sum.running + one.running,
        healthy: sum.healthy + one.healthy,
        unhealthy: sum.unhealthy + one.unhealthy,
        ..sum
    })
}
