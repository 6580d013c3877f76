//! An app or a pod, as far as deployments are concerned.

use crate::{
    app::{AppDefinition, KillSelection, RunOnce, UpgradeStrategy},
    instances::Instance,
    pods::PodDefinition,
};

pub use crate::launch::RunSpec;

impl RunSpec {
    /// Whether it is a pod.
    #[must_use]
    pub const fn is_pod(&self) -> bool {
        matches!(self, Self::Pod(_))
    }

    /// How many instances are wanted.
    #[must_use]
    pub fn instances(&self) -> u32 {
        match self {
            Self::App(app) => app.instances,
            Self::Pod(pod) => pod.instances,
        }
    }

    /// Whether it runs to its end, and how often it is tried.
    #[must_use]
    pub fn run_once(&self) -> Option<RunOnce> {
        self.app().and_then(|app| app.run_once)
    }

    /// How new versions come in.
    #[must_use]
    pub fn upgrade_strategy(&self) -> &UpgradeStrategy {
        match self {
            Self::App(app) => &app.upgrade_strategy,
            Self::Pod(pod) => &pod.upgrade_strategy,
        }
    }

    /// Who goes first when there are too many.
    #[must_use]
    pub fn kill_selection(&self) -> KillSelection {
        match self {
            Self::App(app) => app.kill_selection,
            Self::Pod(pod) => pod.kill_selection,
        }
    }

    /// Whether more than one instance must never exist.
    #[must_use]
    pub fn is_single_instance(&self) -> bool {
        matches!(self, Self::App(app) if app.is_single_instance())
    }

    /// Whether anything but the number of instances differs from an earlier version; a restart says so by its version.
    pub(super) fn is_reconfigured(&self, before: &Self) -> bool {
        if self.config_version() != before.config_version() {
            return true;
        }
        match (self, before) {
            (Self::App(after), Self::App(before)) => {
                let (instances, version, version_info) = (before.instances, before.version, before.version_info);
                AppDefinition { instances, version, version_info, ..AppDefinition::clone(after) } != **before
            }
            (Self::Pod(after), Self::Pod(before)) => {
                let (instances, version, version_info) = (before.instances, before.version, before.version_info);
                PodDefinition { instances, version, version_info, ..PodDefinition::clone(after) } != **before
            }
            _ => true,
        }
    }

    /// Whether all that is known of an instance's health is good, and all that should be known is.
    pub(super) fn finds_healthy(&self, instance: &Instance) -> bool {
        let is_new = instance.config_version == self.config_version();
        match self {
            // An old instance was launched with the checks of its own version.
            Self::App(app) => instance.is_healthy(if is_new { app.health_checks.len() } else { instance.health.len() }),
            Self::Pod(pod) if is_new => {
                let checked = pod.containers.iter().filter(|container| container.health_check.is_some());
                checked.into_iter().all(|container| {
                    let task = instance.containers.iter().find(|task| task.name == container.name);
                    task.is_some_and(|task| task.healthy == Some(true))
                })
            }
            Self::Pod(_) => instance.containers.iter().all(|task| task.healthy != Some(false)),
        }
    }

    /// Whether an instance is ready, or nobody asks whether it is.
    pub(super) fn finds_ready(&self, instance: &Instance) -> bool {
        match self {
            Self::App(app) => app.readiness_checks.is_empty() || instance.readiness.ready,
            Self::Pod(_) => true,
        }
    }
}
