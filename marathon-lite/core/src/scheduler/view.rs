//! What readers see: a snapshot that costs nothing to take, for its maps share what did not change.

use crate::{
    app::{AppDefinition, PathId, Timestamp},
    deployment::{Deployment, DeploymentId},
    group::Root,
    instances::{Instance, TaskFailure},
    launch::QueueItem,
    pods::PodDefinition,
};
use imbl::OrdMap;
use proto_types::{FrameworkId, TaskId};
use std::sync::Arc;

/// Everything that the API shows.
#[derive(Debug, Clone)]
pub struct View {
    /// What is wanted.
    pub root: Root,
    /// The framework's id, once it is subscribed.
    pub framework: Option<FrameworkId>,
    /// The instances of each app and pod that has any.
    pub instances: OrdMap<PathId, OrdMap<TaskId, Arc<Instance>>>,
    /// The deployments that are under way, by their id.
    pub deployments: OrdMap<DeploymentId, Arc<Deployment>>,
    /// What waits to be launched.
    pub queue: OrdMap<PathId, Arc<QueueItem>>,
    /// The last failure of each app.
    pub failures: OrdMap<PathId, TaskFailure>,
    /// The versions of each app that are kept, the newest last.
    pub app_versions: OrdMap<PathId, OrdMap<Timestamp, Arc<AppDefinition>>>,
    /// Of each pod.
    pub pod_versions: OrdMap<PathId, OrdMap<Timestamp, Arc<PodDefinition>>>,
    /// Of the root group.
    pub root_versions: OrdMap<Timestamp, Root>,
}
