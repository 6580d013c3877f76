//! Under which address and port an instance is asked.

use crate::{
    app::{AppDefinition, Network},
    instances::Instance,
};

/// Why an instance cannot be asked. Whoever reads it knows what to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoAddress {
    /// The check names no port and the app has none.
    #[error("the app has no port to check; give it one, or set 'port' in the check")]
    NoPort,
    /// The check names a port that the app does not have.
    #[error("portIndex {0} is beyond the app's ports; the first one is 0")]
    NoSuchPort(u16),
    /// The readiness check names a port that the app does not have.
    #[error("no port of the app has the name that the readiness check gives in 'portName'")]
    NoSuchName,
    /// It has no address of its own yet.
    #[error("the instance has no address of its own yet, and the port is not made reachable on its agent")]
    NotYet,
}

/// For each of the app's ports the one on the agent, if it has one there.
///
/// An instance knows only the ports that it got, in the order of the app's; those of mappings without `hostPort` are not
/// among them.
#[must_use]
pub fn host_ports(app: &AppDefinition, instance: &Instance) -> Vec<Option<u16>> {
    let mut ports = instance.host_ports.iter().copied();
    if app.uses_host_network() {
        return app.port_definitions.iter().map(|_| ports.next()).collect();
    }
    let mappings = app.container.iter().flat_map(|container| &container.port_mappings);
    mappings.map(|mapping| mapping.host_port.and_then(|_| ports.next())).collect()
}

/// Host and port under which the scheduler reaches a port of an instance: those of the agent, or with a network of the
/// engine's those of the container.
pub(super) fn of_port(app: &AppDefinition, instance: &Instance, index: usize) -> Result<(String, u16), NoAddress> {
    let no_such_port = || NoAddress::NoSuchPort(u16::try_from(index).unwrap_or(u16::MAX));
    let on_host = *host_ports(app, instance).get(index).ok_or_else(no_such_port)?;
    if has_own_address(app)
        && let Some(address) = instance.ip_addresses.first()
    {
        let mapping = app.container.as_ref().and_then(|container| container.port_mappings.get(index));
        let inside = mapping.map(|mapping| mapping.container_port).filter(|port| *port != 0);
        if let Some(port) = inside.or(on_host) {
            return Ok((address.clone(), port));
        }
    }
    on_host.map(|port| (instance.host.clone(), port)).ok_or(NoAddress::NotYet)
}

/// The host under which the scheduler reaches an instance, for checks that name a port by its number.
pub(super) fn of_host(app: &AppDefinition, instance: &Instance) -> Result<String, NoAddress> {
    if has_own_address(app) {
        return instance.ip_addresses.first().cloned().ok_or(NoAddress::NotYet);
    }
    Ok(instance.host.clone())
}

fn has_own_address(app: &AppDefinition) -> bool {
    app.networks.iter().any(|network| matches!(network, Network::Container { .. }))
}

/// A host and port as URLs have them.
pub(super) fn authority(host: &str, port: u16) -> String {
    if host.contains(':') && !host.starts_with('[') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_version_six_have_brackets_in_urls() {
        assert_eq!(authority("fd00::2", 80), "[fd00::2]:80");
        assert_eq!(authority("[fd00::2]", 80), "[fd00::2]:80");
        assert_eq!(authority("h1.example.com", 80), "h1.example.com:80");
    }
}
