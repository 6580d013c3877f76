//! What tasks run in.

use super::{
    Invalid,
    at::{At, list, required},
    text::{self, absolute_path, filled, optional_filled, port, without_nul},
};
use crate::v1::{self, DockerNetwork, container::Kind};
use proto_types::{
    container::{Container, Docker, Mount, Network, PortMapping, Protocol},
    resources::Ranges,
};

/// `ports` are those among the task's resources.
pub(crate) fn container(wire: v1::Container, ports: &Ranges, at: &At<'_>) -> Result<Container, Invalid> {
    let Kind::Docker(wire) = required(wire.kind, &at.field("kind"))?;
    docker(wire, ports, &at.field("docker")).map(Container::Docker)
}

fn docker(wire: v1::Docker, ports: &Ranges, at: &At<'_>) -> Result<Docker, Invalid> {
    let image = filled(wire.image, &at.field("image"))?;
    if image.starts_with('-') || image.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(at.field("image").invalid(format_args!("{image:?} is no image; write one such as debian:13")));
    }
    let network = network(wire.network, wire.network_name, at)?;
    if matches!(network, Network::Host | Network::None) && !wire.port_mappings.is_empty() {
        return Err(at.field("port_mappings").invalid("only with a bridge or named network"));
    }
    let entrypoint = wire.entrypoint.map(|wire| {
        let at = at.field("entrypoint");
        list(wire.values, &at.field("values"), without_nul)
    });
    Ok(Docker {
        image,
        force_pull: wire.force_pull,
        network,
        port_mappings: port_mappings(wire.port_mappings, ports, &at.field("port_mappings"))?,
        privileged: wire.privileged,
        entrypoint: entrypoint.transpose()?,
        volumes: mounts(wire.volumes, &at.field("volumes"))?,
        labels: text::labels(wire.labels, &at.field("labels"))?,
        hostname: optional_filled(wire.hostname, &at.field("hostname"))?,
    })
}

fn network(number: i32, name: String, at: &At<'_>) -> Result<Network, Invalid> {
    let network = match DockerNetwork::try_from(number) {
        Ok(DockerNetwork::Unspecified | DockerNetwork::Host) => Network::Host,
        Ok(DockerNetwork::Bridge) => Network::Bridge,
        Ok(DockerNetwork::None) => Network::None,
        Ok(DockerNetwork::Named) => return Ok(Network::Named(filled(name, &at.field("network_name"))?)),
        Err(_) => return Err(at.field("network").invalid(format_args!("{number} is no network known here"))),
    };
    if name.is_empty() { Ok(network) } else { Err(at.field("network_name").invalid("only with DOCKER_NETWORK_NAMED")) }
}

fn port_mappings(wire: Vec<v1::PortMapping>, ports: &Ranges, at: &At<'_>) -> Result<Vec<PortMapping>, Invalid> {
    let mut mappings: Vec<PortMapping> = Vec::with_capacity(wire.len());
    for (index, wire) in wire.into_iter().enumerate() {
        let at = at.index(index);
        let host_port = port(wire.host_port, &at.field("host_port"))?;
        let container_port = port(wire.container_port, &at.field("container_port"))?;
        let protocol = if wire.udp { Protocol::Udp } else { Protocol::Tcp };
        if !ports.contains(&Ranges::single(host_port.into())) {
            let message = format_args!("{host_port} is not among the task's ports, {ports}").to_string();
            return Err(at.field("host_port").invalid(message));
        }
        if mappings.iter().any(|other| other.host_port == host_port && other.protocol == protocol) {
            return Err(at.field("host_port").invalid(format_args!("{host_port} is mapped twice")));
        }
        mappings.push(PortMapping { host_port, container_port, protocol });
    }
    Ok(mappings)
}

fn mounts(wire: Vec<v1::Mount>, at: &At<'_>) -> Result<Vec<Mount>, Invalid> {
    let mut mounts: Vec<Mount> = Vec::with_capacity(wire.len());
    for (index, wire) in wire.into_iter().enumerate() {
        let at = at.index(index);
        let source = filled(wire.source, &at.field("source"))?;
        if source.contains(':') || (!source.starts_with('/') && !text::stays_inside(&source)) {
            let message = "must be an absolute path, a path in the sandbox without '..', or a volume's name; no ':'";
            return Err(at.field("source").invalid(message));
        }
        let container_path = absolute_path(wire.container_path, &at.field("container_path"))?;
        if container_path.contains(':') {
            return Err(at.field("container_path").invalid("must not contain ':'"));
        }
        if mounts.iter().any(|other| other.container_path == container_path) {
            return Err(at.field("container_path").invalid(format_args!("{container_path:?} is mounted twice")));
        }
        mounts.push(Mount { source, container_path, read_only: wire.read_only });
    }
    Ok(mounts)
}

impl From<&Container> for v1::Container {
    fn from(container: &Container) -> Self {
        let Container::Docker(docker) = container;
        Self { kind: Some(Kind::Docker(docker.into())) }
    }
}

impl From<&Docker> for v1::Docker {
    fn from(docker: &Docker) -> Self {
        let (network, network_name) = match &docker.network {
            Network::Host => (DockerNetwork::Host, String::new()),
            Network::Bridge => (DockerNetwork::Bridge, String::new()),
            Network::None => (DockerNetwork::None, String::new()),
            Network::Named(name) => (DockerNetwork::Named, name.clone()),
        };
        Self {
            image: docker.image.clone(),
            force_pull: docker.force_pull,
            network: network.into(),
            network_name,
            port_mappings: docker.port_mappings.iter().map(v1::PortMapping::from).collect(),
            privileged: docker.privileged,
            entrypoint: docker.entrypoint.clone().map(|values| v1::Arguments { values }),
            volumes: docker.volumes.iter().map(v1::Mount::from).collect(),
            labels: docker.labels.clone(),
            hostname: docker.hostname.clone(),
        }
    }
}

impl From<&PortMapping> for v1::PortMapping {
    fn from(mapping: &PortMapping) -> Self {
        Self {
            host_port: mapping.host_port.into(),
            container_port: mapping.container_port.into(),
            udp: mapping.protocol == Protocol::Udp,
        }
    }
}

impl From<&Mount> for v1::Mount {
    fn from(mount: &Mount) -> Self {
        Self { source: mount.source.clone(), container_path: mount.container_path.clone(), read_only: mount.read_only }
    }
}
