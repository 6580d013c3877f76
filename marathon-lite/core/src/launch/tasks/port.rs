//! The ports of a task, where they have their numbers.

use crate::{
    app::{AppDefinition, Protocol},
    launch::run_spec::mappings,
    pods::{Endpoint, PodDefinition},
};
use proto_types::{
    container::{self, PortMapping},
    task::DiscoveryPort,
};

/// A port of a task.
#[derive(Debug, Clone, Copy)]
pub(super) struct Port<'a> {
    /// On the agent; none: it is not reachable there.
    pub(super) on_host: Option<u16>,
    /// In the container; none: it has no number.
    pub(super) inside: Option<u16>,
    pub(super) name: &'a str,
    pub(super) protocol: Protocol,
}

/// The ports of an app's task; `on_host` are those on the agent, in their order.
pub(super) fn of_app<'a>(app: &'a AppDefinition, on_host: &[Option<u16>]) -> Vec<Port<'a>> {
    let host = |index: usize| on_host.get(index).copied().flatten();
    if app.uses_host_network() {
        let definitions = app.port_definitions.iter().enumerate();
        return definitions
            .map(|(index, definition)| Port {
                on_host: host(index),
                inside: host(index),
                name: definition.name.as_deref().unwrap_or_default(),
                protocol: definition.protocol,
            })
            .collect();
    }
    let mappings = mappings(app).iter().enumerate();
    mappings
        .map(|(index, mapping)| Port {
            on_host: host(index),
            inside: Some(mapping.container_port).filter(|port| *port != 0).or(host(index)),
            name: mapping.name.as_deref().unwrap_or_default(),
            protocol: mapping.protocol,
        })
        .collect()
}

/// The port of a container's endpoint.
pub(super) fn of_endpoint<'a>(pod: &PodDefinition, endpoint: &'a Endpoint, on_host: Option<u16>) -> Port<'a> {
    let own = endpoint.container_port.filter(|port| *port != 0);
    let inside = if pod.uses_host_network() { on_host.or(own) } else { own.or(on_host) };
    Port { on_host, inside, name: &endpoint.name, protocol: endpoint.transport() }
}

/// What of these is made reachable on the agent.
pub(super) fn published(ports: &[Port<'_>]) -> Vec<PortMapping> {
    let numbers = ports.iter().filter_map(|port| Some((port.on_host?, port.inside?, port.protocol)));
    numbers
        .flat_map(|(host_port, container_port, protocol)| {
            let mapping = move |protocol| PortMapping { host_port, container_port, protocol };
            transports(protocol).iter().map(move |(transport, _)| mapping(*transport))
        })
        .collect()
}

/// How others find these.
pub(super) fn discovered(ports: &[Port<'_>]) -> Vec<DiscoveryPort> {
    let numbers = ports.iter().filter_map(|port| Some((port.on_host.or(port.inside)?, port)));
    numbers
        .flat_map(|(number, port)| {
            transports(port.protocol).iter().map(move |(_, protocol)| DiscoveryPort {
                number,
                name: port.name.to_owned(),
                protocol: (*protocol).to_owned(),
            })
        })
        .collect()
}

fn transports(protocol: Protocol) -> &'static [(container::Protocol, &'static str)] {
    const TCP: (container::Protocol, &str) = (container::Protocol::Tcp, "tcp");
    const UDP: (container::Protocol, &str) = (container::Protocol::Udp, "udp");
    match protocol {
        Protocol::Tcp => &[TCP],
        Protocol::Udp => &[UDP],
        Protocol::UdpTcp => &[UDP, TCP],
    }
}
