//! A server as a line of the file and as a command: both say the same, so that a restart agrees with what runs.

use crate::model::{Server, ServerState};
use std::net::IpAddr;

/// Address and port as HAProxy reads them: its last colon divides them, whatever the address.
pub(crate) fn server_target(address: IpAddr, port: u16) -> String {
    format!("{address}:{port}")
}

fn words(server: &Server, options: &str) -> String {
    let mut words = format!("id {} weight {}", server.id, server.weight);
    if !options.is_empty() {
        words.push(' ');
        words.push_str(options);
        if let Some(port) = server.check_port.filter(|_| options.split(' ').any(|word| word == "check")) {
            words.push_str(&format!(" port {port}"));
        }
    }
    words
}

/// The line of the file.
pub(super) fn server_line(server: &Server, options: &str) -> String {
    // A file cannot say "drain". A new worker has no sessions to drain, so that maintenance is the same.
    let disabled = if server.state == ServerState::Ready { "" } else { " disabled" };
    let target = server_target(server.address, server.port);
    format!("  server {} {target} {}{disabled}\n", server.name, words(server, options))
}

/// The command that brings the server into a backend that runs.
pub(crate) fn add_server(backend: &str, server: &Server, options: &str) -> String {
    let target = server_target(server.address, server.port);
    format!("add server {backend}/{} {target} {}", server.name, words(server, options))
}
