//! What makes a server that is there the one that is wanted.

use super::{Command, RunningServer, ServerKey};
use crate::model::{Server, ServerState, Service};

pub(super) fn adjust(key: &ServerKey, running: &RunningServer, wanted: &Server) -> Vec<Command> {
    let mut commands = Vec::new();
    if running.address != Some(wanted.address) || running.port != wanted.port {
        commands.push(Command::SetAddress(key.clone(), wanted.address, wanted.port));
    }
    if running.weight != wanted.weight {
        commands.push(Command::SetWeight(key.clone(), wanted.weight));
    }
    if !is_as_good(running.state, wanted.state) {
        commands.push(Command::SetState(key.clone(), wanted.state));
    }
    commands
}

/// A file can only say "maintenance" for a server that drains: it gets nothing new, which is what matters.
fn is_as_good(state: ServerState, wanted: ServerState) -> bool {
    state == wanted || (wanted == ServerState::Drain && state == ServerState::Maintenance)
}

/// What brings a new server in and gives it traffic.
pub(super) fn introduce(service: &Service, server: &Server, options: &str) -> Vec<Command> {
    let backend = &service.name;
    let key = ServerKey { backend: backend.clone(), server: server.name.clone() };
    let add =
        Command::AddServer { backend: backend.clone(), server: Box::new(server.clone()), options: options.to_owned() };
    let mut commands = vec![add];
    if service.sticky {
        commands.push(Command::SetCookieKey(backend.clone()));
    }
    if options.split(' ').any(|word| word == "check") {
        commands.push(Command::EnableHealth(key.clone()));
    }
    // It waits in maintenance until it is told otherwise.
    if server.state != ServerState::Maintenance {
        commands.push(Command::SetState(key, server.state));
    }
    commands
}
