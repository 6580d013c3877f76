//! The servers of one backend.

use super::{
    Command, Drains, Policy, Running, ServerKey,
    change::{adjust, introduce},
};
use crate::model::Service;
use proto_types::time::Monotonic;
use std::collections::BTreeSet;

/// The commands for the servers of one service, server by server.
pub(super) fn servers(
    service: &Service,
    options: &str,
    running: &Running,
    drains: &mut Drains,
    now: Monotonic,
    policy: Policy,
) -> Vec<Vec<Command>> {
    let mut groups = Vec::new();
    let key = |name: &str| ServerKey { backend: service.name.clone(), server: name.to_owned() };
    let mut taken: BTreeSet<u32> = running.servers_of(&service.name).map(|(_, server)| server.id).collect();
    // New ones first: a backend must not be empty for a moment because all of its servers are replaced.
    for (name, server) in &service.servers {
        if !running.servers.contains_key(&key(name)) {
            let mut server = server.clone();
            while !taken.insert(server.id) {
                server.id = server.id % 0x7fff_ffff + 1;
            }
            groups.push(introduce(service, &server, options));
        }
    }
    for (key, server) in running.servers_of(&service.name) {
        match service.servers.get(&key.server) {
            Some(wanted) => {
                drains.forget(key);
                groups.push(adjust(key, server, wanted));
            }
            None => groups.push(drains.dismiss(key, server, service.sticky, now, policy)),
        }
    }
    groups
}
