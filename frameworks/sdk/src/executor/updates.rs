//! Reports on an executor's tasks, kept until the agent has them on disk.

use proto_types::{TaskId, TaskStatus, executing::NumberedStatus};
use std::collections::{BTreeMap, VecDeque};

/// Reports on an executor's tasks, kept until the agent has them on disk.
#[derive(Debug, Default)]
pub(super) struct Updates {
    by_task: BTreeMap<TaskId, Tail>,
}

/// What is known of one task.
#[derive(Debug, Default)]
struct Tail {
    last: u64,
    over: bool,
    unacknowledged: VecDeque<NumberedStatus>,
}

impl Updates {
    /// A task is this executor's now. False if it was before.
    pub(super) fn begin(&mut self, task: &TaskId) -> bool {
        let known = self.by_task.contains_key(task);
        if !known {
            self.by_task.insert(task.clone(), Tail::default());
        }
        !known
    }

    /// Numbers a report and keeps it. None for a task that is none of this executor's or is over: nothing follows a
    /// terminal state.
    pub(super) fn add(&mut self, status: TaskStatus) -> Option<NumberedStatus> {
        let tail = self.by_task.get_mut(&status.task)?;
        if tail.over {
            return None;
        }
        tail.last += 1;
        tail.over = status.state.is_terminal();
        let numbered = NumberedStatus { number: tail.last, status };
        tail.unacknowledged.push_back(numbered.clone());
        Some(numbered)
    }

    /// The agent has these on disk. A task that is over and of which it has all is forgotten.
    pub(super) fn acknowledge(&mut self, task: &TaskId, number: u64) {
        let Some(tail) = self.by_task.get_mut(task) else { return };
        while tail.unacknowledged.front().is_some_and(|first| first.number <= number) {
            tail.unacknowledged.pop_front();
        }
        if tail.over && tail.unacknowledged.is_empty() {
            self.by_task.remove(task);
        }
    }

    /// The tasks that are not over.
    pub(super) fn active(&self) -> Vec<TaskId> {
        self.by_task.iter().filter(|(_, tail)| !tail.over).map(|(task, _)| task.clone()).collect()
    }

    pub(super) fn unacknowledged(&self) -> Vec<NumberedStatus> {
        self.by_task.values().flat_map(|tail| tail.unacknowledged.iter().cloned()).collect()
    }

    /// Whether every task is over and the agent has all reports.
    pub(super) fn is_settled(&self) -> bool {
        self.by_task.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::report;
    use proto_types::TaskState;

    #[test]
    fn reports_are_numbered_and_kept_until_acknowledged() {
        let mut updates = Updates::default();
        let task = TaskId::new("t").unwrap();
        assert!(updates.begin(&task));
        assert!(!updates.begin(&task), "asked for twice");
        assert_eq!(updates.add(report(&task, TaskState::Running, "")).unwrap().number, 1);
        assert_eq!(updates.add(report(&task, TaskState::Finished, "")).unwrap().number, 2);
        assert!(updates.add(report(&task, TaskState::Failed, "")).is_none(), "terminal states are final");
        updates.acknowledge(&task, 1);
        assert_eq!(updates.unacknowledged().len(), 1);
        assert!(updates.active().is_empty());
        updates.acknowledge(&task, 2);
        assert!(updates.is_settled());
        assert!(updates.add(report(&task, TaskState::Running, "")).is_none(), "it is forgotten");
    }
}
