//! Health checks, which executors run beside their tasks.

use std::{collections::BTreeMap, time::Duration};

/// How a task's health is found out, and what follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// What is asked.
    pub probe: Probe,
    /// From the task's start to the first probe. Mesos: 15 s.
    pub delay: Duration,
    /// Between the starts of probes. Mesos: 10 s.
    pub interval: Duration,
    /// How long a probe may take; zero: for ever. Mesos: 20 s.
    pub timeout: Duration,
    /// From the task's start, while failures do not count unless it was healthy before. Mesos: 10 s.
    pub grace_period: Duration,
    /// So many failures in a row and the task is killed; 0: never, its health is only reported. Mesos: 3.
    pub consecutive_failures: u32,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// An HTTP GET on this machine; 200 to 399 is healthy.
    Http {
        /// `http` or `https`; certificates are not checked.
        scheme: String,
        /// On 127.0.0.1, or the container's address.
        port: u16,
        /// From its slash on.
        path: String,
    },
    /// Whether a TCP connection opens.
    Tcp {
        /// On 127.0.0.1, or the container's address.
        port: u16,
    },
    /// Whether a command in the task's sandbox or container exits with 0.
    Command {
        /// The command, by the shell if it has no arguments.
        command: Vec<String>,
        /// Whether the first element is a line for `/bin/sh -c`.
        shell: bool,
        /// Added to the task's environment.
        environment: BTreeMap<String, String>,
    },
    /// The gRPC health protocol.
    Grpc {
        /// On 127.0.0.1, or the container's address.
        port: u16,
        /// Which service is asked for; empty: the server as a whole.
        service: String,
    },
}
