//! Networks and ports.

use crate::{
    app::{AppDefinition, Network, PortDefinition, PortMapping, Protocol},
    json::Report,
};
use std::collections::BTreeSet;

pub(super) fn check(app: &AppDefinition, at: &str, report: &Report) {
    networks(&app.networks, at, report);
    let host = app.uses_host_network();
    let mappings = app.container.as_ref().map_or(&[][..], |container| &container.port_mappings);
    if host {
        port_definitions(&app.port_definitions, &format!("{at}/portDefinitions"), report);
        if !mappings.is_empty() {
            let why = "are not allowed with host networking; use 'portDefinitions', or another network";
            report.refuse(&format!("{at}/container/portMappings"), why);
        }
        return;
    }
    if app.container.as_ref().is_none_or(|container| container.docker.is_none()) {
        let why = "must be [{\"mode\": \"host\"}] without an image: processes are in the agent's own network";
        report.refuse(&format!("{at}/networks"), why);
    }
    if !app.port_definitions.is_empty() {
        let why = "are allowed with host networking only; use '/container/portMappings'";
        report.refuse(&format!("{at}/portDefinitions"), why);
    }
    if app.require_ports && mappings.iter().any(|mapping| mapping.host_port == Some(0)) {
        let why = "needs a 'hostPort' other than 0 in each of '/container/portMappings' without host networking";
        report.refuse(&format!("{at}/requirePorts"), why);
    }
    port_mappings(app, mappings, &format!("{at}/container/portMappings"), report);
}

/// Host, or a bridge, or one of the engine's networks: Docker starts a container in one network.
fn networks(networks: &[Network], at: &str, report: &Report) {
    let path = format!("{at}/networks");
    let count = |mode: &str| networks.iter().filter(|network| network.mode() == mode).count();
    let (host, bridge, named) = (count("host"), count("container/bridge"), count("container"));
    if host + bridge > 1 || (host + bridge == 1 && named > 0) {
        report.refuse(&path, "may contain either one host network, or one bridge network, or container networks");
    } else if named > 1 {
        report.refuse(&path, "may contain one container network only: Docker starts a container in one network");
    }
    if repeated(named_networks(networks)).is_some() {
        report.refuse(&path, "networks must not have the same name");
    }
}

/// The names of the engine's networks.
pub(crate) fn named_networks(networks: &[Network]) -> impl Iterator<Item = &str> {
    networks.iter().filter_map(|network| match network {
        Network::Container { name, .. } => Some(name.as_str()),
        Network::Host | Network::Bridge { .. } => None,
    })
}

fn port_definitions(definitions: &[PortDefinition], path: &str, report: &Report) {
    if repeated(definitions.iter().filter_map(|one| one.name.as_deref())).is_some() {
        report.refuse(path, "Port names must be unique.");
    }
    if repeated(definitions.iter().map(|one| one.port).filter(|port| *port != 0)).is_some() {
        report.refuse(path, "Ports must be unique.");
    }
}

fn port_mappings(app: &AppDefinition, mappings: &[PortMapping], path: &str, report: &Report) {
    if repeated(mappings.iter().filter_map(|one| one.name.as_deref())).is_some() {
        report.refuse(path, "Port names must be unique.");
    }
    if repeated(mappings.iter().map(|one| one.service_port).filter(|port| *port != 0)).is_some() {
        report.refuse(path, "Service ports must be unique.");
    }
    let host_ports = mappings.iter().flat_map(|mapping| {
        let port = mapping.host_port.filter(|port| *port != 0);
        port.into_iter().flat_map(|port| transports(mapping.protocol).iter().map(move |transport| (port, *transport)))
    });
    if repeated(host_ports).is_some() {
        report.refuse(path, "Host ports must be unique for each protocol.");
    }
    let names: BTreeSet<&str> = named_networks(&app.networks).collect();
    for (index, mapping) in mappings.iter().enumerate() {
        if mapping.network_names.iter().any(|name| !names.contains(name.as_str())) {
            report.refuse(&format!("{path}({index})/networkNames"), "must be names of '/networks'");
        }
    }
}

fn transports(protocol: Protocol) -> &'static [&'static str] {
    match protocol {
        Protocol::Tcp => &["tcp"],
        Protocol::Udp => &["udp"],
        Protocol::UdpTcp => &["udp", "tcp"],
    }
}

/// The first value that was there before.
pub(crate) fn repeated<T: Ord + Clone>(values: impl IntoIterator<Item = T>) -> Option<T> {
    let mut seen = BTreeSet::new();
    values.into_iter().find(|value| !seen.insert(value.clone()))
}
