//! A task as the master knows it. Tasks live in the table of their framework.

use crate::effect::TaskView;
use proto_types::{
    AgentId, ExecutorId, Principal, Resources, Role, TaskInfo, TaskState, TaskStatus,
    status::{MASTER_SEQUENCES, Source},
};
use std::{collections::VecDeque, sync::Arc};

#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) info: Option<Arc<TaskInfo>>,
    pub(crate) agent: AgentId,
    pub(crate) executor: ExecutorId,
    pub(crate) role: Role,
    pub(crate) principal: Principal,
    pub(crate) latest: TaskStatus,
    /// Updates that the scheduler has not acknowledged, in order. The first `sent` went out in this session.
    pub(crate) tail: VecDeque<TaskStatus>,
    pub(crate) sent: usize,
    /// The highest numbers acknowledged and received, of the agent's numbering.
    pub(crate) acknowledged: u64,
    pub(crate) received: u64,
    /// The highest number given by this master.
    pub(crate) mastered: u64,
    /// Whether its resources are accounted to it.
    pub(crate) charged: bool,
}

impl Task {
    pub(crate) fn state(&self) -> TaskState {
        self.latest.state
    }

    pub(crate) fn resources(&self) -> Resources {
        self.info.as_ref().map(|info| info.resources.clone()).unwrap_or_default()
    }

    /// Whether it uses its resources. One on an agent that does not answer may, but nobody counts on it.
    pub(crate) fn is_active(&self) -> bool {
        !self.state().is_terminal() && self.state() != TaskState::Unreachable
    }

    /// Whether it is over and its scheduler knows.
    pub(crate) fn is_done(&self) -> bool {
        self.state().is_terminal() && self.tail.is_empty()
    }

    /// Whether an agent's update of this number is new.
    pub(crate) fn is_new(&self, sequence: u64) -> bool {
        sequence > self.received
    }

    /// The number for an update that the master makes now.
    pub(crate) fn next_mastered(&mut self, wall: u64) -> u64 {
        // The wall clock keeps the numbers rising over terms without storing them.
        self.mastered = (self.mastered + 1).max(MASTER_SEQUENCES | (wall & !MASTER_SEQUENCES));
        self.mastered
    }

    /// Takes an update in. Terminal states are final: what comes after is kept for acknowledgement but changes nothing.
    pub(crate) fn push(&mut self, status: TaskStatus) {
        if status.source != Source::Master {
            self.received = self.received.max(status.sequence);
        }
        if self.state().may_become(status.state) {
            self.latest = status.clone();
        }
        self.tail.push_back(status);
    }

    /// Drops acknowledged updates; says how many of them had been sent in this session.
    pub(crate) fn acknowledge(&mut self, sequence: u64) -> usize {
        let masters = sequence >= MASTER_SEQUENCES;
        if !masters {
            self.acknowledged = self.acknowledged.max(sequence);
        }
        let covered =
            |status: &TaskStatus| (status.sequence >= MASTER_SEQUENCES) == masters && status.sequence <= sequence;
        let freed = self.tail.iter().take(self.sent).filter(|status| covered(status)).count();
        self.tail.retain(|status| !covered(status));
        self.sent -= freed;
        freed
    }

    pub(crate) fn view(&self, hostname: &str) -> TaskView {
        TaskView {
            info: self.info.clone(),
            agent: self.agent.clone(),
            hostname: hostname.to_owned(),
            executor: self.executor.clone(),
            latest: self.latest.clone(),
            unacknowledged: u32::try_from(self.tail.len()).unwrap_or(u32::MAX),
            role: self.role.clone(),
            principal: self.principal.clone(),
        }
    }
}
