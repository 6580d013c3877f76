//! The ports of an app.

use proto_types::Labels;

/// An element of `portDefinitions`, with host networking.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PortDefinition {
    /// The service port, and with `requirePorts` the port on the agent; 0: any.
    pub port: u16,
    /// How.
    pub protocol: Protocol,
    /// What it is called in the app.
    pub name: Option<String>,
    /// Free-form.
    pub labels: Labels,
}

/// An element of `container.portMappings`, without host networking.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PortMapping {
    /// In the container; 0: the same as on the agent.
    pub container_port: u16,
    /// On the agent; 0: any; none: not made reachable there.
    pub host_port: Option<u16>,
    /// The port under which a load balancer serves the app; 0: any.
    pub service_port: u16,
    /// How.
    pub protocol: Protocol,
    /// What it is called in the app.
    pub name: Option<String>,
    /// Free-form.
    pub labels: Labels,
    /// The networks that it is for; empty: all.
    pub network_names: Vec<String>,
}

/// A transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord)]
pub enum Protocol {
    /// `tcp`.
    #[default]
    Tcp,
    /// `udp`.
    Udp,
    /// `udp,tcp`: both on the same number.
    UdpTcp,
}

impl Protocol {
    /// Every protocol.
    pub const ALL: [Self; 3] = [Self::Tcp, Self::Udp, Self::UdpTcp];

    /// Its name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::UdpTcp => "udp,tcp",
        }
    }
}
