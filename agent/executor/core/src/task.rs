//! A task as its executor knows it.

use crate::health::Health;
use proto_types::{
    executing::{NumberedStatus, TaskLaunch},
    status::ContainerStatus,
    time::Monotonic,
};
use std::{collections::VecDeque, sync::Arc};

#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) launch: Arc<TaskLaunch>,
    pub(crate) group: Option<u64>,
    pub(crate) phase: Phase,
    pub(crate) kill: Option<Kill>,
    /// When it has run long enough.
    pub(crate) deadline: Option<Monotonic>,
    pub(crate) progress: String,
    pub(crate) updates: VecDeque<NumberedStatus>,
    pub(crate) number: u64,
}

/// Where a task stands.
#[derive(Debug)]
pub(crate) enum Phase {
    /// Its sandbox is being filled.
    Preparing,
    /// Its first process is being started.
    Starting,
    /// An earlier start of this executor had it; what became of it is being found out.
    Adopting,
    /// It runs.
    Running { container: ContainerStatus, health: Option<Health> },
    /// It is over; its last update may still have to be acknowledged.
    Ended,
}

/// A kill on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kill {
    pub(crate) why: Why,
    /// When it turns hard; none: it is.
    pub(crate) hard_at: Option<Monotonic>,
}

/// Why a task is killed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Why {
    /// Somebody asked for it.
    Asked,
    /// Another task of its group ended otherwise than well.
    Group,
    /// It ran as long as it may.
    TooLong,
    /// Its health check failed too often; with the last answer.
    Unhealthy(String),
}

impl Task {
    pub(crate) fn new(launch: Arc<TaskLaunch>, group: Option<u64>, phase: Phase) -> Self {
        Self {
            launch,
            group,
            phase,
            kill: None,
            deadline: None,
            progress: String::new(),
            updates: VecDeque::new(),
            number: 0,
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Ended)
    }

    pub(crate) fn next_deadline(&self) -> Option<Monotonic> {
        if self.is_over() {
            return None;
        }
        let hard = self.kill.as_ref().and_then(|kill| kill.hard_at);
        let probe = match &self.phase {
            Phase::Running { health: Some(health), .. } if self.kill.is_none() => health.next_probe(),
            _ => None,
        };
        let deadline = self.deadline.filter(|_| self.kill.is_none());
        [hard, probe, deadline].into_iter().flatten().min()
    }
}
