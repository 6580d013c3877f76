//! What an app or pod says about its instances.

use super::Instance;
use crate::{
    app::{AppDefinition, HealthCheck, UnreachableStrategy},
    pods::PodDefinition,
};
use proto_types::TaskId;
use std::time::Duration;

/// What an app or pod says about its instances: that of the version that an instance was launched from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules<'a> {
    /// What happens when an agent is cut off.
    pub unreachable: UnreachableStrategy,
    /// The app's health checks.
    pub health_checks: &'a [HealthCheck],
    /// The pod, whose containers may have health checks: their executor makes them.
    pub pod: Option<&'a PodDefinition>,
    /// Whether a new instance has to be found ready first.
    pub readiness: bool,
    /// From the polite to the hard kill; none: the agent's.
    pub kill_grace: Option<Duration>,
    /// Whether an end with success is no reason to wait before the next launch.
    pub run_once: bool,
}

impl Rules<'_> {
    /// How many checks have a say on the health of an instance.
    pub(super) fn checks_len(&self) -> usize {
        self.health_checks.len() + self.checked_containers().count()
    }

    /// Which of them the executor makes for a task: an app has at most one such, and each container of a pod.
    pub(super) fn reported_check(&self, instance: &Instance, task: &TaskId) -> Option<usize> {
        if self.pod.is_none() {
            return self.health_checks.iter().position(|check| check.protocol.is_executor_level());
        }
        let container = instance.containers.iter().find(|container| container.task == *task)?;
        self.checked_containers().position(|name| name == container.name)
    }

    fn checked_containers(&self) -> impl Iterator<Item = &str> {
        let containers = self.pod.iter().flat_map(|pod| &pod.containers);
        containers.filter(|container| container.health_check.is_some()).map(|container| container.name.as_str())
    }
}

impl Default for Rules<'_> {
    /// Those of an instance whose app is gone.
    fn default() -> Self {
        Self {
            unreachable: UnreachableStrategy::default(),
            health_checks: &[],
            pod: None,
            readiness: false,
            kill_grace: None,
            run_once: false,
        }
    }
}

impl<'a> From<&'a AppDefinition> for Rules<'a> {
    fn from(app: &'a AppDefinition) -> Self {
        // What has data is waited for, whatever else is written.
        let unreachable = if app.is_resident() { UnreachableStrategy::Disabled } else { app.unreachable_strategy };
        Self {
            unreachable,
            health_checks: &app.health_checks,
            pod: None,
            readiness: !app.readiness_checks.is_empty(),
            kill_grace: app.kill_grace,
            run_once: app.run_once.is_some(),
        }
    }
}

impl<'a> From<&'a PodDefinition> for Rules<'a> {
    fn from(pod: &'a PodDefinition) -> Self {
        Self {
            pod: Some(pod),
            unreachable: pod.unreachable_strategy,
            kill_grace: pod.containers.iter().filter_map(|container| container.kill_grace).max(),
            ..Self::default()
        }
    }
}
