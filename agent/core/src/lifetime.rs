//! The lives of executors: started, awaited, left to idle, started again when they die.

use crate::{
    Agent, Body,
    executors::{Executor, Phase},
    fact::{ExecutorStart, Fact},
    frameworks::Standing,
    tasks::Delivery,
    timers::Timer,
};
use proto_types::{
    ExecutorId, FrameworkId, Role, TaskKey, TaskState, executing::ToExecutor, link::FromAgent, status::Reason,
    task::ExecutorInfo,
};
use std::time::Duration;

/// An executor that was connected for so long before it died did come to something: its next start is at once.
const STEADY: Duration = Duration::from_secs(60);

/// How long the connection of a dead executor may take to end. It does so at once unless much waits in it.
const LAST_WORDS: Duration = Duration::from_secs(2);

impl Agent {
    /// Starts the executor unless it is there.
    pub(crate) fn ensure_executor(
        &mut self,
        framework: &FrameworkId,
        info: ExecutorInfo,
        role: &Role,
        user: Option<&String>,
    ) {
        if self.frameworks.executor(framework, &info.id).is_some() {
            return;
        }
        let id = info.id.clone();
        // The built-in executor runs as the agent, and each of its tasks as whom it says.
        let user = user.filter(|_| !id.is_built_in()).cloned();
        let token = self.next_token();
        let start = ExecutorStart { framework: framework.clone(), info, token, role: role.clone(), user };
        self.frameworks.insert_executor(framework, Executor::new(start.clone(), Phase::Starting));
        self.start(framework, &id, start);
    }

    fn start(&mut self, framework: &FrameworkId, id: &ExecutorId, start: ExecutorStart) {
        let written = self.append(Fact::ExecutorStarting(Box::new(start.clone())));
        self.out.push(written, Body::StartExecutor(Box::new(start)));
        self.enter(framework, id, Phase::Starting, Some(self.config.registration_timeout));
    }

    /// Starts a built-in executor again; what its earlier start had, or may have had, it is to adopt.
    fn restart(&mut self, framework: &FrameworkId, id: &ExecutorId) {
        let token = self.next_token();
        let Some(executor) = self.frameworks.change_executor(framework, id) else { return };
        executor.token.clone_from(&token);
        let start = ExecutorStart {
            framework: framework.clone(),
            info: executor.info.clone(),
            token,
            role: executor.role.clone(),
            user: executor.user.clone(),
        };
        self.orphan_tasks(framework, id);
        self.start(framework, id, start);
    }

    /// Another start of the executor takes its tasks over: it numbers its updates anew.
    pub(crate) fn orphan_tasks(&mut self, framework: &FrameworkId, id: &ExecutorId) {
        for key in self.tasks_of(framework, id) {
            let Some(task) = self.frameworks.change_task(&key) else { continue };
            (task.number, task.outlived) = (0, true);
            if task.delivery == Delivery::Given {
                task.delivery = Delivery::Orphaned;
            }
        }
    }

    fn next_token(&mut self) -> String {
        self.starts += 1;
        format!("{}-{}", self.config.nonce, self.starts)
    }

    /// Changes an executor's phase, which has to end after `limit`.
    pub(crate) fn enter(&mut self, framework: &FrameworkId, id: &ExecutorId, phase: Phase, limit: Option<Duration>) {
        let now = self.now.monotonic;
        let Some(executor) = self.frameworks.change_executor(framework, id) else { return };
        executor.phase = phase;
        let timer = limit.map(|limit| self.timers.set(now + limit, Timer::Executor(framework.clone(), id.clone())));
        self.timers.cancel(std::mem::replace(&mut executor.timer, timer));
    }

