//! What really ran, as the machines write it down.

use super::Checker;
use crate::{
    executors::End,
    hosts::{AgentIndex, FrameworkIndex, SchedulerIndex},
    violation::Invariant,
};
use agent_core::Fact;
use proto_types::{AgentInfo, FrameworkId, Resources, TaskKey, TaskState};
use std::collections::{BTreeMap, BTreeSet};

/// A task as the checker knows it.
#[derive(Debug, Default, Clone)]
pub struct TaskRecord {
    /// What its scheduler asked for.
    pub resources: Resources,
    /// Whether its scheduler follows what becomes of it.
    pub followed: bool,
    /// Whether a master accepted it.
    pub accepted: bool,
    /// Where it was started.
    pub started: Option<AgentIndex>,
    /// How its process ended.
    pub ended: Option<End>,
    /// The newest state that its scheduler saw.
    pub seen: Option<TaskState>,
    /// Numbers of updates that masters made and a scheduler saw.
    pub told: BTreeSet<u64>,
    /// The end that its schedulers saw, who of them, and the number of that update.
    pub over: Option<Over>,
    /// Who saw the newest of its agent's updates, and its number.
    pub last: Option<(SchedulerIndex, u64)>,
    /// Whether its scheduler was told that it is not launched.
    pub rejected: bool,
    /// Whether its end was asked for.
    pub killed: bool,
    /// Which agent has its end in the journal.
    pub end_made: Option<AgentIndex>,
}

/// The end of a task, as a scheduler saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Over {
    /// The state.
    pub state: TaskState,
    /// Who saw it last.
    pub by: SchedulerIndex,
    /// The number of the update; 0: it was an answer.
    pub sequence: u64,
}

/// What really ran, and what schedulers saw of it.
#[derive(Debug)]
pub struct Evidence {
    /// All tasks that were ever asked for.
    pub tasks: BTreeMap<TaskKey, TaskRecord>,
    /// Those accepted of which their scheduler has not seen the end.
    pub open: BTreeSet<TaskKey>,
    /// Which framework has which id.
    pub frameworks: BTreeMap<FrameworkId, FrameworkIndex>,
    /// How many tasks were started.
    pub started: u64,
    used: Vec<Resources>,
}

impl TaskRecord {
    /// Whether its process runs.
    #[must_use]
    pub fn runs(&self) -> bool {
        self.started.is_some() && self.ended.is_none()
    }
}

impl Evidence {
    pub(super) fn new(agents: usize) -> Self {
        Self {
            tasks: BTreeMap::new(),
            open: BTreeSet::new(),
            frameworks: BTreeMap::new(),
            started: 0,
            used: vec![Resources::default(); agents],
        }
    }

    pub(super) fn add_agent(&mut self) {
        self.used.push(Resources::default());
    }

    pub(super) fn wanted(&mut self, key: TaskKey, resources: Resources, followed: bool) {
        self.tasks.entry(key).or_insert_with(|| TaskRecord { resources, followed, ..TaskRecord::default() });
    }

    pub(super) fn resources(&self, key: &TaskKey) -> Resources {
        self.tasks.get(key).map(|record| record.resources.clone()).unwrap_or_default()
    }

    pub(super) fn accepted(&mut self, key: TaskKey) {
        let record = self.tasks.entry(key.clone()).or_default();
        record.accepted = true;
        if record.over.is_none() && !record.rejected && record.followed {
            self.open.insert(key);
        }
    }

    pub(super) fn killed(&mut self, key: &TaskKey) {
        if let Some(record) = self.tasks.get_mut(key) {
            record.killed = true;
        }
    }

    /// The machine was started anew: what is not in its journal any more was not made.
    pub(super) fn lost(&mut self, index: AgentIndex) {
        for record in self.tasks.values_mut().filter(|record| record.end_made == Some(index)) {
            record.end_made = None;
        }
    }

    pub(super) fn journalled(&mut self, index: AgentIndex, fact: &Fact) {
        if let Fact::UpdateMade(update) = fact
            && update.status.state.is_terminal()
        {
            let key = TaskKey { framework: update.framework.clone(), task: update.status.task.clone() };
            if let Some(record) = self.tasks.get_mut(&key) {
                record.end_made = Some(index);
            }
        }
    }
}

impl Checker {
    /// An executor starts a task's process.
    pub fn task_started(&mut self, index: AgentIndex, key: &TaskKey, info: &AgentInfo) {
        self.evidence.started += 1;
        let record = self.evidence.tasks.entry(key.clone()).or_default();
        let (before, accepted) = (record.started, record.accepted);
        let resources = record.resources.clone();
        let ran = record.runs();
        (record.started, record.ended) = (Some(index), None);
        let over = record.over.map(|over| over.state);
        let dropped = record.rejected || matches!(over, Some(TaskState::Dropped | TaskState::Error));
        if let Some(before) = before {
            self.violate(Invariant::NoTaskRunsTwice, format!("{key} starts on {index}, it was started on {before}"));
        }
        if !accepted {
            self.violate(Invariant::OnlyAcceptedTasksRun, format!("{key} starts on {index}, nobody accepted it"));
        }
        if dropped {
            self.violate(
                Invariant::ReportsTellWhatHappened,
                format!("{key} was reported never to run and starts on {index}"),
            );
        }
        if ran {
            return;
        }
        let used = &mut self.evidence.used[index.0 as usize];
        let fits = info.resources.minus(used).contains(&resources);
        used.add(&resources);
        if !fits {
            let detail =
                format!("{key} starts on {index} with {resources}; used are then {used} of {}", info.resources);
            self.violate(Invariant::NoResourceIsGivenToTwoTasks, detail);
        }
    }

    /// A task's process ends.
    pub fn task_ended(&mut self, index: AgentIndex, key: &TaskKey, end: End) {
        let Some(record) = self.evidence.tasks.get_mut(key) else { return };
        if record.runs() {
            let used = &mut self.evidence.used[index.0 as usize];
            *used = used.minus(&record.resources);
        }
        record.ended = Some(end);
    }
}
