//! Launches: checked against what is free, journalled, and handed to their executor.

use crate::{
    Agent, ConnectionId,
    executors::{Executor, Phase, built_in},
    fact::{Fact, LaunchRecord},
    frameworks::Standing,
    parcel,
    sabotage::Switch,
    tasks::{Delivery, Task},
};
use proto_types::{
    ExecutorId, FrameworkId, Resources, Role, TaskId, TaskInfo, TaskKey, TaskState, TaskStatus,
    executing::{TaskLaunch, ToExecutor},
    link::{AgentLaunch, FromAgent},
    status::{Reason, Source},
    task::ExecutorInfo,
};
use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

/// Why tasks are not started.
struct Refusal {
    state: TaskState,
    reason: Reason,
    message: String,
}

impl Agent {
    pub(crate) fn on_launch(&mut self, launch: AgentLaunch) {
        let AgentLaunch { framework, user, role, launch } = launch;
        let executor = launch.executor.unwrap_or_else(built_in);
        let total = launch.tasks.len();
        let new = self.unheard_of(&framework, &executor.id, &role, launch.tasks);
        let verdict = self.admit_executor(&framework, &executor);
        let accepted = match verdict {
            Err(refusal) => self.refuse(&framework, &executor.id, &role, new, &refusal),
            Ok(()) if launch.group && new.len() < total => {
                let refusal = Refusal {
                    state: TaskState::Dropped,
                    reason: Reason::TaskGroupInvalid,
                    message: "another task of the group has an id that was used before".to_owned(),
                };
                self.refuse(&framework, &executor.id, &role, new, &refusal)
            }
            Ok(()) => self.fit(&framework, &executor, &role, new, launch.group),
        };
        if accepted.is_empty() {
            self.refuse_executor(&framework, &executor.id);
            self.frameworks.trim(&framework);
            return;
        }
        let id = executor.id.clone();
        self.ensure_executor(&framework, executor, &role, user.as_ref());
        let record = LaunchRecord { framework, executor: id, tasks: accepted, group: launch.group, role, user };
        self.record_launch(record);
    }

    /// The tasks whose ids were never used here. A launch that comes twice is passed over; an id that was used by a
    /// task that is over and forgotten is refused.
    fn unheard_of(
        &mut self,
        framework: &FrameworkId,
        executor: &ExecutorId,
        role: &Role,
        tasks: Vec<Arc<TaskInfo>>,
    ) -> Vec<Arc<TaskInfo>> {
        let mut new: BTreeMap<TaskId, usize> = BTreeMap::new();
        let mut kept: Vec<Arc<TaskInfo>> = Vec::new();
        let mut used = Vec::new();
        for task in tasks {
            let key = TaskKey { framework: framework.clone(), task: task.id.clone() };
            if self.frameworks.task(&key).is_some_and(|held| !(held.is_over() && self.breaks(Switch::StartTwice))) {
                continue;
            }
            if self.forgotten.contains(&key) && !self.breaks(Switch::StartTwice) {
                used.push(task);
                continue;
            }
            if new.insert(task.id.clone(), kept.len()).is_none() {
                kept.push(task);
            }
        }
        let refusal = Refusal {
            state: TaskState::Dropped,
            reason: Reason::TaskInvalid,
            message: "a task of this id ran here before; ids of tasks must not be used again".to_owned(),
        };
        self.refuse(framework, executor, role, used, &refusal);
        kept
    }

    fn admit_executor(&self, framework: &FrameworkId, executor: &ExecutorInfo) -> Result<(), Refusal> {
        let dropped =
            |reason, message: &str| Err(Refusal { state: TaskState::Dropped, reason, message: message.to_owned() });
        if self.ending {
            return dropped(Reason::AgentDisconnected, "the agent is stopping");
        }
        let Some(known) = self.frameworks.all.get(framework) else { return Ok(()) };
        if known.standing != Standing::Active {
            return dropped(Reason::FrameworkRemoved, "the framework is being shut down on this agent");
        }
        match known.executors.get(&executor.id) {
            Some(present) if present.info != *executor => Err(Refusal {
                state: TaskState::Error,
                reason: Reason::TaskInvalid,
                message: format!("executor {} runs here with another description", executor.id),
            }),
            Some(present) if !present.is_built_in() && matches!(present.phase, Phase::Ending(_) | Phase::Dying) => {
                dropped(Reason::ExecutorTerminated, "the executor is ending")
            }
            _ => Ok(()),
        }
    }

