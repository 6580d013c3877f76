//! What an app's instances run in.

use super::{PortMapping, Volume};

/// `container`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// `type`.
    pub engine: Engine,
    /// The image; none: a process of the agent.
    pub docker: Option<Docker>,
    /// What is mounted.
    pub volumes: Vec<Volume>,
    /// The container's ports; empty with host networking.
    pub port_mappings: Vec<PortMapping>,
}

/// Who runs the container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// `DOCKER`: always an image.
    Docker,
    /// `MESOS`: a process, or an image.
    Mesos,
}

/// `container.docker`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Docker {
    /// The image with its tag.
    pub image: String,
    /// Whether it is pulled although it is there.
    pub force_pull_image: bool,
    /// Whether the container has the rights of the machine.
    pub privileged: bool,
    /// Options for the engine.
    pub parameters: Vec<Parameter>,
}

/// An option for the engine, as on the command line of `docker run`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its name, without dashes.
    pub key: String,
    /// Its value.
    pub value: String,
}

impl Engine {
    /// Its name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Docker => "DOCKER",
            Self::Mesos => "MESOS",
        }
    }
}
