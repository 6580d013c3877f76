//! A change to an app: the fields that a client sent, in today's form.

use super::{
    Artifact, Constraint, Container, EnvironmentValue, HealthCheck, KillSelection, Network, PathId, PortDefinition,
    PortMapping, ReadinessCheck, Residency, RunOnce, Timestamp, UnreachableStrategy,
};
use crate::app::CanaryStep;
use proto_types::{Labels, Scalar};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// What a client wants of an app. What is absent stays as it is, or gets its default in a new app. What is present
/// replaces what was there as a whole.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AppUpdate {
    pub(super) id: Option<PathId>,
    pub(super) cmd: Option<String>,
    pub(super) args: Option<Vec<String>>,
    pub(super) cpus: Option<Scalar>,
    pub(super) mem: Option<Scalar>,
    pub(super) disk: Option<Scalar>,
    pub(super) gpus: Option<u32>,
    pub(super) instances: Option<u32>,
    pub(super) executor: Option<String>,
    pub(super) env: Option<BTreeMap<String, EnvironmentValue>>,
    pub(super) labels: Option<Labels>,
    pub(super) user: Option<String>,
    pub(super) role: Option<String>,
    pub(super) container: Option<Container>,
    pub(super) networks: Option<Vec<Network>>,
    /// Container ports, by whichever of their three names.
    pub(super) port_mappings: Option<Vec<PortMapping>>,
    /// The legacy `ports`: service ports, whatever the network.
    pub(super) ports: Option<Vec<u16>>,
    pub(super) port_definitions: Option<Vec<PortDefinition>>,
    pub(super) require_ports: Option<bool>,
    pub(super) constraints: Option<Vec<Constraint>>,
    pub(super) accepted_resource_roles: Option<BTreeSet<String>>,
    pub(super) fetch: Option<Vec<Artifact>>,
    pub(super) health_checks: Option<Vec<HealthCheck>>,
    pub(super) readiness_checks: Option<Vec<ReadinessCheck>>,
    pub(super) upgrade_strategy: Option<UpgradeUpdate>,
    pub(super) backoff_initial: Option<Duration>,
    pub(super) backoff_factor: Option<f64>,
    pub(super) backoff_max: Option<Duration>,
    pub(super) kill_selection: Option<KillSelection>,
    pub(super) unreachable_strategy: Option<UnreachableStrategy>,
    pub(super) kill_grace: Option<Duration>,
    pub(super) dependencies: Option<BTreeSet<PathId>>,
    pub(super) residency: Option<Residency>,
    pub(super) secrets: Option<BTreeMap<String, String>>,
    pub(super) tty: Option<bool>,
    /// `runOnce` with its policy; `Some(None)`: it was said to be a service.
    pub(super) run_once: Option<Option<RunOnce>>,
    pub(super) version: Option<Timestamp>,
}

/// `upgradeStrategy` as it was sent: its defaults depend on the app.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct UpgradeUpdate {
    pub(super) minimum_health_capacity: Option<f64>,
    pub(super) maximum_over_capacity: Option<f64>,
    pub(super) progress_deadline: Option<Duration>,
    pub(super) rollback_on_failure: bool,
    pub(super) canary_steps: Vec<CanaryStep>,
}

impl AppUpdate {
    /// The id in the body.
    #[must_use]
    pub fn id(&self) -> Option<&PathId> {
        self.id.as_ref()
    }

    /// The version that the app is to go back to. In an update nothing but the id may stand beside it.
    #[must_use]
    pub fn version(&self) -> Option<Timestamp> {
        self.version
    }

    /// A change of the number of instances, and of nothing else.
    #[must_use]
    pub fn scale_to(instances: u32) -> Self {
        Self { instances: Some(instances), ..Self::default() }
    }

    /// The number of instances asked for.
    #[must_use]
    pub fn instances(&self) -> Option<u32> {
        self.instances
    }
}
