//! Networks and ports: `networks`, `portDefinitions` and `container.portMappings`, and what they were before 1.5:
//! `ports`, `ipAddress`, `container.docker.network` and `container.docker.portMappings`.

use super::container;
use crate::{
    app::{AppUpdate, Container, Engine, Network, PortDefinition, PortMapping, Protocol},
    json::{Fields, Item},
    support::Support,
};
use proto_types::Labels;

/// `container.docker.network`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DockerNetwork {
    Bridge,
    Host,
    None,
    User,
}

/// `ipAddress`.
#[derive(Default)]
struct IpAddress {
    network_name: Option<String>,
    labels: Labels,
    ports: Vec<PortMapping>,
}

pub(super) fn read(fields: &Fields<'_>, update: &mut AppUpdate, support: &Support) {
    // Old clients send an empty container for none.
    update.container = fields
        .read("container", |item| if item.object()?.entries().next().is_none() { None } else { container::read(item) });
    let container = fields.get("container").filter(|item| item.value.is_object());
    let container = container.and_then(|item| item.object());
    let docker = container.as_ref().and_then(|fields| fields.get("docker")).filter(|item| item.value.is_object());
    let docker = docker.and_then(|item| item.object());
    update.port_mappings = port_mappings(container.as_ref(), docker.as_ref());
    update.ports = fields.read("ports", |item| item.each(Item::port));
    update.port_definitions = fields.read("portDefinitions", |item| item.each(port_definition));
    update.require_ports = fields.read("requirePorts", Item::flag);
    // Marathon 1.4 wrote both, and what it wrote is sent here.
    let defined = update.port_definitions.iter().flatten().map(|definition| &definition.port);
    if !update.ports.iter().flatten().eq(defined) {
        refuse_both(fields, "ports", "portDefinitions");
    }
    update.networks = networks(fields, docker.as_ref(), update, support);
}

/// The networks by their name of today, or as the legacy fields say.
fn networks(
    fields: &Fields<'_>,
    docker: Option<&Fields<'_>>,
    update: &mut AppUpdate,
    support: &Support,
) -> Option<Vec<Network>> {
    let ip_address = fields.read("ipAddress", ip_address);
    let legacy = docker.and_then(|docker| {
        let item = docker.get("network")?;
        docker_network(&item).map(|network| (network, item))
    });
    if let Some(networks) = fields.get("networks") {
        if ip_address.is_some() {
            refuse_both(fields, "ipAddress", "networks");
        }
        if let Some((_, item)) = &legacy {
            item.refuse("must not be set together with '/networks'");
        }
        let read = networks.each(|item| network(item, support))?;
        return Some(if read.is_empty() { vec![Network::Host] } else { read });
    }
    match legacy.map(|(network, _)| network) {
        Some(DockerNetwork::Host) => Some(vec![Network::Host]),
        Some(DockerNetwork::Bridge) => Some(vec![Network::Bridge { labels: Labels::new() }]),
        Some(DockerNetwork::None) => None,
        Some(DockerNetwork::User) => Some(vec![named_network(ip_address.unwrap_or_default(), fields, update, support)]),
        None => ip_address.map(|address| vec![named_network(address, fields, update, support)]),
    }
}

/// The network that `ipAddress` means. Its discovery ports are the container's ports.
fn named_network(address: IpAddress, fields: &Fields<'_>, update: &mut AppUpdate, support: &Support) -> Network {
    let name = address.network_name.or_else(|| support.default_network_name.clone());
    if name.is_none() {
        fields.report().refuse(
            &fields.path_of("ipAddress/networkName"),
            "not defined; name a network of the agents' engines, since the server has no default",
        );
    }
    if !address.ports.is_empty() {
        if update.port_mappings.is_some() {
            fields
                .report()
                .refuse(&fields.path_of("ipAddress/discovery/ports"), "must not be set together with 'portMappings'");
        } else {
            update.port_mappings = Some(address.ports);
        }
    }
    if update.container.is_none() {
        let container =
            Container { engine: Engine::Mesos, docker: None, volumes: Vec::new(), port_mappings: Vec::new() };
        update.container = Some(container);
    }
    Network::Container { name: name.unwrap_or_default(), labels: address.labels }
}

fn refuse_both(fields: &Fields<'_>, legacy: &str, current: &str) {
    if fields.get(legacy).is_some() && fields.get(current).is_some() {
        fields.report().refuse(&fields.path_of(legacy), format!("must not be set together with '{current}'"));
    }
}

/// An element of `networks`.
pub(crate) fn network(item: &Item<'_>, support: &Support) -> Option<Network> {
    let fields = item.object()?;
    let modes = [("container", 0), ("container/bridge", 1), ("host", 2)];
    let mode = fields.read("mode", |item| item.choice(&modes));
    let name = fields.read("name", network_name);
    let labels = fields.read("labels", Item::labels).unwrap_or_default();
    if fields.get("mode").is_some() && mode.is_none() {
        return None;
    }
    let mode = mode.unwrap_or(0);
    if mode != 0 && name.is_some() {
        fields.report().refuse(&fields.path_of("name"), "is allowed with mode 'container' only");
    }
    if mode == 2 && !labels.is_empty() {
        fields.report().refuse(&fields.path_of("labels"), "are not allowed with mode 'host'");
    }
    match mode {
        0 => {
            let name = name.or_else(|| support.default_network_name.clone());
            if name.is_none() && fields.get("name").is_none() {
                let why = "not defined; name a network of the agents' engines, since the server has no default";
                fields.report().refuse(&fields.path_of("name"), why);
            }
            Some(Network::Container { name: name.unwrap_or_default(), labels })
        }
        1 => Some(Network::Bridge { labels }),
        _ => Some(Network::Host),
    }
}

