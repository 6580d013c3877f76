//! From a launch to a running task.

use crate::{
    Adoption, Effect, Executor,
    health::Health,
    reporting::{running, status},
    task::{Phase, Task, Why},
};
use proto_types::{
    Labels, Resources, TaskId, TaskInfo, TaskState,
    executing::{TaskLaunch, ToExecutor},
    status::{ContainerStatus, Reason},
    task::Command,
};
use std::{path::PathBuf, sync::Arc, time::Duration};

impl Executor {
    pub(crate) fn on_agent(&mut self, message: ToExecutor) {
        match message {
            ToExecutor::Subscribed { agent, kill_grace, .. } => {
                (self.agent, self.kill_grace) = (Some(agent), kill_grace);
                (self.welcome, self.unknown) = (true, false);
            }
            ToExecutor::Launch { tasks, group } => self.on_launch(tasks, group),
            ToExecutor::Kill { tasks, grace } => {
                for task in tasks {
                    self.kill_task(&task, Why::Asked, grace);
                }
            }
            ToExecutor::Acknowledged(numbers) => self.on_acknowledged(numbers),
            // The built-in executor has nobody to talk to.
            ToExecutor::Message(_) => {}
            ToExecutor::Shutdown { grace } => {
                self.unknown = !self.welcome;
                self.on_shutdown(grace);
            }
        }
    }

    fn on_launch(&mut self, tasks: Vec<TaskLaunch>, group: bool) {
        self.shutting_down = false;
        self.groups += 1;
        let group = group.then_some(self.groups);
        for launch in tasks {
            let id = launch.task.id.clone();
            if self.tasks.contains_key(&id) || self.ended.contains(&id) {
                continue;
            }
            let launch = Arc::new(launch);
            let phase = if launch.adopt {
                self.effects.push(Effect::Adopt(Arc::clone(&launch)));
                Phase::Adopting
            } else if launch.task.command.uris.is_empty() {
                self.effects.push(Effect::Start(Arc::clone(&launch)));
                Phase::Starting
            } else {
                self.effects.push(Effect::Prepare(Arc::clone(&launch)));
                Phase::Preparing
            };
            // Only what takes time is worth a word before it runs.
            let words = match &phase {
                Phase::Preparing => Some("fetching files"),
                Phase::Starting if launch.task.container.is_some() => Some("starting the container"),
                _ => None,
            };
            self.tasks.insert(id.clone(), Task::new(launch, group, phase));
            if let Some(words) = words {
                self.on_progress(&id, words.to_owned());
            }
        }
    }

    /// The agent learns that the task cannot be; whatever of an earlier start still runs must not.
    pub(crate) fn on_unreadable(&mut self, id: TaskId, message: String) {
        if self.tasks.contains_key(&id) || self.ended.contains(&id) {
            return;
        }
        let task = Task::new(Arc::new(nothing_known(id.clone())), None, Phase::Adopting);
        let status = status(&task, TaskState::Error, self.now.wall).because(Reason::TaskInvalid, message);
        self.tasks.insert(id.clone(), task);
        self.effects.push(Effect::Signal { task: id.clone(), hard: true });
        self.end(&id, status);
    }

    pub(crate) fn on_progress(&mut self, id: &TaskId, message: String) {
        let Some(task) = self.tasks.get_mut(id) else { return };
        if !matches!(task.phase, Phase::Preparing | Phase::Starting) || task.kill.is_some() || task.progress == message
        {
            return;
        }
        task.progress.clone_from(&message);
        let mut status = status(task, TaskState::Starting, self.now.wall);
        status.message = message;
        self.report(id, status);
    }

    pub(crate) fn on_prepared(&mut self, id: &TaskId, result: Result<(), String>) {
        let Some(task) = self.tasks.get_mut(id).filter(|task| matches!(task.phase, Phase::Preparing)) else { return };
        match result {
            Ok(()) => {
                task.phase = Phase::Starting;
                self.effects.push(Effect::Start(Arc::clone(&task.launch)));
            }
            Err(message) => self.fail(id, Reason::FetchFailed, message),
        }
    }

    pub(crate) fn on_started(&mut self, id: &TaskId, container: ContainerStatus) {
        let Some(task) = self.tasks.get_mut(id).filter(|task| matches!(task.phase, Phase::Starting | Phase::Adopting))
        else {
            return;
        };
        let now = self.now.monotonic;
        let health = task.launch.task.health_check.as_ref().map(|check| Health::new(check, now));
        task.phase = Phase::Running { container, health };
        task.deadline = task.launch.task.max_completion_time.map(|time| now + time);
        let status = running(task, self.now.wall);
        let killed = task.kill.clone();
        self.report(id, status);
        match killed {
            // The kill came while it was being started.
            Some(kill) => self.effects.push(Effect::Signal { task: id.clone(), hard: kill.hard_at.is_none() }),
            None => self.probe_if_due(id),
        }
    }

    pub(crate) fn on_start_failed(&mut self, id: &TaskId, message: String) {
        let Some(task) = self.tasks.get(id).filter(|task| matches!(task.phase, Phase::Starting)) else { return };
        if task.kill.is_some() {
            self.end_killed(id, None);
        } else {
            self.fail(id, Reason::ContainerLaunchFailed, message);
        }
    }

    pub(crate) fn on_adopted(&mut self, id: &TaskId, adoption: Adoption) {
        if !self.tasks.get(id).is_some_and(|task| matches!(task.phase, Phase::Adopting)) {
            return;
        }
        match adoption {
            Adoption::Running(container) => self.on_started(id, container),
            Adoption::Exited(exit) => self.on_exited(id, exit),
            Adoption::Lost(message) => self.fail(id, Reason::ExecutorTerminated, message),
        }
    }

    pub(crate) fn on_shutdown(&mut self, grace: Option<Duration>) {
        self.shutting_down = true;
        let running: Vec<TaskId> = self.tasks.keys().cloned().collect();
        for id in running {
            self.kill_task(&id, Why::Asked, grace);
        }
    }
}

/// The launch of a task of which only the id could be read.
fn nothing_known(id: TaskId) -> TaskLaunch {
    let task = TaskInfo {
        name: id.to_string(),
        id,
        resources: Resources::default(),
        command: Command::default(),
        container: None,
        health_check: None,
        kill_grace: None,
        max_completion_time: None,
        labels: Labels::default(),
        data: Vec::new(),
        discovery: None,
    };
    TaskLaunch { task: Arc::new(task), sandbox: PathBuf::new(), user: None, adopt: false }
}
