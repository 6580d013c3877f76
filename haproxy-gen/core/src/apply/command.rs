//! Commands of HAProxy's Runtime API.

use crate::{
    model::{Server, ServerState},
    render::{add_server, server_target},
};
use std::{fmt, net::IpAddr};

/// A server in a backend.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerKey {
    /// The backend.
    pub backend: String,
    /// The server.
    pub server: String,
}

impl fmt::Display for ServerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.backend, self.server)
    }
}

/// One command. Its text is what HAProxy reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Brings a server into a backend, where it waits in maintenance.
    AddServer {
        /// The backend.
        backend: String,
        /// The server.
        server: Box<Server>,
        /// The words after its address.
        options: String,
    },
    /// Gives the servers of a backend (by its name, which is also the key) the cookies by which clients come back. HAProxy
    /// 2.6 gives a server that comes at run time an empty one, which leads nowhere, until the key is set again.
    SetCookieKey(String),
    /// Begins its health checks.
    EnableHealth(ServerKey),
    /// Gives it traffic, or no more.
    SetState(ServerKey, ServerState),
    /// Gives it another share.
    SetWeight(ServerKey, u16),
    /// Sends its traffic elsewhere.
    SetAddress(ServerKey, IpAddr, u16),
    /// Ends what it still has.
    ShutdownSessions(ServerKey),
    /// Takes it out of its backend; it must be in maintenance and without connections.
    DeleteServer(ServerKey),
    /// Adds an entry to a map.
    AddMap {
        /// The map's path.
        map: String,
        /// The key.
        key: String,
        /// The value.
        value: String,
    },
    /// Changes the value of an entry.
    SetMap {
        /// The map's path.
        map: String,
        /// The key.
        key: String,
        /// The value.
        value: String,
    },
    /// Takes an entry out of a map.
    DeleteMap {
        /// The map's path.
        map: String,
        /// The key.
        key: String,
    },
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddServer { backend, server, options } => f.write_str(&add_server(backend, server, options)),
            Self::SetCookieKey(backend) => write!(f, "set dynamic-cookie-key backend {backend} {backend}"),
            Self::EnableHealth(key) => write!(f, "enable health {key}"),
            Self::SetState(key, state) => {
                let state = match state {
                    ServerState::Ready => "ready",
                    ServerState::Drain => "drain",
                    ServerState::Maintenance => "maint",
                };
                write!(f, "set server {key} state {state}")
            }
            Self::SetWeight(key, weight) => write!(f, "set server {key} weight {weight}"),
            Self::SetAddress(key, address, port) => {
                let target = server_target(*address, *port);
                let (address, port) = target.rsplit_once(':').unwrap_or((&target, ""));
                write!(f, "set server {key} addr {address} port {port}")
            }
            Self::ShutdownSessions(key) => write!(f, "shutdown sessions server {key}"),
            Self::DeleteServer(key) => write!(f, "del server {key}"),
            Self::AddMap { map, key, value } => write!(f, "add map {map} {key} {value}"),
            Self::SetMap { map, key, value } => write!(f, "set map {map} {key} {value}"),
            Self::DeleteMap { map, key } => write!(f, "del map {map} {key}"),
        }
    }
}