    pub(crate) fn on_executor_timer(&mut self, framework: &FrameworkId, id: &ExecutorId) {
        let Some(executor) = self.frameworks.change_executor(framework, id) else { return };
        executor.timer = None;
        if let Some(message) = executor.exited.take() {
            self.conclude(framework, id, &message);
            return;
        }
        match executor.phase {
            Phase::Starting => {
                let message = format!("the executor did not subscribe within {:?}", self.config.registration_timeout);
                self.put_down(framework, id, Some((Reason::ExecutorRegistrationTimeout, message)));
            }
            Phase::Away => {
                let message = format!("the executor did not come back within {:?}", self.config.reconnect_timeout);
                self.put_down(framework, id, Some((Reason::ExecutorReregistrationTimeout, message)));
            }
            Phase::Resting => self.restart(framework, id),
            Phase::Connected(connection) => {
                if executor.tasks.is_empty() {
                    self.tell_executor(None, connection, ToExecutor::Shutdown { grace: None });
                    self.enter(framework, id, Phase::Ending(Some(connection)), Some(self.config.shutdown_grace));
                }
            }
            Phase::Ending(_) | Phase::Dying => self.put_down(framework, id, None),
        }
    }

    /// Has the process of an executor killed; what becomes of its tasks is decided when it is dead.
    pub(crate) fn put_down(&mut self, framework: &FrameworkId, id: &ExecutorId, fault: Option<(Reason, String)>) {
        let Some(executor) = self.frameworks.change_executor(framework, id) else { return };
        executor.fault = fault.or_else(|| executor.fault.take());
        let token = executor.token.clone();
        if let Some(connection) = executor.any_connection() {
            self.connections.remove(&connection);
            self.dismiss(connection, crate::Dismissal::Superseded);
        }
        let (framework_id, executor_id) = (framework.clone(), id.clone());
        self.out.push(None, Body::KillExecutor { framework: framework_id, executor: executor_id, token });
        self.enter(framework, id, Phase::Dying, Some(self.config.shutdown_grace));
    }

    pub(crate) fn on_executor_exited(&mut self, framework: &FrameworkId, id: &ExecutorId, token: &str, message: &str) {
        let Some(executor) = self.frameworks.change_executor(framework, id) else { return };
        if executor.token != token || executor.phase == Phase::Resting {
            return;
        }
        if executor.any_connection().is_some() {
            // What it said last may still be on its way; the end of its connection comes after that.
            executor.exited = Some(message.to_owned());
            let phase = executor.phase;
            self.enter(framework, id, phase, Some(LAST_WORDS));
            return;
        }
        self.conclude(framework, id, message);
    }

    /// The executor is dead, and all that it said was heard.
    pub(crate) fn conclude(&mut self, framework: &FrameworkId, id: &ExecutorId, message: &str) {
        let Some(executor) = self.frameworks.executor(framework, id) else { return };
        let steady = executor.connected_at.is_some_and(|since| self.now.monotonic.since(since) >= STEADY);
        let expected = matches!(executor.phase, Phase::Ending(_));
        if let Some(connection) = executor.any_connection() {
            self.connections.remove(&connection);
            self.dismiss(connection, crate::Dismissal::Replaced);
        }
        let Some(executor) = self.frameworks.change_executor(framework, id) else { return };
        executor.connected_at = None;
        executor.exited = None;
        executor.restarts = if steady || expected { 1 } else { executor.restarts + 1 };
        let fault = executor.fault.take();
        if !executor.is_built_in() {
            self.end_with_tasks(framework, id, fault, message);
            return;
        }
        if let Some((reason @ Reason::ExecutorRegistrationTimeout, why)) = &fault {
            self.fail_queued(framework, id, *reason, why);
        }
        self.revive(framework, id, message);
    }

    /// Starts a dead built-in executor again if it has tasks, and lets it go if not. After too many starts in a row that
    /// came to nothing, tasks that no start ever had are given up; of the others nobody can say that they ended, so it
    /// is tried on.
    fn revive(&mut self, framework: &FrameworkId, id: &ExecutorId, message: &str) {
        let Some(executor) = self.frameworks.executor(framework, id) else { return };
        let (restarts, rest) = (executor.restarts, executor.rest(self.config.restart_backoff));
        if restarts > self.config.restarts_max {
            let why = format!("the built-in executor ended {restarts} times in a row, at last: {message}");
            self.fail_queued(framework, id, Reason::ExecutorTerminated, &why);
        }
        if self.tasks_of(framework, id).is_empty() {
            self.remove_executor(framework, id);
        } else if rest.is_zero() {
            self.restart(framework, id);
        } else {
            self.enter(framework, id, Phase::Resting, Some(rest));
        }
    }

