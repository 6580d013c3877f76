//! How it is found out whether an instance is healthy.

use std::time::Duration;

/// An element of `healthChecks`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// What is asked, and by whom.
    pub protocol: HealthProtocol,
    /// For the HTTP ones; none: `/`.
    pub path: Option<String>,
    /// For `COMMAND`: the line for the shell.
    pub command: Option<String>,
    /// Which port is asked; none for `COMMAND`.
    pub port: Option<CheckedPort>,
    /// `gracePeriodSeconds`: so long failures do not count unless the instance was healthy before.
    pub grace_period: Duration,
    /// `intervalSeconds`.
    pub interval: Duration,
    /// `timeoutSeconds`.
    pub timeout: Duration,
    /// `delaySeconds`: before the first check, for those that the executor runs.
    pub delay: Duration,
    /// After so many failures in a row the instance is killed; 0: never.
    pub max_consecutive_failures: u32,
    /// `ignoreHttp1xx`: whether 1xx answers change nothing; none: not said.
    pub ignore_http_1xx: Option<bool>,
}

/// Which port a health check asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckedPort {
    /// `portIndex`: among the app's ports.
    Index(u16),
    /// `port`: this number.
    Number(u16),
}

/// What a health check speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HealthProtocol {
    /// HTTP, from the scheduler.
    Http,
    /// HTTPS, from the scheduler; certificates are not checked.
    Https,
    /// A TCP connection, from the scheduler.
    Tcp,
    /// A command beside the task.
    Command,
    /// HTTP, from the executor.
    MesosHttp,
    /// HTTPS, from the executor.
    MesosHttps,
    /// A TCP connection, from the executor.
    MesosTcp,
}

impl HealthProtocol {
    /// Every protocol.
    pub const ALL: [Self; 7] =
        [Self::Http, Self::Https, Self::Tcp, Self::Command, Self::MesosTcp, Self::MesosHttp, Self::MesosHttps];

    /// Its name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "HTTP",
            Self::Https => "HTTPS",
            Self::Tcp => "TCP",
            Self::Command => "COMMAND",
            Self::MesosHttp => "MESOS_HTTP",
            Self::MesosHttps => "MESOS_HTTPS",
            Self::MesosTcp => "MESOS_TCP",
        }
    }

    /// Whether the executor runs it, beside the task.
    #[must_use]
    pub const fn is_executor_level(self) -> bool {
        matches!(self, Self::Command | Self::MesosHttp | Self::MesosHttps | Self::MesosTcp)
    }

    /// Whether it asks for a path.
    #[must_use]
    pub const fn is_http(self) -> bool {
        matches!(self, Self::Http | Self::Https | Self::MesosHttp | Self::MesosHttps)
    }
}

impl HealthCheck {
    /// A check with the documented defaults.
    #[must_use]
    pub fn new(protocol: HealthProtocol, port: Option<CheckedPort>) -> Self {
        Self {
            protocol,
            path: None,
            command: None,
            port,
            grace_period: Duration::from_secs(300),
            interval: Duration::from_secs(60),
            timeout: Duration::from_secs(20),
            delay: Duration::from_secs(15),
            max_consecutive_failures: 3,
            ignore_http_1xx: None,
        }
    }

    /// The path that is asked for, with its slash.
    #[must_use]
    pub fn request_path(&self) -> String {
        format!("/{}", self.path.as_deref().unwrap_or_default().trim_start_matches('/'))
    }
}
