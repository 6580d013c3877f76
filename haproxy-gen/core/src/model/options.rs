//! What the operator wants, and what the driver found out about this machine.

use crate::{labels::Policy, source::AppId};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    ops::RangeInclusive,
};

/// A port of an app: the app's id and the port's index.
pub type PortKey = (AppId, u32);

/// What shapes the model besides what runs.
#[derive(Debug, Clone)]
pub struct Options {
    /// The groups that this load balancer serves; `*` for all.
    pub groups: BTreeSet<String>,
    /// Whether only ports with `HAPROXY_{n}_ENABLED=true` get traffic.
    pub strict: bool,
    /// Whether only tasks that pass a health check get traffic, where there are health checks.
    pub healthy_only: bool,
    /// What labels may do.
    pub policy: Policy,
    /// The addresses of agents that are known by a name.
    pub hosts: BTreeMap<String, IpAddr>,
    /// Certificates that labels name and that cannot be used, and why. See [`super::certificates_named`].
    pub unusable_certificates: BTreeMap<String, String>,
    /// Services, by the name of their backend, that HAProxy itself refused, and what it said. See
    /// [`crate::render::blame`].
    pub refused: BTreeMap<String, String>,
    /// Ports at which the load balancer itself listens.
    pub reserved_ports: BTreeSet<u16>,
    /// The ports for services that have none.
    pub service_ports: RangeInclusive<u16>,
    /// The ports that such services had before.
    pub assigned: BTreeMap<PortKey, u16>,
    /// The weight of servers, if no label says another. With 1 a server could not start slowly, with 256 none could
    /// get more than the others.
    pub server_weight: u16,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            groups: BTreeSet::from(["*".to_owned()]),
            strict: false,
            healthy_only: true,
            policy: Policy::default(),
            hosts: BTreeMap::new(),
            unusable_certificates: BTreeMap::new(),
            refused: BTreeMap::new(),
            reserved_ports: BTreeSet::from([80, 443, 9090, 9091]),
            service_ports: 10_050..=10_999,
            assigned: BTreeMap::new(),
            server_weight: 100,
        }
    }
}
