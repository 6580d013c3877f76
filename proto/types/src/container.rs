//! How a task is put into a container.

use crate::Labels;

/// What a task runs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Container {
    /// A Docker container.
    Docker(Docker),
}

/// A Docker container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Docker {
    /// The image, with its tag.
    pub image: String,
    /// Whether the image is pulled although it is here.
    pub force_pull: bool,
    /// The network.
    pub network: Network,
    /// Ports of the container made reachable on the agent; bridge and named networks only.
    pub port_mappings: Vec<PortMapping>,
    /// Whether the container gets the rights of the machine.
    pub privileged: bool,
    /// Replaces the image's entrypoint.
    pub entrypoint: Option<Vec<String>>,
    /// Mounts.
    pub volumes: Vec<Mount>,
    /// Labels on the container, besides Proffer's own.
    pub labels: Labels,
    /// The container's hostname.
    pub hostname: Option<String>,
}

/// A network of a container.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Network {
    /// The agent's own.
    #[default]
    Host,
    /// The engine's bridge.
    Bridge,
    /// None.
    None,
    /// A network of the engine with this name.
    Named(String),
}

/// A port of a container made reachable on the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortMapping {
    /// On the agent; it must be among the task's port resources.
    pub host_port: u16,
    /// In the container.
    pub container_port: u16,
    /// How.
    pub protocol: Protocol,
}

/// A transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protocol {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
}

/// A directory or file of the agent, or a volume of the engine, in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// An absolute path on the agent; a relative one is in the sandbox; a name without slash is a volume of the engine.
    pub source: String,
    /// An absolute path in the container.
    pub container_path: String,
    /// Whether the task may only read.
    pub read_only: bool,
}
