//! What agents' journals hold: nothing that depends on a record may happen before it is there.

use agent_core::{Body, Effect, Fact};
use proto_types::{FrameworkId, TaskId, TaskKey, TaskStatus, executing::ToExecutor, link::FromAgent};
use std::collections::{BTreeMap, BTreeSet};

/// What an agent's journal holds.
#[derive(Debug, Default)]
pub(super) struct Journal {
    launched: BTreeSet<TaskId>,
    /// The highest number of the agent's and of the executor's for each task.
    updates: BTreeMap<TaskKey, u64>,
    /// By framework and task, since acknowledgements to executors name only the task.
    taken: BTreeMap<TaskId, u64>,
    tokens: BTreeSet<String>,
    /// Ends of tasks that a crash of the machine would undo, by the place of their record.
    unsynced: BTreeMap<TaskKey, usize>,
    records: usize,
}

impl Journal {
    pub(super) fn rebuild(&mut self, facts: &[Fact]) {
        *self = Self::default();
        facts.iter().for_each(|fact| self.store(fact));
        // The agent syncs what it finds before it tells anybody.
        self.unsynced.clear();
    }

    /// The journal is begun anew with so many records, all of which outlive the machine.
    pub(super) fn replace(&mut self, records: usize) {
        self.records = records;
        self.unsynced.clear();
    }

    /// The journal's first records outlive the machine.
    pub(super) fn sync(&mut self, records: usize) {
        self.unsynced.retain(|_, place| *place > records);
    }

    pub(super) fn store(&mut self, fact: &Fact) {
        self.records += 1;
        match fact {
            Fact::TaskLaunched(launch) => {
                for task in &launch.tasks {
                    self.launched.insert(task.id.clone());
                }
            }
            Fact::UpdateMade(update) => {
                let key = TaskKey { framework: update.framework.clone(), task: update.status.task.clone() };
                let taken = self.taken.entry(key.task.clone()).or_default();
                *taken = (*taken).max(update.number);
                if update.status.state.is_terminal() {
                    self.unsynced.insert(key.clone(), self.records);
                }
                let highest = self.updates.entry(key).or_default();
                *highest = (*highest).max(update.status.sequence);
            }
            Fact::ExecutorStarting(start) => drop(self.tokens.insert(start.token.clone())),
            _ => {}
        }
    }

    pub(super) fn judge(&self, effect: &Effect) -> Option<String> {
        match &effect.body {
            Body::ToMaster(_, FromAgent::Updates(updates)) => {
                updates.iter().find_map(|(framework, status)| self.not_stored(framework, status))
            }
            Body::ToMaster(_, FromAgent::Register(registration)) => registration.tasks.iter().find_map(|held| {
                held.unacknowledged.iter().find_map(|status| self.not_stored(&held.key.framework, status))
            }),
            Body::ToExecutor(_, ToExecutor::Launch { tasks, .. }) => {
                let missing = tasks.iter().find(|launch| !self.launched.contains(&launch.task.id))?;
                Some(format!("launches {} before the launch is journalled", missing.task.id))
            }
            Body::ToExecutor(_, ToExecutor::Acknowledged(acknowledged)) => {
                let safe = |task: &TaskId| self.taken.get(task).copied().unwrap_or_default();
                let (task, number) =
                    acknowledged.iter().find(|(task, number)| safe(task) < *number && *number < 1 << 32)?;
                Some(format!("tells an executor that update {number} of {task} is safe before it is journalled"))
            }
            Body::StartExecutor(start) if !self.tokens.contains(&start.token) => {
                Some(format!("starts executor {} before the start is journalled", start.info.id))
            }
            _ => None,
        }
    }

    fn not_stored(&self, framework: &FrameworkId, status: &TaskStatus) -> Option<String> {
        let key = TaskKey { framework: framework.clone(), task: status.task.clone() };
        let stored = self.updates.get(&key).copied().unwrap_or_default();
        if status.sequence > stored {
            return Some(format!("sends update {} of {key} before it is journalled", status.sequence));
        }
        let unsafe_end = status.state.is_terminal() && self.unsynced.contains_key(&key);
        unsafe_end.then(|| format!("tells the end of {key} before it outlives the machine"))
    }
}