fn network_name(item: &Item<'_>) -> Option<String> {
    let name = item.text()?;
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let (Some(first), Some(last)) = (name.bytes().next(), name.bytes().next_back()) else {
        item.refuse("must not be empty");
        return None;
    };
    let middle = name.bytes().all(|byte| inner(byte) || byte == b'-' || byte == b'_');
    if !inner(first) || !inner(last) || !middle || name.len() > 63 {
        item.refuse("must match '^[a-z0-9]([-a-z0-9_]*[a-z0-9])?$' and have at most 63 letters");
    }
    Some(name.to_owned())
}

fn docker_network(item: &Item<'_>) -> Option<DockerNetwork> {
    let network = item.choice(&[
        ("BRIDGE", DockerNetwork::Bridge),
        ("HOST", DockerNetwork::Host),
        ("NONE", DockerNetwork::None),
        ("USER", DockerNetwork::User),
    ])?;
    if network == DockerNetwork::None {
        item.refuse("containers without a network are not supported; use HOST, BRIDGE or USER");
    }
    Some(network)
}

fn ip_address(item: &Item<'_>) -> Option<IpAddress> {
    let fields = item.object()?;
    if let Some(groups) = fields.get("groups") {
        let named = groups.each(|one| one.text().map(str::to_owned));
        if named.is_some_and(|named| !named.is_empty()) {
            groups.refuse("network groups are not supported; leave them out");
        }
    }
    let ports = fields.read("discovery", |item| item.object()?.read("ports", |item| item.each(discovery_port)));
    Some(IpAddress {
        network_name: fields.read("networkName", network_name),
        labels: fields.read("labels", Item::labels).unwrap_or_default(),
        ports: ports.unwrap_or_default(),
    })
}

fn discovery_port(item: &Item<'_>) -> Option<PortMapping> {
    let fields = item.object()?;
    let name = fields.required("name").as_ref().and_then(port_name);
    Some(PortMapping {
        container_port: fields.read("number", Item::port).unwrap_or(0),
        protocol: fields.read("protocol", protocol).unwrap_or_default(),
        labels: fields.read("labels", Item::labels).unwrap_or_default(),
        name: Some(name?),
        ..PortMapping::default()
    })
}

fn port_definition(item: &Item<'_>) -> Option<PortDefinition> {
    let fields = item.object()?;
    Some(PortDefinition {
        port: fields.read("port", Item::port).unwrap_or(0),
        protocol: fields.read("protocol", protocol).unwrap_or_default(),
        name: fields.read("name", port_name),
        labels: fields.read("labels", Item::labels).unwrap_or_default(),
    })
}

/// The container's ports, by their name of today or that of before 1.5.
fn port_mappings(container: Option<&Fields<'_>>, docker: Option<&Fields<'_>>) -> Option<Vec<PortMapping>> {
    let current = container.and_then(|fields| fields.get("portMappings"));
    let legacy = docker.and_then(|fields| fields.get("portMappings"));
    if let (Some(_), Some(legacy)) = (&current, &legacy) {
        legacy.refuse("must not be set together with '/container/portMappings'");
    }
    current.or(legacy).and_then(|item| item.each(port_mapping))
}

fn port_mapping(item: &Item<'_>) -> Option<PortMapping> {
    let fields = item.object()?;
    let names = |item: &Item<'_>| item.each(network_name);
    Some(PortMapping {
        container_port: fields.read("containerPort", Item::port).unwrap_or(0),
        host_port: fields.read("hostPort", Item::port),
        service_port: fields.read("servicePort", Item::port).unwrap_or(0),
        protocol: fields.read("protocol", protocol).unwrap_or_default(),
        name: fields.read("name", port_name),
        labels: fields.read("labels", Item::labels).unwrap_or_default(),
        network_names: fields.read("networkNames", names).unwrap_or_default(),
    })
}

fn port_name(item: &Item<'_>) -> Option<String> {
    let name = item.text()?;
    if !is_port_name(name) {
        item.refuse("must match '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$'");
    }
    Some(name.to_owned())
}

/// Whether a name is made of small letters, digits and inner dashes.
pub(crate) fn is_port_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    let inner = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    bytes.first().is_some_and(inner) && bytes.last().is_some_and(inner) && bytes.iter().all(|b| inner(b) || *b == b'-')
}

/// A transport. `tcp,udp` is taken for `udp,tcp`.
fn protocol(item: &Item<'_>) -> Option<Protocol> {
    item.choice(&[
        ("tcp", Protocol::Tcp),
        ("udp", Protocol::Udp),
        ("udp,tcp", Protocol::UdpTcp),
        ("tcp,udp", Protocol::UdpTcp),
    ])
}
