//! When something is to be done about a task.

use crate::app::Timestamp;
use proto_types::TaskId;
use std::collections::{BTreeMap, BTreeSet};

/// At most one moment for each task. Looking for what is due costs nothing while nothing is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Deadlines {
    due: BTreeSet<(Timestamp, TaskId)>,
    of: BTreeMap<TaskId, Timestamp>,
}

impl Deadlines {
    /// Sets the moment of a task, instead of the one that it had.
    pub(crate) fn set(&mut self, task: &TaskId, at: Timestamp) {
        self.clear(task);
        self.of.insert(task.clone(), at);
        self.due.insert((at, task.clone()));
    }

    /// Forgets a task.
    pub(crate) fn clear(&mut self, task: &TaskId) {
        if let Some(at) = self.of.remove(task) {
            self.due.remove(&(at, task.clone()));
        }
    }

    /// The earliest task whose moment has come; it is forgotten.
    pub(crate) fn pop(&mut self, now: Timestamp) -> Option<TaskId> {
        let task = self.due.first().filter(|(at, _)| *at <= now).map(|(_, task)| task.clone())?;
        self.clear(&task);
        Some(task)
    }

    /// How many tasks there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        assert_eq!(self.of.len(), self.due.len());
        self.of.len()
    }
}
