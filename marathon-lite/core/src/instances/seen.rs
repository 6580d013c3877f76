//! Which updates of a task were taken in.

use proto_types::{TaskId, TaskStatus, status::MASTER_SEQUENCES};
use std::collections::BTreeMap;

/// The last update of each task that was taken in, by its number: of the agent's and of the master's, which number apart.
///
/// Updates are sent until they are acknowledged, and all that are not go out again with each subscription. Most of them
/// would change nothing twice; but an old word on an instance's health would be taken for a new one.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    last: BTreeMap<TaskId, [u64; 2]>,
}

impl Seen {
    /// Whether this update, or one after it, was taken in. From now on it was. Answers to questions have no number and are
    /// always new.
    pub(super) fn is_repeated(&mut self, status: &TaskStatus) -> bool {
        if status.sequence == 0 {
            return false;
        }
        let last =
            &mut self.last.entry(status.task.clone()).or_default()[usize::from(status.sequence >= MASTER_SEQUENCES)];
        let repeated = status.sequence <= *last;
        *last = status.sequence.max(*last);
        repeated
    }

    /// The task is in the table no more.
    pub(super) fn forget(&mut self, task: &TaskId) {
        self.last.remove(task);
    }

    /// How many tasks there are.
    pub(super) fn len(&self) -> usize {
        self.last.len()
    }
}
