//! What instances are made from: an app or a pod.

use crate::{
    app::{AppDefinition, AppResources, Backoff, Constraint, Network, PathId, PortMapping, Timestamp},
    group::Root,
    pods::PodDefinition,
};
use proto_types::Labels;
use std::{collections::BTreeSet, sync::Arc};

/// An app or a pod. Cheap to clone.
#[derive(Debug, Clone, PartialEq)]
pub enum RunSpec {
    /// An app.
    App(Arc<AppDefinition>),
    /// A pod.
    Pod(Arc<PodDefinition>),
}

/// A port on the agent that an instance wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PortWish {
    /// None: the container is reached under its own address.
    Nothing,
    /// Any.
    Any,
    /// This one.
    Fixed(u16),
}

impl RunSpec {
    /// The app or the pod of this path.
    #[must_use]
    pub fn find(root: &Root, id: &PathId) -> Option<Self> {
        let app = root.app(id).cloned().map(Self::App);
        app.or_else(|| root.pod(id).cloned().map(Self::Pod))
    }

    /// Whether this is the very same. Mostly it is found by the address.
    #[must_use]
    pub(super) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::App(one), Self::App(other)) if Arc::ptr_eq(one, other) => true,
            (Self::Pod(one), Self::Pod(other)) if Arc::ptr_eq(one, other) => true,
            _ => self == other,
        }
    }

    /// Its path.
    #[must_use]
    pub fn id(&self) -> &PathId {
        match self {
            Self::App(app) => &app.id,
            Self::Pod(pod) => &pod.id,
        }
    }

    /// The app, if it is one.
    #[must_use]
    pub const fn app(&self) -> Option<&Arc<AppDefinition>> {
        match self {
            Self::App(app) => Some(app),
            Self::Pod(_) => None,
        }
    }

    /// The pod, if it is one.
    #[must_use]
    pub const fn pod(&self) -> Option<&Arc<PodDefinition>> {
        match self {
            Self::App(_) => None,
            Self::Pod(pod) => Some(pod),
        }
    }

    /// When it last changed in any way.
    #[must_use]
    pub fn version(&self) -> Timestamp {
        match self {
            Self::App(app) => app.version,
            Self::Pod(pod) => pod.version,
        }
    }

    /// When anything but its scale last changed: tells old instances from new ones, and old failures from new ones.
    #[must_use]
    pub fn config_version(&self) -> Timestamp {
        match self {
            Self::App(app) => app.version_info.last_config_change_at,
            Self::Pod(pod) => pod.version_info.last_config_change_at,
        }
    }

    /// What one instance gets, besides ports.
    #[must_use]
    pub fn resources(&self) -> AppResources {
        match self {
            Self::App(app) => app.resources,
            Self::Pod(pod) => pod.resources(),
        }
    }

    /// Where instances may run.
    #[must_use]
    pub fn constraints(&self) -> &[Constraint] {
        match self {
            Self::App(app) => &app.constraints,
            Self::Pod(pod) => &pod.constraints,
        }
    }

    /// How long to wait after failures.
    #[must_use]
    pub fn backoff(&self) -> &Backoff {
        match self {
            Self::App(app) => &app.backoff,
            Self::Pod(pod) => &pod.backoff,
        }
    }

    /// Whose resources may be used; empty: the default.
    #[must_use]
    pub fn accepted_resource_roles(&self) -> &BTreeSet<String> {
        match self {
            Self::App(app) => &app.accepted_resource_roles,
            Self::Pod(pod) => &pod.accepted_resource_roles,
        }
    }

    /// Free-form.
    #[must_use]
    pub fn labels(&self) -> &Labels {
        match self {
            Self::App(app) => &app.labels,
            Self::Pod(pod) => &pod.labels,
        }
    }

    /// How many tasks an instance has.
    #[must_use]
    pub fn tasks(&self) -> usize {
        match self {
            Self::App(_) => 1,
            Self::Pod(pod) => pod.containers.len(),
        }
    }

    /// Whether instances stay with their data.
    #[must_use]
    pub fn is_resident(&self) -> bool {
        self.app().is_some_and(|app| app.is_resident())
    }

    /// The ports on the agent that an instance wants, in the order of its ports.
    pub(super) fn port_wishes(&self) -> Vec<PortWish> {
        let on_host = |port: Option<u16>| match port {
            None => PortWish::Nothing,
            Some(0) => PortWish::Any,
            Some(port) => PortWish::Fixed(port),
        };
        match self {
            Self::App(app) if app.uses_host_network() => {
                let fixed = |port: u16| if app.require_ports { port } else { 0 };
                app.port_definitions.iter().map(|definition| on_host(Some(fixed(definition.port)))).collect()
            }
            Self::App(app) => mappings(app).iter().map(|mapping| on_host(mapping.host_port)).collect(),
            Self::Pod(pod) => {
                let endpoints = pod.containers.iter().flat_map(|container| &container.endpoints);
                endpoints.map(|endpoint| on_host(endpoint.host_port)).collect()
            }
        }
    }
}

/// The port mappings of an app, which has none with host networking.
pub(super) fn mappings(app: &AppDefinition) -> &[PortMapping] {
    app.container.as_ref().map_or(&[], |container| &container.port_mappings)
}

/// The one network that instances are in.
pub(super) fn network(networks: &[Network]) -> proto_types::container::Network {
    match networks.first() {
        None | Some(Network::Host) => proto_types::container::Network::Host,
        Some(Network::Bridge { .. }) => proto_types::container::Network::Bridge,
        Some(Network::Container { name, .. }) => proto_types::container::Network::Named(name.clone()),
    }
}
