//! What the operator says about HAProxy itself.

use serde::Serialize;

/// What the operator says about HAProxy itself. Its texts come from the operator and are taken as they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Params {
    /// The address that the load balancer's own frontends listen at.
    pub address: String,
    /// The port of virtual hosts; none for no such frontend.
    pub http_port: Option<u16>,
    /// The port of virtual hosts over TLS. The frontend is only there when there is a certificate for it.
    pub https_port: Option<u16>,
    /// The port of requests with `X-Marathon-App-Id`.
    pub appid_port: Option<u16>,
    /// The port of the statistics.
    pub stats_port: Option<u16>,
    /// Where haproxy-gen itself listens, to answer `/_haproxy_*` by way of the port of the statistics.
    pub own_address: Option<String>,
    /// The socket of the Runtime API.
    pub stats_socket: Option<String>,
    /// Certificates, or directories of them, of the TLS frontend. The first is shown to clients that name no host.
    pub certificates: Vec<String>,
    /// The directory of the maps and the list of certificates.
    pub directory: String,
    /// Where HAProxy logs to, as in `127.0.0.1:514 local0`.
    pub log: Option<String>,
    /// The most connections; HAProxy finds out by itself if none is named.
    pub maxconn: Option<u32>,
    /// Seconds after a reload at which an old worker ends, whatever it still does.
    pub hard_stop_after_s: u32,
    /// Reloads that an old worker may live through.
    pub max_reloads: Option<u32>,
    /// Milliseconds that a connection to a server may take.
    pub connect_timeout_ms: u32,
    /// Milliseconds that a client may say nothing.
    pub client_timeout_ms: u32,
    /// Milliseconds that a server may say nothing.
    pub server_timeout_ms: u32,
    /// Milliseconds that both sides of a tunnel (a WebSocket) may say nothing.
    pub tunnel_timeout_ms: u32,
    /// Milliseconds in which a new server, if it is checked, comes to its full share; none for at once.
    pub slow_start_ms: Option<u32>,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            address: "*".to_owned(),
            http_port: Some(80),
            https_port: Some(443),
            appid_port: Some(9091),
            stats_port: Some(9090),
            own_address: None,
            stats_socket: None,
            certificates: Vec::new(),
            directory: "/etc/haproxy".to_owned(),
            log: None,
            maxconn: None,
            hard_stop_after_s: 600,
            max_reloads: Some(20),
            connect_timeout_ms: 3_000,
            client_timeout_ms: 50_000,
            server_timeout_ms: 50_000,
            tunnel_timeout_ms: 3_600_000,
            slow_start_ms: None,
        }
    }
}
