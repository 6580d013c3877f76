//! Kills: of what waits at once, of what runs through its executor, as soon as that is there.

use crate::{
    Agent, ConnectionId,
    executors::{Executor, Phase},
    sabotage::Switch,
    tasks::{Delivery, Task},
    timers::Timer,
};
use proto_types::{
    FrameworkId, TaskId, TaskKey, TaskState, executing::ToExecutor, link::ExecutorMessage, status::Reason,
};
use std::{collections::BTreeMap, time::Duration};

impl Agent {
    pub(crate) fn on_kill(
        &mut self,
        framework: &FrameworkId,
        tasks: Vec<TaskId>,
        grace: Option<Duration>,
        max_grace: Option<Duration>,
    ) {
        let mut running: BTreeMap<(ConnectionId, Option<Duration>), Vec<TaskId>> = BTreeMap::new();
        for task in tasks {
            let key = TaskKey { framework: framework.clone(), task };
            let grace = max_grace.map_or(grace, |most| Some(self.grace(&key, grace).min(most)));
            let connection = self.kill(&key, grace, Reason::TaskKilledDuringLaunch);
            if let Some(most) = max_grace {
                self.limit_kill(&key, most);
            }
            if let Some(connection) = connection {
                running.entry((connection, grace)).or_default().push(key.task);
            }
        }
        for ((connection, grace), tasks) in running {
            self.tell_executor(None, connection, ToExecutor::Kill { tasks, grace });
        }
    }

    /// What a task gets from the polite to the hard kill: the grace given, else its own, else the agent's.
    fn grace(&self, key: &TaskKey, given: Option<Duration>) -> Duration {
        let own = || self.frameworks.task(key)?.info.as_ref()?.kill_grace;
        given.or_else(own).unwrap_or(self.config.kill_grace)
    }

    /// A custom executor that hangs must not hold a task for longer than whoever has it killed allows. The built-in one
    /// kills hard by itself. A limit that was set before is not put off.
    fn limit_kill(&mut self, key: &TaskKey, most: Duration) {
        let due = self.now.monotonic + most.saturating_add(self.config.shutdown_grace);
        let own = |task: &&Task| !task.is_over() && !task.executor.is_built_in();
        let Some(task) = self.frameworks.task(key).filter(own) else { return };
        let old = task.kill_limit;
        if old.is_some_and(|limit| limit.due() <= due) {
            return;
        }
        let limit = self.timers.set(due, Timer::KillLimit(key.clone()));
        self.timers.cancel(old);
        if let Some(task) = self.frameworks.change_task(key) {
            task.kill_limit = Some(limit);
        }
    }

    /// The executor did not do what it was told: it is destroyed with all that it started.
    pub(crate) fn on_kill_limit(&mut self, key: &TaskKey) {
        let Some(task) = self.frameworks.task(key).filter(|task| !task.is_over()) else { return };
        let id = task.executor.clone();
        let Some(executor) = self.frameworks.executor(&key.framework, &id) else { return };
        if executor.phase == Phase::Dying || executor.exited.is_some() {
            return;
        }
        let message =
            format!("the executor was killed: it did not end task {} in the time that it was given", key.task);
        self.put_down(&key.framework, &id, Some((Reason::ExecutorTerminated, message)));
    }

    /// Whether the task should have been ended by now.
    pub(crate) fn is_overdue(&self, key: &TaskKey) -> bool {
        let limit = self.frameworks.task(key).and_then(|task| task.kill_limit);
        limit.is_some_and(|limit| limit.due() <= self.now.monotonic)
    }

    /// Notes the kill. Says on which connection the task's executor is to hear of it now.
    pub(crate) fn kill(&mut self, key: &TaskKey, grace: Option<Duration>, reason: Reason) -> Option<ConnectionId> {
        let Some(task) = self.frameworks.task(key) else {
            self.report_missing(key);
            return None;
        };
        if task.is_over() {
            return None;
        }
        if task.delivery == Delivery::Queued {
            self.kill_queued(key, reason);
            return None;
        }
        let executor = self.frameworks.executor(&key.framework, &task.executor);
        let connection = executor.and_then(Executor::any_connection);
        if connection.is_none() && self.breaks(Switch::ForgetKill) {
            return None;
        }
        self.frameworks.change_task(key)?.kill = Some(grace);
        connection
    }

    /// Ends a task that its executor has never seen, and with it those of its group.
    fn kill_queued(&mut self, key: &TaskKey, reason: Reason) {
        let group = self.frameworks.task(key).and_then(|task| task.group);
        let mut keys = vec![key.clone()];
        if group.is_some() {
            keys = self.frameworks.select(|task| task.group == group && !task.is_over());
        }
        for key in keys {
            self.make_update(&key, TaskState::Killed, reason, "killed before it was started");
        }
    }

    /// Tells an executor that has just connected of the kills that it could not hear.
    pub(crate) fn send_kills(&mut self, connection: ConnectionId, keys: &[TaskKey]) {
        let mut kills: BTreeMap<Option<Duration>, Vec<TaskId>> = BTreeMap::new();
        for key in keys {
            if let Some(grace) = self.frameworks.task(key).and_then(|task| task.kill) {
                kills.entry(grace).or_default().push(key.task.clone());
            }
        }
        for (grace, tasks) in kills {
            self.tell_executor(None, connection, ToExecutor::Kill { tasks, grace });
        }
    }

    pub(crate) fn on_message_for_executor(&mut self, message: ExecutorMessage) {
        let executor = self.frameworks.executor(&message.framework, &message.executor);
        if let Some(connection) = executor.and_then(Executor::connection) {
            self.tell_executor(None, connection, ToExecutor::Message(message.data));
        }
    }
}
