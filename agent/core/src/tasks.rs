//! The table of tasks.

use crate::{LogIndex, TaskView, timers::TimerKey};
use proto_types::{ExecutorId, Role, TaskInfo, TaskState, TaskStatus};
use std::{collections::VecDeque, sync::Arc, time::Duration};

/// Tasks of one launch that live and die together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct GroupId(pub(crate) u64);

/// Whether an executor may have seen a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// Never: it waits for its executor.
    Queued,
    /// It was handed to the present start of its executor, or may have been: the journal does not say.
    Given,
    /// It was handed to an earlier start, or may have been: it must not be started again.
    Orphaned,
}

/// A task that is not over, or whose updates are not all acknowledged.
#[derive(Debug)]
pub(crate) struct Task {
    /// None once it is over.
    pub(crate) info: Option<Arc<TaskInfo>>,
    pub(crate) executor: ExecutorId,
    pub(crate) role: Role,
    pub(crate) user: Option<String>,
    pub(crate) group: Option<GroupId>,
    pub(crate) delivery: Delivery,
    /// Whether the journal has its launch before a later start of its executor: whoever reads it takes the task for
    /// orphaned.
    pub(crate) outlived: bool,
    /// Whether it was held under an id of the agent that is dead: nobody waits for its updates.
    pub(crate) abandoned: bool,
    pub(crate) latest: TaskStatus,
    /// The executor's number of its newest update that was taken; starts anew with each start of the executor.
    pub(crate) number: u64,
    /// Unacknowledged updates, in order.
    pub(crate) tail: VecDeque<TaskStatus>,
    /// The number of the newest update.
    pub(crate) sequence: u64,
    /// The record of the newest update or of the launch.
    pub(crate) written: Option<LogIndex>,
    /// A kill that was asked for, with its grace.
    pub(crate) kill: Option<Option<Duration>>,
    /// By when a custom executor must have ended it; stays when that has come.
    pub(crate) kill_limit: Option<TimerKey>,
    pub(crate) retry: Option<TimerKey>,
    pub(crate) retry_after: Duration,
}

impl Task {
    pub(crate) fn new(executor: ExecutorId, role: Role, latest: TaskStatus) -> Self {
        Self {
            info: None,
            executor,
            role,
            user: None,
            group: None,
            delivery: Delivery::Queued,
            outlived: false,
            abandoned: false,
            latest,
            number: 0,
            tail: VecDeque::new(),
            sequence: 0,
            written: None,
            kill: None,
            kill_limit: None,
            retry: None,
            retry_after: Duration::ZERO,
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.latest.state.is_terminal()
    }

    /// Takes a new update, whose sequence is the next.
    pub(crate) fn push(&mut self, status: TaskStatus) {
        self.sequence = status.sequence;
        self.latest = status.clone();
        self.tail.push_back(status);
        if self.is_over() {
            self.info = None;
            self.kill = None;
        }
    }

    /// Drops what is acknowledged; says whether there was anything.
    pub(crate) fn acknowledge(&mut self, sequence: u64) -> bool {
        let before = self.tail.len();
        self.tail.retain(|status| status.sequence > sequence);
        self.tail.len() < before
    }

    pub(crate) fn view(&self) -> TaskView {
        TaskView {
            info: self.info.clone(),
            executor: self.executor.clone(),
            role: self.role.clone(),
            latest: self.latest.clone(),
            unacknowledged: self.tail.len(),
        }
    }
}

/// Whether an executor may report this state; the others are for agents and masters to say.
pub(crate) fn may_report(state: TaskState) -> bool {
    match state {
        TaskState::Starting
        | TaskState::Running
        | TaskState::Killing
        | TaskState::Finished
        | TaskState::Failed
        | TaskState::Killed
        | TaskState::Error
        | TaskState::Dropped => true,
        TaskState::Staging
        | TaskState::Unreachable
        | TaskState::Gone
        | TaskState::GoneByOperator
        | TaskState::Unknown => false,
    }
}