    /// The tasks for which there is room; the others are dropped. A group fits as a whole or not at all.
    fn fit(
        &mut self,
        framework: &FrameworkId,
        executor: &ExecutorInfo,
        role: &Role,
        tasks: Vec<Arc<TaskInfo>>,
        group: bool,
    ) -> Vec<Arc<TaskInfo>> {
        if self.breaks(Switch::SkipResourceCheck) {
            return tasks;
        }
        let mut free = self.info.resources.minus(&self.frameworks.used);
        let present = self.frameworks.executor(framework, &executor.id).is_some();
        let mut own = if present { Resources::default() } else { executor.resources.clone() };
        let mut accepted = Vec::with_capacity(tasks.len());
        let parts: Vec<Vec<Arc<TaskInfo>>> =
            if group { vec![tasks] } else { tasks.into_iter().map(|task| vec![task]).collect() };
        for part in parts {
            let mut needed = own.clone();
            for task in &part {
                needed.add(&task.resources);
            }
            match free.subtract(&needed) {
                Ok(()) => {
                    own = Resources::default();
                    accepted.extend(part);
                }
                Err(insufficient) => {
                    let refusal = Refusal {
                        state: TaskState::Dropped,
                        reason: Reason::ResourcesUnknown,
                        message: format!(
                            "too little is free on the agent: {insufficient} (needed in all {needed}; the agent has {}, in use are {})",
                            self.info.resources, self.frameworks.used
                        ),
                    };
                    self.refuse(framework, &executor.id, role, part, &refusal);
                }
            }
        }
        accepted
    }

    /// Reports the tasks as not started. Nothing is left for the caller to start.
    fn refuse(
        &mut self,
        framework: &FrameworkId,
        executor: &ExecutorId,
        role: &Role,
        tasks: Vec<Arc<TaskInfo>>,
        refusal: &Refusal,
    ) -> Vec<Arc<TaskInfo>> {
        for task in tasks {
            let key = TaskKey { framework: framework.clone(), task: task.id.clone() };
            self.report_unheld(&key, executor, role, refusal.state, refusal.reason, &refusal.message);
        }
        Vec::new()
    }

    /// Says of a custom executor none of whose tasks was taken that it is not here: the master counts it as there since
    /// it sent the launch.
    fn refuse_executor(&mut self, framework: &FrameworkId, executor: &ExecutorId) {
        if !executor.is_built_in() && self.frameworks.executor(framework, executor).is_none() {
            let message = "none of its tasks was taken".to_owned();
            let (framework, executor) = (framework.clone(), executor.clone());
            self.tell_master(None, FromAgent::ExecutorExited { framework, executor, message });
        }
    }

    /// Reports on a task that is not held: the report itself is held until it is acknowledged.
    pub(crate) fn report_unheld(
        &mut self,
        key: &TaskKey,
        executor: &ExecutorId,
        role: &Role,
        state: TaskState,
        reason: Reason,
        message: &str,
    ) {
        let staging = TaskStatus::new(key.task.clone(), TaskState::Staging, Source::Agent, self.now.wall);
        self.frameworks.insert_task(key, Task::new(executor.clone(), role.clone(), staging));
        self.make_update(key, state, reason, message);
    }

    fn record_launch(&mut self, record: LaunchRecord) {
        let LaunchRecord { framework, executor, tasks, group, role, user } = record.clone();
        let written = self.append(Fact::TaskLaunched(Box::new(record)));
        let group = group.then(|| self.frameworks.new_group());
        let mut keys = Vec::with_capacity(tasks.len());
        for info in tasks {
            let key = TaskKey { framework: framework.clone(), task: info.id.clone() };
            let staging = TaskStatus::new(info.id.clone(), TaskState::Staging, Source::Agent, self.now.wall);
            let mut task = Task::new(executor.clone(), role.clone(), staging);
            (task.info, task.group, task.user, task.written) = (Some(info), group, user.clone(), written);
            self.frameworks.insert_task(&key, task);
            keys.push(key);
        }
        if let Some(connection) = self.frameworks.executor(&framework, &executor).and_then(Executor::connection) {
            self.stop_idling(&framework, &executor);
            self.deliver(connection, keys);
        }
    }

    /// Hands tasks to their executor, groups as groups.
    pub(crate) fn deliver(&mut self, connection: ConnectionId, keys: Vec<TaskKey>) {
        let mut parts: BTreeMap<Option<crate::tasks::GroupId>, (Option<crate::LogIndex>, Vec<TaskLaunch>)> =
            BTreeMap::new();
        let adopting = !self.breaks(Switch::RestartInsteadOfAdopt);
        for key in keys {
            let Some(task) = self.frameworks.change_task(&key) else { continue };
            let Some(info) = task.info.clone() else { continue };
            let adopt = task.delivery == Delivery::Orphaned && adopting;
            if task.delivery == Delivery::Queued {
                task.delivery = Delivery::Given;
            }
            let part = parts.entry(task.group).or_default();
            part.0 = part.0.max(task.written);
            part.1.push(TaskLaunch { task: info, sandbox: PathBuf::new(), user: task.user.clone(), adopt });
        }
        for (group, (written, mut tasks)) in parts {
            if group.is_some() {
                // A group is one message: it was one when it came.
                self.tell_executor(written, connection, ToExecutor::Launch { tasks, group: true });
                continue;
            }
            while !tasks.is_empty() {
                let parcel = parcel::take(&mut tasks, parcel::launch_weight);
                self.tell_executor(written, connection, ToExecutor::Launch { tasks: parcel, group: false });
            }
        }
    }
}