    /// Tasks that wait for an executor that does not come are not started any more.
    fn fail_queued(&mut self, framework: &FrameworkId, id: &ExecutorId, reason: Reason, why: &str) {
        for key in self.tasks_of(framework, id) {
            if self.frameworks.task(&key).is_some_and(|task| task.delivery == Delivery::Queued) {
                self.make_update(&key, TaskState::Failed, reason, why);
            }
        }
    }

    /// An executor is no more, and its tasks with it.
    pub(crate) fn end_with_tasks(
        &mut self,
        framework: &FrameworkId,
        id: &ExecutorId,
        fault: Option<(Reason, String)>,
        message: &str,
    ) {
        let standing = self.frameworks.all.get(framework).map_or(Standing::Active, |known| known.standing);
        let (state, reason, why) = match fault {
            _ if standing != Standing::Active => {
                (TaskState::Killed, Reason::FrameworkRemoved, "the framework was removed".to_owned())
            }
            _ if self.ending => (TaskState::Killed, Reason::AgentDisconnected, "the agent was stopped".to_owned()),
            Some((reason, why)) => (TaskState::Failed, reason, why),
            None => (TaskState::Failed, Reason::ExecutorTerminated, format!("the executor ended: {message}")),
        };
        for key in self.tasks_of(framework, id) {
            // Why the executor was destroyed: those that it should have ended are ended as they should.
            let overdue = reason == Reason::ExecutorTerminated && self.is_overdue(&key);
            self.make_update(&key, if overdue { TaskState::Killed } else { state }, reason, &why);
        }
        self.remove_executor(framework, id);
        if !id.is_built_in() && standing != Standing::Abandoned {
            let (framework, executor, message) = (framework.clone(), id.clone(), message.to_owned());
            self.tell_master(None, FromAgent::ExecutorExited { framework, executor, message });
        }
    }

    fn remove_executor(&mut self, framework: &FrameworkId, id: &ExecutorId) {
        let Some(executor) = self.frameworks.remove_executor(framework, id) else { return };
        self.timers.cancel(executor.timer);
        self.append(Fact::ExecutorEnded { framework: framework.clone(), executor: id.clone() });
        self.frameworks.trim(framework);
    }

    /// A task of the executor is over: if that was the last, it idles, or ends if its framework does.
    pub(crate) fn on_task_over(&mut self, framework: &FrameworkId, id: &ExecutorId) {
        let Some(known) = self.frameworks.all.get(framework) else { return };
        let standing = known.standing;
        let Some(executor) = known.executors.get(id) else { return };
        let Some(connection) = executor.connection() else { return };
        if !executor.is_built_in() || !executor.tasks.is_empty() || executor.timer.is_some() {
            return;
        }
        if standing == Standing::Active && !self.ending {
            self.enter(framework, id, Phase::Connected(connection), Some(self.config.idle_timeout));
        } else {
            self.tell_executor(None, connection, ToExecutor::Shutdown { grace: None });
            self.enter(framework, id, Phase::Ending(Some(connection)), Some(self.config.shutdown_grace));
        }
    }

    /// A connected executor has a task again.
    pub(crate) fn stop_idling(&mut self, framework: &FrameworkId, id: &ExecutorId) {
        let Some(executor) = self.frameworks.change_executor(framework, id) else { return };
        self.timers.cancel(executor.timer.take());
    }

    /// The tasks of an executor that are not over.
    pub(crate) fn tasks_of(&self, framework: &FrameworkId, id: &ExecutorId) -> Vec<TaskKey> {
        let tasks = self.frameworks.executor(framework, id).map(|executor| &executor.tasks).into_iter().flatten();
        tasks.map(|task| TaskKey { framework: framework.clone(), task: task.clone() }).collect()
    }
}
