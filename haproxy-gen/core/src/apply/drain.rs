//! Servers on their way out: no new connections first, then the end of those they have, then they are taken away.

use super::{Command, Running, RunningServer, ServerKey};
use crate::model::ServerState;
use proto_types::time::Monotonic;
use std::{collections::BTreeMap, time::Duration};

/// How servers are taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// How long a server may keep its sessions.
    pub patience: Duration,
    /// Whether sessions that are still there then are ended. Else the server is only taken away once they end.
    pub end_sessions: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self { patience: Duration::from_secs(60), end_sessions: true }
    }
}

/// The servers that are on their way out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Drains {
    deadlines: BTreeMap<ServerKey, Monotonic>,
}

impl Drains {
    /// What is to be done about a server that is not wanted any more. Sticky clients get no say in it.
    pub(super) fn dismiss(
        &mut self,
        key: &ServerKey,
        server: &RunningServer,
        sticky: bool,
        now: Monotonic,
        policy: Policy,
    ) -> Vec<Command> {
        let deadline = *self.deadlines.entry(key.clone()).or_insert(now + policy.patience);
        let rest = if sticky { ServerState::Maintenance } else { ServerState::Drain };
        let mut commands = Vec::new();
        if server.sessions > 0 && now < deadline {
            if server.state < rest {
                commands.push(Command::SetState(key.clone(), rest));
            }
            return commands;
        }
        if server.state != ServerState::Maintenance {
            commands.push(Command::SetState(key.clone(), ServerState::Maintenance));
        }
        if server.sessions > 0 {
            if !policy.end_sessions {
                return commands;
            }
            commands.push(Command::ShutdownSessions(key.clone()));
        }
        // HAProxy refuses while an idle connection is kept for later; the next plan tries again.
        commands.push(Command::DeleteServer(key.clone()));
        commands
    }

    /// The server is wanted again, or gone.
    pub(super) fn forget(&mut self, key: &ServerKey) {
        self.deadlines.remove(key);
    }

    /// Forgets the servers that are gone.
    pub(super) fn keep_only(&mut self, running: &Running) {
        self.deadlines.retain(|key, _| running.servers.contains_key(key));
    }

    /// When the next deadline is. Until then sessions may end on their own, which has to be looked at.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Monotonic> {
        self.deadlines.values().min().copied()
    }

    /// The servers that are on their way out, and until when they may take.
    pub fn pending(&self) -> impl Iterator<Item = (&ServerKey, Monotonic)> {
        self.deadlines.iter().map(|(key, deadline)| (key, *deadline))
    }

    /// Which of these servers have no sessions (left) and get no new ones, so that nobody notices if their task ends.
    #[must_use]
    pub fn drained<'k>(running: &Running, keys: impl IntoIterator<Item = &'k ServerKey>) -> Vec<&'k ServerKey> {
        let free = |key: &&ServerKey| {
            running.servers.get(*key).is_none_or(|server| server.state != ServerState::Ready && server.sessions == 0)
        };
        keys.into_iter().filter(free).collect()
    }
}
