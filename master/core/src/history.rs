//! Removed frameworks and where their tasks were, for people who still want to see their logs.

use proto_types::{AgentId, FrameworkId, TaskId};
use std::collections::{BTreeMap, VecDeque};

#[derive(Debug, Default)]
pub(crate) struct History {
    order: VecDeque<FrameworkId>,
    tasks: BTreeMap<FrameworkId, BTreeMap<TaskId, AgentId>>,
}

impl History {
    pub(crate) fn keep(&mut self, framework: FrameworkId, tasks: BTreeMap<TaskId, AgentId>) {
        self.order.push_back(framework.clone());
        self.tasks.insert(framework, tasks);
    }

    /// Forgets the oldest framework if there are more than `max`.
    pub(crate) fn trim(&mut self, max: usize) -> Option<(FrameworkId, BTreeMap<TaskId, AgentId>)> {
        if self.order.len() <= max {
            return None;
        }
        let oldest = self.order.pop_front()?;
        let tasks = self.tasks.remove(&oldest).unwrap_or_default();
        Some((oldest, tasks))
    }

    pub(crate) fn owners<'a>(&'a self, task: &'a TaskId) -> impl Iterator<Item = &'a FrameworkId> {
        self.tasks.iter().filter(|(_, tasks)| tasks.contains_key(task)).map(|(framework, _)| framework)
    }

    pub(crate) fn agent_of(&self, framework: &FrameworkId, task: &TaskId) -> Option<&AgentId> {
        self.tasks.get(framework)?.get(task)
    }
}
