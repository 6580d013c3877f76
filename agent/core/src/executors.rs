//! The table of executors.

use crate::{ConnectionId, effect::ExecutorView, fact::ExecutorStart, timers::TimerKey};
use proto_types::{
    ExecutorId, Role, TaskId,
    status::Reason,
    task::{Command, ExecutorInfo},
    time::Monotonic,
};
use std::{collections::BTreeSet, time::Duration};

/// Where an executor stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Started, not yet subscribed.
    Starting,
    /// Subscribed.
    Connected(ConnectionId),
    /// It lives, or may live, and should connect again.
    Away,
    /// It died, and is started again when the timer is due.
    Resting,
    /// It was told to end. With a connection, as long as that lasts.
    Ending(Option<ConnectionId>),
    /// Its process is being killed.
    Dying,
}

/// An executor.
#[derive(Debug)]
pub(crate) struct Executor {
    pub(crate) info: ExecutorInfo,
    pub(crate) role: Role,
    pub(crate) user: Option<String>,
    pub(crate) token: String,
    pub(crate) phase: Phase,
    /// Of its phase.
    pub(crate) timer: Option<TimerKey>,
    /// Its tasks that are not over.
    pub(crate) tasks: BTreeSet<TaskId>,
    /// Starts in a row that came to nothing.
    pub(crate) restarts: u32,
    pub(crate) pid: u32,
    /// Why its process is being killed, for the reports on its tasks.
    pub(crate) fault: Option<(Reason, String)>,
    /// How its process ended, while what it said last is still on its way.
    pub(crate) exited: Option<String>,
    /// Since when it is, or was last, connected.
    pub(crate) connected_at: Option<Monotonic>,
}

impl Executor {
    pub(crate) fn new(start: ExecutorStart, phase: Phase) -> Self {
        Self {
            info: start.info,
            role: start.role,
            user: start.user,
            token: start.token,
            phase,
            timer: None,
            tasks: BTreeSet::new(),
            restarts: 0,
            pid: 0,
            fault: None,
            exited: None,
            connected_at: None,
        }
    }

    pub(crate) fn is_built_in(&self) -> bool {
        self.info.id.is_built_in()
    }

    /// The connection on which it takes tasks; none once it is known to be dead, for what it is given then is lost.
    pub(crate) fn connection(&self) -> Option<ConnectionId> {
        match self.phase {
            Phase::Connected(connection) if self.exited.is_none() => Some(connection),
            _ => None,
        }
    }

    /// Any connection it has.
    pub(crate) fn any_connection(&self) -> Option<ConnectionId> {
        match self.phase {
            Phase::Connected(connection) | Phase::Ending(Some(connection)) => Some(connection),
            _ => None,
        }
    }

    pub(crate) fn view(&self) -> ExecutorView {
        ExecutorView {
            resources: self.info.resources.clone(),
            connected: self.any_connection().is_some(),
            pid: self.pid,
            tasks: self.tasks.iter().cloned().collect(),
            restarts: self.restarts,
        }
    }

    /// How long before the next start after one that came to nothing: the first time at once.
    pub(crate) fn rest(&self, backoff: Duration) -> Duration {
        match self.restarts {
            0 | 1 => Duration::ZERO,
            more => backoff.saturating_mul(1 << (more - 2).min(7)),
        }
    }
}

/// The executor built into Proffer. It uses no resources of its own account.
pub(crate) fn built_in() -> ExecutorInfo {
    ExecutorInfo {
        id: ExecutorId::built_in(),
        name: "built-in".to_owned(),
        command: Command::default(),
        resources: proto_types::Resources::default(),
        data: Vec::new(),
    }
}
