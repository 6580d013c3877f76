//! A service: one port of an app, with what the labels say about it and the servers behind it.

use crate::{
    labels::{Auth, Balance, BindAddress, BindOption, CertificatePath, Host, Mode, Prefix, UrlPath},
    source::{AppId, TaskId},
};
use std::{collections::BTreeMap, net::IpAddr};

/// One port of an app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// The name of its frontend and backend: `<app>_<port>`.
    pub name: String,
    /// The app; in a blue/green deployment the newer one.
    pub app: AppId,
    /// The id that clients write into `X-Marathon-App-Id`.
    pub asked_as: String,
    /// The index of the port.
    pub index: u32,
    /// The port it listens on.
    pub port: u16,
    /// The address it listens at.
    pub address: BindAddress,
    /// Further words of its `bind` line.
    pub bind_options: Vec<BindOption>,
    /// The certificates of its port.
    pub certificates: Vec<CertificatePath>,
    /// How much HAProxy understands of it.
    pub mode: Mode,
    /// How connections are spread.
    pub balance: Balance,
    /// Whether clients come back to the server they had.
    pub sticky: bool,
    /// The names it is reached by.
    pub vhosts: Vec<Host>,
    /// The beginning of the paths it is reached by.
    pub path: Option<UrlPath>,
    /// Which of two services that match is asked first: the higher one.
    pub precedence: i32,
    /// Who may come in.
    pub auth: Option<Auth>,
    /// From where it may be reached; from everywhere if empty.
    pub allowed: Vec<Prefix>,
    /// Whether plain HTTP is sent to HTTPS.
    pub redirect_to_https: bool,
    /// Whether browsers are told to use nothing but HTTPS.
    pub hsts: bool,
    /// A beginning of paths that servers do not see.
    pub proxypass: Option<UrlPath>,
    /// What the paths in servers' redirects are to begin with.
    pub revproxy: Option<UrlPath>,
    /// Where the root is redirected to.
    pub redirect: Option<UrlPath>,
    /// How HAProxy checks its servers.
    pub check: Option<Check>,
    /// The servers, by name.
    pub servers: BTreeMap<String, Server>,
}

/// How HAProxy checks a server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Check {
    /// The path to ask for; none to connect only.
    pub path: Option<UrlPath>,
    /// Whether to ask over TLS.
    pub tls: bool,
    /// Milliseconds between two checks.
    pub interval_ms: u64,
    /// Milliseconds that an answer may take.
    pub timeout_ms: u64,
    /// Failures after which the server is down.
    pub fall: u32,
}

/// A server: one port of a task.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Server {
    /// Its name, which follows from its host, address and port.
    pub name: String,
    /// The task.
    pub task: TaskId,
    /// Its number in the backend, which follows from its name: hashes that spread connections are made of it.
    pub id: u32,
    /// Its address.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
    /// The port that is checked, if it is another one.
    pub check_port: Option<u16>,
    /// Its share, 0 to 256.
    pub weight: u16,
    /// What it is to get.
    pub state: ServerState,
}

/// What a server is to get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServerState {
    /// Everything.
    Ready,
    /// What it has, and clients who insist on it by their cookie.
    Drain,
    /// What it has, and nothing new at all.
    Maintenance,
}
