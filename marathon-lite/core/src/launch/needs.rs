//! What one instance needs of an offer, worked out once for all offers.

use super::{RunSpec, Settings, ports, run_spec::PortWish};
use proto_types::{ResourceName, Scalar};
use std::collections::BTreeSet;

/// What one instance needs.
#[derive(Debug, Clone)]
pub(super) struct Needs {
    /// Amounts that are not zero, in the order of the funnel.
    pub(super) amounts: Vec<(ResourceName, Scalar)>,
    /// Ports, in the order of the spec's ports.
    pub(super) ports: Vec<PortWish>,
    pub(super) fixed_ports: BTreeSet<u16>,
    /// How many ports in all.
    pub(super) port_count: u64,
    pub(super) accepted: Accepted,
    /// A volume that no offer has.
    pub(super) reservation: bool,
    /// Whether it must not be where graphics processors are.
    pub(super) avoids_gpus: bool,
    /// Whether it should not be there.
    pub(super) needs_no_gpus: bool,
    pub(super) tasks: usize,
}

/// Whose resources may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Accepted {
    /// Everybody's.
    pub(super) shared: bool,
    /// Those reserved for the framework's role.
    pub(super) reserved: bool,
}

impl Needs {
    pub(super) fn new(spec: &RunSpec, settings: &Settings) -> Self {
        let resources = spec.resources();
        let amounts = [
            (ResourceName::Cpus, resources.cpus),
            (ResourceName::Mem, resources.mem),
            (ResourceName::Disk, resources.disk),
            (ResourceName::Gpus, Scalar::from_units(u64::from(resources.gpus))),
        ];
        let wishes = spec.port_wishes();
        let fixed_ports = ports::fixed(&wishes);
        let dynamic = wishes.iter().filter(|wish| **wish == PortWish::Any).count();
        let restricted = match spec.labels().get(Settings::GPU_LABEL).map(String::as_str) {
            Some("restricted") => true,
            Some("unrestricted") => false,
            _ => settings.restrict_gpus,
        };
        let needs_no_gpus = resources.gpus == 0;
        Self {
            amounts: amounts.into_iter().filter(|(_, amount)| *amount > Scalar::ZERO).collect(),
            port_count: (fixed_ports.len() + dynamic) as u64,
            ports: wishes,
            fixed_ports,
            accepted: Accepted::of(spec, settings),
            reservation: spec.is_resident(),
            avoids_gpus: restricted && needs_no_gpus,
            needs_no_gpus,
            tasks: spec.tasks(),
        }
    }
}

impl Accepted {
    fn of(spec: &RunSpec, settings: &Settings) -> Self {
        let own = spec.accepted_resource_roles();
        let roles = if own.is_empty() { &settings.default_accepted_roles } else { own };
        let has = |role: &str| roles.is_empty() || roles.contains(role);
        Self { shared: has("*"), reserved: settings.role != "*" && has(&settings.role) }
    }

    pub(super) const fn admits(self, reserved: bool) -> bool {
        if reserved { self.reserved } else { self.shared }
    }
}
