//! The read model: what everything outside the driver sees of the agent.

use agent_core::{AgentView, Change, ExecutorView, TaskView};
use proto_types::{ExecutorId, FrameworkId, TaskKey};
use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};

/// The state as last shown.
#[derive(Debug, Default)]
pub struct Shown {
    /// The agent itself.
    pub agent: Option<AgentView>,
    /// Its tasks.
    pub tasks: BTreeMap<TaskKey, Box<TaskView>>,
    /// Its executors.
    pub executors: BTreeMap<(FrameworkId, ExecutorId), ExecutorView>,
    /// Tasks launched since the start of this process.
    pub launched: u64,
    /// Tasks that ended since the start of this process, by state.
    pub ended: BTreeMap<&'static str, u64>,
}

/// The shared read model. The driver alone writes it.
#[derive(Debug, Clone, Default)]
pub struct Model(Arc<RwLock<Shown>>);

impl Model {
    /// Applies changes, in order.
    pub(crate) fn apply(&self, changes: Vec<Change>) {
        if changes.is_empty() {
            return;
        }
        let mut shown = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for change in changes {
            shown.apply(change);
        }
    }

    /// Forgets what is shown: a core that begins anew shows all that it knows.
    pub(crate) fn clear(&self) {
        let mut shown = self.0.write().unwrap_or_else(PoisonError::into_inner);
        (shown.agent, shown.tasks, shown.executors) = Default::default();
    }

    /// Looks at the state. Hold it briefly: the driver waits.
    pub fn read(&self) -> RwLockReadGuard<'_, Shown> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the task is here and not over. As long as nothing is shown yet, it may be.
    #[must_use]
    pub fn may_be_active(&self, key: &TaskKey) -> bool {
        let shown = self.read();
        shown.agent.is_none() || shown.tasks.get(key).is_some_and(|task| !task.latest.state.is_terminal())
    }

    /// Whether the executor is here. As long as nothing is shown yet, it may be.
    #[must_use]
    pub fn may_live(&self, framework: &FrameworkId, executor: &ExecutorId) -> bool {
        let shown = self.read();
        shown.agent.is_none() || shown.executors.contains_key(&(framework.clone(), executor.clone()))
    }
}

impl Shown {
    fn apply(&mut self, change: Change) {
        match change {
            Change::Agent(agent) => self.agent = Some(*agent),
            Change::Task(key, task) => {
                let over = task.latest.state.is_terminal();
                let state = task.latest.state.name();
                let old = self.tasks.insert(key, task);
                if old.is_none() {
                    self.launched += 1;
                }
                if over && old.is_none_or(|old| !old.latest.state.is_terminal()) {
                    *self.ended.entry(state).or_default() += 1;
                }
            }
            Change::TaskForgotten(key) => drop(self.tasks.remove(&key)),
            Change::Executor(framework, executor, view) => drop(self.executors.insert((framework, executor), view)),
            Change::ExecutorEnded(framework, executor) => drop(self.executors.remove(&(framework, executor))),
        }
    }
}
