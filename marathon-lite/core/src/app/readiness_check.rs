//! How a deployment finds out whether a new instance may take over.

use std::{collections::BTreeSet, time::Duration};

/// An element of `readinessChecks`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadinessCheck {
    /// For people and clients.
    pub name: String,
    /// `protocol`.
    pub scheme: Scheme,
    /// From its slash on.
    pub path: String,
    /// Among the names of the app's ports.
    pub port_name: String,
    /// `intervalSeconds`.
    pub interval: Duration,
    /// `timeoutSeconds`; shorter than the interval.
    pub timeout: Duration,
    /// `httpStatusCodesForReady`.
    pub http_status_codes_for_ready: BTreeSet<u16>,
    /// Whether the last answer is kept and shown.
    pub preserve_last_response: bool,
}

/// `HTTP` or `HTTPS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scheme {
    /// Plain.
    #[default]
    Http,
    /// With TLS; certificates are not checked.
    Https,
}

impl Scheme {
    /// Its name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "HTTP",
            Self::Https => "HTTPS",
        }
    }
}

impl Default for ReadinessCheck {
    fn default() -> Self {
        Self {
            name: "readinessCheck".into(),
            scheme: Scheme::Http,
            path: "/".into(),
            port_name: "http-api".into(),
            interval: Duration::from_secs(30),
            timeout: Duration::from_secs(10),
            http_status_codes_for_ready: BTreeSet::from([200]),
            preserve_last_response: false,
        }
    }
}
