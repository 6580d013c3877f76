//! A pod as a whole.

use super::PodContainer;
use crate::app::{
    AppResources, Backoff, Constraint, EnvironmentValue, KillSelection, Network, PathId, Timestamp,
    UnreachableStrategy, UpgradeStrategy, VersionInfo,
};
use proto_types::{Labels, Scalar};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// A pod: a task group, how often it is wanted, and how it is kept running.
#[derive(Debug, Clone, PartialEq)]
pub struct PodDefinition {
    /// Its path.
    pub id: PathId,
    /// Free-form.
    pub labels: Labels,
    /// As whom its containers run, where they say nothing else.
    pub user: Option<String>,
    /// Environment of all its containers.
    pub environment: BTreeMap<String, EnvironmentValue>,
    /// At least one.
    pub containers: Vec<PodContainer>,
    /// Secrets by name: where each is found.
    pub secrets: BTreeMap<String, String>,
    /// What its containers may mount.
    pub volumes: Vec<PodVolume>,
    /// Never empty.
    pub networks: Vec<Network>,
    /// How many instances are wanted (`scaling.instances`).
    pub instances: u32,
    /// `scheduling.backoff`.
    pub backoff: Backoff,
    /// `scheduling.upgrade`.
    pub upgrade_strategy: UpgradeStrategy,
    /// `scheduling.placement.constraints`.
    pub constraints: Vec<Constraint>,
    /// `scheduling.placement.acceptedResourceRoles`; empty: the framework's default.
    pub accepted_resource_roles: BTreeSet<String>,
    /// `scheduling.killSelection`.
    pub kill_selection: KillSelection,
    /// `scheduling.unreachableStrategy`.
    pub unreachable_strategy: UnreachableStrategy,
    /// The role whose resources are used; none: the framework's.
    pub role: Option<String>,
    /// When it last changed in any way.
    pub version: Timestamp,
    /// When what changed; not shown.
    pub version_info: VersionInfo,
}

/// An element of a pod's `volumes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodVolume {
    /// What mounts call it.
    pub name: String,
    /// A directory or file of the agent.
    pub host: String,
}

impl PodDefinition {
    /// What an instance gets: the sum over its containers.
    #[must_use]
    pub fn resources(&self) -> AppResources {
        let sum = |amount: fn(&AppResources) -> Scalar| self.containers.iter().map(|one| amount(&one.resources)).sum();
        AppResources {
            cpus: sum(|resources| resources.cpus),
            mem: sum(|resources| resources.mem),
            disk: sum(|resources| resources.disk),
            gpus: self.containers.iter().fold(0, |sum, one| one.resources.gpus.saturating_add(sum)),
        }
    }

    /// The pod with its version after a change: a new one if anything changed, and the old pod if nothing did.
    #[must_use]
    pub fn versioned(&self, before: Option<&Arc<Self>>, version: Timestamp) -> Arc<Self> {
        let with = |info| Arc::new(Self { version, version_info: info, ..self.clone() });
        let Some(before) = before else {
            return with(VersionInfo { last_scaling_at: version, last_config_change_at: version });
        };
        let same = Self { version: before.version, version_info: before.version_info, ..self.clone() };
        if same == **before {
            return Arc::clone(before);
        }
        let only_scaled = Self { instances: before.instances, ..same } == **before;
        let kept = before.version_info.last_config_change_at;
        let last_config_change_at = if only_scaled { kept } else { version };
        with(VersionInfo { last_scaling_at: version, last_config_change_at })
    }

    /// Whether instances are in the agent's own network.
    #[must_use]
    pub fn uses_host_network(&self) -> bool {
        self.networks.iter().all(|network| matches!(network, Network::Host))
    }
}
