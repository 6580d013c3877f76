//! A container of a pod.

use crate::app::{AppResources, Artifact, EnvironmentValue, Protocol, Scheme};
use proto_types::Labels;
use std::{collections::BTreeMap, time::Duration};

/// A container of a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodContainer {
    /// Its name in the pod.
    pub name: String,
    /// What it runs; none: the image's own command.
    pub command: Option<PodCommand>,
    /// `exec.overrideEntrypoint`: whether the command replaces the image's entrypoint; none: not said.
    pub override_entrypoint: Option<bool>,
    /// What it gets.
    pub resources: AppResources,
    /// Its ports.
    pub endpoints: Vec<Endpoint>,
    /// Its image; none: a process of the agent.
    pub image: Option<Image>,
    /// Environment, over that of the pod.
    pub environment: BTreeMap<String, EnvironmentValue>,
    /// As whom it runs; none: the pod's.
    pub user: Option<String>,
    /// How its health is found out.
    pub health_check: Option<PodHealthCheck>,
    /// What is mounted.
    pub volume_mounts: Vec<VolumeMount>,
    /// What is fetched into the sandbox.
    pub artifacts: Vec<Artifact>,
    /// Free-form.
    pub labels: Labels,
    /// `lifecycle.killGracePeriodSeconds`; none: the agent's.
    pub kill_grace: Option<Duration>,
    /// Whether a terminal is attached; none: not said.
    pub tty: Option<bool>,
}

/// What is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PodCommand {
    /// A line for the shell.
    Shell(String),
    /// A program and its arguments.
    Argv(Vec<String>),
}

/// An image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Its name with its tag.
    pub id: String,
    /// Whether it is pulled although it is there; none: not said.
    pub force_pull: Option<bool>,
    /// Free-form.
    pub labels: Labels,
}

/// A port of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Its name in the pod.
    pub name: String,
    /// In the container; without host networking.
    pub container_port: Option<u16>,
    /// On the agent; 0: any; none: not made reachable there.
    pub host_port: Option<u16>,
    /// How, by names such as `tcp` or `http`; empty: TCP.
    pub protocol: Vec<String>,
    /// Free-form.
    pub labels: Labels,
    /// The networks that it is for; empty: all.
    pub network_names: Vec<String>,
}

/// A mount of a volume of the pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeMount {
    /// Which volume.
    pub name: String,
    /// Where in the container.
    pub mount_path: String,
    /// Whether the container may only read; none: not said, it may write.
    pub read_only: Option<bool>,
}

/// How a container's health is found out. The executor does it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodHealthCheck {
    /// What is asked.
    pub probe: PodProbe,
    /// `gracePeriodSeconds`.
    pub grace_period: Duration,
    /// `intervalSeconds`.
    pub interval: Duration,
    /// `timeoutSeconds`.
    pub timeout: Duration,
    /// `delaySeconds`.
    pub delay: Duration,
    /// After so many failures in a row the instance is killed; 0: never.
    pub max_consecutive_failures: u32,
}

/// What a pod's health check asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PodProbe {
    /// HTTP.
    Http {
        /// The name of an endpoint of the container.
        endpoint: String,
        /// From its slash on; none: `/`.
        path: Option<String>,
        /// `HTTP` or `HTTPS`.
        scheme: Scheme,
    },
    /// A TCP connection.
    Tcp {
        /// The name of an endpoint of the container.
        endpoint: String,
    },
    /// A command in the container.
    Command(PodCommand),
}

impl Endpoint {
    /// The transport that its protocols use: TCP, unless UDP is named.
    #[must_use]
    pub fn transport(&self) -> Protocol {
        let udp = self.protocol.iter().any(|name| name == "udp");
        let other = self.protocol.iter().any(|name| name != "udp");
        match (udp, other) {
            (true, true) => Protocol::UdpTcp,
            (true, false) => Protocol::Udp,
            (false, _) => Protocol::Tcp,
        }
    }
}
