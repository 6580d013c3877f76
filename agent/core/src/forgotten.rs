//! The ids of tasks that are over and forgotten. None of them may start again.

use proto_types::{FrameworkId, TaskId, TaskKey};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

#[derive(Debug, Default)]
pub(crate) struct Forgotten {
    order: VecDeque<TaskKey>,
    keys: BTreeSet<TaskKey>,
}

impl Forgotten {
    pub(crate) fn contains(&self, key: &TaskKey) -> bool {
        self.keys.contains(key)
    }

    /// Remembers one more, and lets the oldest go where there are more than `max`.
    pub(crate) fn insert(&mut self, key: TaskKey, max: usize) {
        if !self.keys.insert(key.clone()) {
            return;
        }
        self.order.push_back(key);
        while self.order.len() > max {
            let Some(oldest) = self.order.pop_front() else { break };
            self.keys.remove(&oldest);
        }
    }

    pub(crate) fn by_framework(&self) -> BTreeMap<FrameworkId, Vec<TaskId>> {
        let mut grouped: BTreeMap<FrameworkId, Vec<TaskId>> = BTreeMap::new();
        for key in &self.order {
            grouped.entry(key.framework.clone()).or_default().push(key.task.clone());
        }
        grouped
    }
}
