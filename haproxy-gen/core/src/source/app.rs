//! An app as far as traffic goes.

use super::task::{Task, TaskId};
use std::{collections::BTreeMap, fmt};

/// The absolute id of an app, as in `/shop/web`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppId(String);

impl AppId {
    /// The longest id that is taken. Marathon has no limit, but names made of it appear in every line about the app.
    pub const LONGEST: usize = 400;

    /// Takes an id, with or without its leading slash.
    ///
    /// # Errors
    /// What is wrong with it: ids consist of segments of lower-case letters, digits, hyphens and dots.
    pub fn new(text: &str) -> Result<Self, String> {
        let path = text.strip_prefix('/').unwrap_or(text);
        if path.len() > Self::LONGEST {
            return Err(format!("is {} bytes long, at most {} are taken", path.len(), Self::LONGEST));
        }
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.';
        if path.is_empty() || !path.split('/').all(|segment| !segment.is_empty() && segment.bytes().all(allowed)) {
            return Err("is not an app id: segments of a-z, 0-9, \"-\" and \".\", divided by \"/\"".to_owned());
        }
        Ok(Self(format!("/{path}")))
    }

    /// The id with its leading slash.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The segments, from the outermost group to the app's own name.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0[1..].split('/')
    }

    /// The id as marathon-lb writes it into names: without the first slash, the others as underscores.
    #[must_use]
    pub fn stem(&self) -> String {
        self.0[1..].replace('/', "_")
    }
}

impl fmt::Display for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An app with its tasks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct App {
    /// Its id.
    pub id: AppId,
    /// How many tasks are wanted. Blue/green deployments reckon with it.
    pub instances: u32,
    /// All labels, unread.
    pub labels: BTreeMap<String, String>,
    /// How its tasks are reached.
    pub network: Network,
    /// Its ports, in order: labels and health checks refer to them by index.
    pub ports: Vec<AppPort>,
    /// Its health checks, in order.
    pub checks: Vec<HealthCheck>,
    /// Its tasks that may get traffic.
    pub tasks: BTreeMap<TaskId, Task>,
}

/// How the tasks of an app are reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Network {
    /// At the agent's address, on the ports that the task was given.
    Host,
    /// The same, forwarded into a container.
    Bridge,
    /// At an address of its own, on the ports of the container.
    Container,
}

/// What a port is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// TCP alone.
    Tcp,
    /// UDP alone: HAProxy cannot carry it.
    Udp,
    /// Both.
    Both,
}

impl Protocol {
    /// Whether TCP goes over it.
    #[must_use]
    pub fn has_tcp(self) -> bool {
        self != Self::Udp
    }

    /// Whether UDP goes over it.
    #[must_use]
    pub fn has_udp(self) -> bool {
        self != Self::Tcp
    }
}

/// A port of an app.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AppPort {
    /// The port at which the load balancer listens; none if none is assigned.
    pub service: Option<u16>,
    /// The port inside the container; none where there is no such thing.
    pub container: Option<u16>,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// What it is for.
    pub protocol: Protocol,
}

/// How a health check asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CheckProtocol {
    /// A GET that must be answered with 200 to 399.
    Http,
    /// The same over TLS.
    Https,
    /// A connection.
    Tcp,
    /// A command, or another way which HAProxy cannot repeat.
    Other,
}

/// A health check of an app.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HealthCheck {
    /// How it asks.
    pub protocol: CheckProtocol,
    /// The path, for HTTP.
    pub path: Option<String>,
    /// Which of the app's ports it asks.
    pub port_index: Option<u32>,
    /// A fixed port, instead of an index.
    pub port: Option<u16>,
    /// Milliseconds between two checks.
    pub interval_ms: u64,
    /// Milliseconds that an answer may take.
    pub timeout_ms: u64,
    /// Failures in a row after which Marathon would kill the task; 0: never.
    pub failures: u32,
}
