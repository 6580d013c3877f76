//! An app as a whole.

use super::{
    AppResources, Artifact, Backoff, Constraint, Container, EnvironmentValue, HealthCheck, Network, PathId,
    PortDefinition, ReadinessCheck, Residency, RunOnce, Timestamp, UnreachableStrategy, UpgradeStrategy, Volume,
};
use proto_types::Labels;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// An app: what is to run, how often, and how it is kept running.
#[derive(Debug, Clone, PartialEq)]
pub struct AppDefinition {
    /// Its path.
    pub id: PathId,
    /// A line for the shell; not with `args`.
    pub cmd: Option<String>,
    /// The program and its arguments, or the arguments of the image's entrypoint.
    pub args: Vec<String>,
    /// What each instance gets.
    pub resources: AppResources,
    /// How many instances are wanted.
    pub instances: u32,
    /// `executor`: empty or `//cmd`, both of which name the built-in one.
    pub executor: String,
    /// Environment of the instances.
    pub env: BTreeMap<String, EnvironmentValue>,
    /// Free-form; read by load balancers.
    pub labels: Labels,
    /// As whom instances run; none: the framework's user.
    pub user: Option<String>,
    /// The role whose resources are used; none: the framework's.
    pub role: Option<String>,
    /// What instances run in; none: a process of the agent.
    pub container: Option<Container>,
    /// Never empty.
    pub networks: Vec<Network>,
    /// With host networking only.
    pub port_definitions: Vec<PortDefinition>,
    /// Whether ports on the agent must be those of `port_definitions`.
    pub require_ports: bool,
    /// Where instances may run.
    pub constraints: Vec<Constraint>,
    /// Whose resources may be used; empty: the framework's default.
    pub accepted_resource_roles: BTreeSet<String>,
    /// What is fetched into the sandbox.
    pub fetch: Vec<Artifact>,
    /// How health is found out.
    pub health_checks: Vec<HealthCheck>,
    /// How readiness is found out; at most one.
    pub readiness_checks: Vec<ReadinessCheck>,
    /// How new versions come in.
    pub upgrade_strategy: UpgradeStrategy,
    /// How long to wait after failures.
    pub backoff: Backoff,
    /// Who goes first when there are too many.
    pub kill_selection: KillSelection,
    /// What happens when agents are cut off.
    pub unreachable_strategy: UnreachableStrategy,
    /// `taskKillGracePeriodSeconds`; none: the agent's.
    pub kill_grace: Option<Duration>,
    /// Apps and groups that are deployed before this one.
    pub dependencies: BTreeSet<PathId>,
    /// For apps with persistent volumes.
    pub residency: Option<Residency>,
    /// Secrets by name: where each is found.
    pub secrets: BTreeMap<String, String>,
    /// Whether a terminal is attached; none: not said.
    pub tty: Option<bool>,
    /// Whether it runs to its end; none: a service.
    pub run_once: Option<RunOnce>,
    /// When it last changed in any way.
    pub version: Timestamp,
    /// When what changed.
    pub version_info: VersionInfo,
}

/// When an app was last scaled, and when anything else of it changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VersionInfo {
    /// `lastScalingAt`.
    pub last_scaling_at: Timestamp,
    /// `lastConfigChangeAt`: the version that tells old instances from new ones.
    pub last_config_change_at: Timestamp,
}

/// Who goes first when there are too many instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KillSelection {
    /// Those that started last.
    #[default]
    YoungestFirst,
    /// Those that started first.
    OldestFirst,
}

impl KillSelection {
    /// Its name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::YoungestFirst => "YOUNGEST_FIRST",
            Self::OldestFirst => "OLDEST_FIRST",
        }
    }
}

impl AppDefinition {
    /// The label that says that at most one instance may exist at any time.
    pub const SINGLE_INSTANCE_LABEL: &str = "MARATHON_SINGLE_INSTANCE_APP";

    /// An app with Marathon's defaults and nothing to run.
    #[must_use]
    pub fn new(id: PathId) -> Self {
        Self {
            id,
            cmd: None,
            args: Vec::new(),
            resources: AppResources::default(),
            instances: 1,
            executor: String::new(),
            env: BTreeMap::new(),
            labels: Labels::new(),
            user: None,
            role: None,
            container: None,
            networks: vec![Network::Host],
            port_definitions: vec![PortDefinition { name: Some("default".into()), ..PortDefinition::default() }],
            require_ports: false,
            constraints: Vec::new(),
            accepted_resource_roles: BTreeSet::new(),
            fetch: Vec::new(),
            health_checks: Vec::new(),
            readiness_checks: Vec::new(),
            upgrade_strategy: UpgradeStrategy::of_services(),
            backoff: Backoff::default(),
            kill_selection: KillSelection::default(),
            unreachable_strategy: UnreachableStrategy::default(),
            kill_grace: None,
            dependencies: BTreeSet::new(),
            residency: None,
            secrets: BTreeMap::new(),
            tty: None,
            run_once: None,
            version: Timestamp::default(),
            version_info: VersionInfo::default(),
        }
    }

    /// Whether instances are in the agent's own network.
    #[must_use]
    pub fn uses_host_network(&self) -> bool {
        self.networks.iter().all(|network| matches!(network, Network::Host))
    }

    /// Whether instances stay with their data.
    #[must_use]
    pub fn is_resident(&self) -> bool {
        self.residency.is_some() || self.volumes().iter().any(|volume| matches!(volume, Volume::Persistent(_)))
    }

    /// What is mounted.
    #[must_use]
    pub fn volumes(&self) -> &[Volume] {
        self.container.as_ref().map_or(&[], |container| &container.volumes)
    }

    /// Whether more than one instance must never exist.
    #[must_use]
    pub fn is_single_instance(&self) -> bool {
        self.labels.get(Self::SINGLE_INSTANCE_LABEL).is_some_and(|value| value == "true")
    }

    /// The service ports, in the order of the app's ports; 0 where none is assigned yet.
    #[must_use]
    pub fn service_ports(&self) -> Vec<u16> {
        if self.uses_host_network() {
            return self.port_definitions.iter().map(|definition| definition.port).collect();
        }
        let mappings = self.container.iter().flat_map(|container| &container.port_mappings);
        mappings.map(|mapping| mapping.service_port).collect()
    }

    /// The names of the app's ports, in their order.
    #[must_use]
    pub fn port_names(&self) -> Vec<Option<&str>> {
        if self.uses_host_network() {
            return self.port_definitions.iter().map(|definition| definition.name.as_deref()).collect();
        }
        let mappings = self.container.iter().flat_map(|container| &container.port_mappings);
        mappings.map(|mapping| mapping.name.as_deref()).collect()
    }
}
