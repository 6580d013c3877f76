//! The table of frameworks, with their tasks and executors.

use crate::{
    executors::Executor,
    tasks::{GroupId, Task},
};
use proto_types::{ExecutorId, FrameworkId, Resources, TaskId, TaskKey};
use std::collections::{BTreeMap, BTreeSet};

/// What is to become of a framework here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    /// It goes on.
    #[default]
    Active,
    /// All that is its ends.
    ShutDown,
    /// All that is its ends, and nobody waits for the updates of what was held until then.
    Abandoned,
}

/// A framework that has anything here.
#[derive(Debug, Default)]
pub(crate) struct Framework {
    pub(crate) standing: Standing,
    pub(crate) tasks: BTreeMap<TaskId, Task>,
    pub(crate) executors: BTreeMap<ExecutorId, Executor>,
}

/// All frameworks, what they use, and what changed since it was last shown.
#[derive(Debug, Default)]
pub(crate) struct Frameworks {
    pub(crate) all: BTreeMap<FrameworkId, Framework>,
    /// Used by tasks that are not over and by custom executors.
    pub(crate) used: Resources,
    pub(crate) touched_tasks: BTreeSet<TaskKey>,
    pub(crate) touched_executors: BTreeSet<(FrameworkId, ExecutorId)>,
    groups: u64,
}

impl Frameworks {
    pub(crate) fn task(&self, key: &TaskKey) -> Option<&Task> {
        self.all.get(&key.framework)?.tasks.get(&key.task)
    }

    /// The task, to be changed; it will be shown anew.
    pub(crate) fn change_task(&mut self, key: &TaskKey) -> Option<&mut Task> {
        let task = self.all.get_mut(&key.framework)?.tasks.get_mut(&key.task)?;
        if !self.touched_tasks.contains(key) {
            self.touched_tasks.insert(key.clone());
        }
        Some(task)
    }

    pub(crate) fn executor(&self, framework: &FrameworkId, executor: &ExecutorId) -> Option<&Executor> {
        self.all.get(framework)?.executors.get(executor)
    }

    /// The executor, to be changed; it will be shown anew.
    pub(crate) fn change_executor(&mut self, framework: &FrameworkId, executor: &ExecutorId) -> Option<&mut Executor> {
        let found = self.all.get_mut(framework)?.executors.get_mut(executor)?;
        self.touched_executors.insert((framework.clone(), executor.clone()));
        Some(found)
    }

    /// Takes a task in; while it is not over, its resources are used and its executor has it.
    pub(crate) fn insert_task(&mut self, key: &TaskKey, task: Task) {
        let framework = self.all.entry(key.framework.clone()).or_default();
        if !task.is_over() {
            if let Some(info) = &task.info {
                self.used.add(&info.resources);
            }
            if let Some(executor) = framework.executors.get_mut(&task.executor) {
                executor.tasks.insert(key.task.clone());
            }
        }
        framework.tasks.insert(key.task.clone(), task);
        self.touched_tasks.insert(key.clone());
    }

    pub(crate) fn insert_executor(&mut self, framework: &FrameworkId, executor: Executor) {
        let id = executor.info.id.clone();
        let known = self.all.entry(framework.clone()).or_default();
        self.used.add(&executor.info.resources);
        if let Some(old) = known.executors.insert(id.clone(), executor) {
            self.used = self.used.minus(&old.info.resources);
        }
        self.touched_executors.insert((framework.clone(), id));
    }

    pub(crate) fn remove_executor(&mut self, framework: &FrameworkId, executor: &ExecutorId) -> Option<Executor> {
        let known = self.all.get_mut(framework)?;
        let removed = known.executors.remove(executor)?;
        self.used = self.used.minus(&removed.info.resources);
        self.touched_executors.insert((framework.clone(), executor.clone()));
        Some(removed)
    }

    /// What came and went unseen need not be shown.
    pub(crate) fn untouch_absent(&mut self) {
        let all = &self.all;
        self.touched_tasks
            .retain(|key| all.get(&key.framework).is_some_and(|known| known.tasks.contains_key(&key.task)));
        self.touched_executors
            .retain(|(framework, id)| all.get(framework).is_some_and(|known| known.executors.contains_key(id)));
    }

    /// From here on nobody waits for updates of the tasks that are held now.
    pub(crate) fn abandon_tasks(&mut self) {
        for task in self.all.values_mut().flat_map(|framework| framework.tasks.values_mut()) {
            task.abandoned = true;
        }
    }

    pub(crate) fn new_group(&mut self) -> GroupId {
        self.groups += 1;
        GroupId(self.groups)
    }

    /// Lets a framework go that has nothing here any more. One that was abandoned and has nothing left of that time is as
    /// any other: what it has was refused since.
    pub(crate) fn trim(&mut self, id: &FrameworkId) {
        let Some(framework) = self.all.get_mut(id).filter(|framework| framework.executors.is_empty()) else { return };
        if framework.tasks.is_empty() {
            self.all.remove(id);
        } else if framework.standing == Standing::Abandoned && !framework.tasks.values().any(|task| task.abandoned) {
            framework.standing = Standing::Active;
        }
    }

    /// The keys of the tasks that satisfy `wanted`.
    pub(crate) fn select(&self, wanted: impl Fn(&Task) -> bool) -> Vec<TaskKey> {
        let mut keys = Vec::new();
        for (id, framework) in &self.all {
            for (task_id, task) in &framework.tasks {
                if wanted(task) {
                    keys.push(TaskKey { framework: id.clone(), task: task_id.clone() });
                }
            }
        }
        keys
    }
}
