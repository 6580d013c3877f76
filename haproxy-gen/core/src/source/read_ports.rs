//! Networks and ports in all the forms that Marathon has had for them.

use super::{
    AppPort, Network, Protocol,
    json::{At, Malformed},
};

/// How an app's tasks are reached: `networks` (1.5 and later), else `ipAddress` or `container.docker.network` (before).
pub(super) fn network_at(place: &At<'_>) -> Result<Network, Malformed> {
    if let Some(networks) = place.get("networks")
        && let Some((index, value)) = place.list("networks")?.into_iter().next()
    {
        let network = networks.element(index, value);
        // A network that only has a name is a container's.
        return match network.text("mode")?.as_deref() {
            Some("host") => Ok(Network::Host),
            Some("container/bridge") => Ok(Network::Bridge),
            None | Some("container") => Ok(Network::Container),
            Some(_) => Err(network.wrong("has a mode other than host, container/bridge and container".to_owned())),
        };
    }
    if place.get("ipAddress").is_some_and(|address| address.is_object()) {
        return Ok(Network::Container);
    }
    let Some(container) = place.get("container") else {
        return Ok(Network::Host);
    };
    let Some(docker) = container.get("docker") else {
        return Ok(Network::Host);
    };
    match docker.text("network")?.as_deref() {
        None | Some("HOST" | "NONE") => Ok(Network::Host),
        Some("BRIDGE") => Ok(Network::Bridge),
        Some("USER") => Ok(Network::Container),
        Some(_) => Err(docker.wrong("has a network other than HOST, BRIDGE, USER and NONE".to_owned())),
    }
}

/// The ports of an app in their order.
pub(super) fn ports_at(place: &At<'_>, network: Network) -> Result<Vec<AppPort>, Malformed> {
    if network != Network::Host {
        if let Some(container) = place.get("container") {
            let mapped = mappings_at(&container)?;
            if !mapped.is_empty() {
                return Ok(mapped);
            }
            if let Some(docker) = container.get("docker") {
                let mapped = mappings_at(&docker)?;
                if !mapped.is_empty() {
                    return Ok(mapped);
                }
            }
        }
        let discovered = discovered_at(place)?;
        if !discovered.is_empty() {
            return Ok(discovered);
        }
    }
    if let Some(definitions) = place.get("portDefinitions") {
        let list = place.list("portDefinitions")?;
        return list.into_iter().map(|(index, value)| definition_at(&definitions.element(index, value))).collect();
    }
    let Some(ports) = place.get("ports") else {
        return Ok(Vec::new());
    };
    let bare = |(index, value)| {
        let port = ports.element(index, value).as_port()?;
        Ok(AppPort { service: (port != 0).then_some(port), container: None, name: None, protocol: Protocol::Tcp })
    };
    place.list("ports")?.into_iter().map(bare).collect()
}

fn mappings_at(holder: &At<'_>) -> Result<Vec<AppPort>, Malformed> {
    let Some(mappings) = holder.get("portMappings") else {
        return Ok(Vec::new());
    };
    let mapping = |(index, value)| {
        let place = mappings.element(index, value);
        Ok(AppPort {
            service: place.port("servicePort")?,
            container: place.port("containerPort")?,
            name: place.text("name")?,
            protocol: protocol_at(&place)?,
        })
    };
    holder.list("portMappings")?.into_iter().map(mapping).collect()
}

fn definition_at(place: &At<'_>) -> Result<AppPort, Malformed> {
    Ok(AppPort {
        service: place.port("port")?,
        container: None,
        name: place.text("name")?,
        protocol: protocol_at(place)?,
    })
}

/// Ports that tasks with addresses of their own announced before there were port mappings for them.
fn discovered_at(place: &At<'_>) -> Result<Vec<AppPort>, Malformed> {
    let Some(address) = place.get("ipAddress") else {
        return Ok(Vec::new());
    };
    let Some(discovery) = address.get("discovery") else {
        return Ok(Vec::new());
    };
    let Some(ports) = discovery.get("ports") else {
        return Ok(Vec::new());
    };
    let port = |(index, value)| {
        let place = ports.element(index, value);
        Ok(AppPort {
            service: None,
            container: place.port("number")?,
            name: place.text("name")?,
            protocol: protocol_at(&place)?,
        })
    };
    discovery.list("ports")?.into_iter().map(port).collect()
}

fn protocol_at(place: &At<'_>) -> Result<Protocol, Malformed> {
    match place.text("protocol")?.as_deref() {
        None | Some("tcp") => Ok(Protocol::Tcp),
        Some("udp") => Ok(Protocol::Udp),
        Some("udp,tcp" | "tcp,udp") => Ok(Protocol::Both),
        Some(_) => Err(place.wrong("has a protocol other than tcp, udp and udp,tcp".to_owned())),
    }
}
