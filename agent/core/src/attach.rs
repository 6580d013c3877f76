//! Executors connect, come back, and speak.

use crate::{
    Agent, Body, ConnectionId, Dismissal, executors::Phase, frameworks::Standing, tasks::Delivery, timers::Timer,
};
use proto_types::{
    AgentId, ExecutorId, FrameworkId, TaskId, TaskKey,
    executing::{FromExecutor, Subscription, ToExecutor},
    link::{ExecutorMessage, FromAgent},
};
use std::collections::BTreeSet;

impl Agent {
    pub(crate) fn on_executor(&mut self, connection: ConnectionId, message: FromExecutor) {
        let bound = self.connections.get(&connection).cloned();
        match (bound, message) {
            (None, FromExecutor::Subscribe(subscription)) => self.on_subscribe(connection, subscription),
            (Some(_), FromExecutor::Subscribe(_)) => {
                self.dismiss(connection, Dismissal::Confused("it subscribed twice"));
                self.on_executor_closed(connection);
            }
            (None, _) => self.dismiss(connection, Dismissal::Confused("it spoke before it subscribed")),
            (Some((framework, executor)), FromExecutor::Updates(updates)) => {
                self.on_updates(connection, &framework, &executor, updates);
            }
            (Some((framework, executor)), FromExecutor::Message(data)) => {
                self.tell_master(None, FromAgent::Message(ExecutorMessage { framework, executor, data }));
            }
        }
    }

    pub(crate) fn on_executor_closed(&mut self, connection: ConnectionId) {
        let Some((framework, id)) = self.connections.remove(&connection) else { return };
        let due = self.now.monotonic + self.config.reconnect_timeout;
        let Some(executor) = self.frameworks.change_executor(&framework, &id) else { return };
        if let Some(message) = executor.exited.take() {
            executor.phase = Phase::Away;
            self.conclude(&framework, &id, &message);
            return;
        }
        match executor.phase {
            Phase::Connected(present) if present == connection => {
                executor.phase = Phase::Away;
                let timer = self.timers.set(due, Timer::Executor(framework, id));
                self.timers.cancel(executor.timer.replace(timer));
            }
            Phase::Ending(Some(present)) if present == connection => executor.phase = Phase::Ending(None),
            _ => {}
        }
    }

    fn on_subscribe(&mut self, connection: ConnectionId, subscription: Subscription) {
        let Subscription { framework, executor: id, token, tasks, unacknowledged, pid } = subscription;
        let Some(executor) = self.frameworks.executor(&framework, &id) else {
            self.tell_executor(None, connection, ToExecutor::Shutdown { grace: None });
            self.dismiss(connection, Dismissal::Unknown);
            return;
        };
        if executor.token != token || matches!(executor.phase, Phase::Dying | Phase::Resting) {
            self.dismiss(connection, Dismissal::Superseded);
            return;
        }
        if let Some(old) = executor.any_connection() {
            self.connections.remove(&old);
            self.dismiss(old, Dismissal::Replaced);
        }
        self.bind(connection, &framework, &id, pid);
        self.welcome(connection);
        if !unacknowledged.is_empty() {
            self.on_updates(connection, &framework, &id, unacknowledged);
        }
        self.compare(connection, &framework, &id, tasks);
        self.go_on(&framework, &id);
    }

    fn bind(&mut self, connection: ConnectionId, framework: &FrameworkId, id: &ExecutorId, pid: u32) {
        self.connections.insert(connection, (framework.clone(), id.clone()));
        let now = self.now.monotonic;
        let Some(executor) = self.frameworks.change_executor(framework, id) else { return };
        executor.pid = pid;
        executor.connected_at = Some(now);
        if let Phase::Ending(_) = executor.phase {
            executor.phase = Phase::Ending(Some(connection));
            return;
        }
        executor.phase = Phase::Connected(connection);
        self.timers.cancel(executor.timer.take());
    }

    fn welcome(&mut self, connection: ConnectionId) {
        // An agent whose id is dead still has executors to end; to them its name means nothing.
        let Some(agent) = self.id.clone().or_else(|| AgentId::new("none").ok()) else { return };
        let hostname = self.info.hostname.clone();
        let kill_grace = self.config.kill_grace;
        self.tell_executor(None, connection, ToExecutor::Subscribed { agent, hostname, kill_grace });
    }

    /// Compares what the executor has with what it should have: it gets what it does not know, and ends what it should
    /// not have.
    fn compare(&mut self, connection: ConnectionId, framework: &FrameworkId, id: &ExecutorId, has: Vec<TaskId>) {
        let has: BTreeSet<TaskId> = has.into_iter().collect();
        let Some(executor) = self.frameworks.executor(framework, id) else { return };
        let ending = matches!(executor.phase, Phase::Ending(_));
        let key = |task: &TaskId| TaskKey { framework: framework.clone(), task: task.clone() };
        let surplus: Vec<TaskId> = has.iter().filter(|task| !executor.tasks.contains(*task)).cloned().collect();
        let held: Vec<TaskKey> = executor.tasks.iter().map(key).collect();
        let missing: Vec<TaskKey> = executor.tasks.iter().filter(|task| !has.contains(*task)).map(key).collect();
        for key in &held {
            if has.contains(&key.task)
                && let Some(task) = self.frameworks.change_task(key)
                && task.delivery == Delivery::Queued
            {
                task.delivery = Delivery::Given;
            }
        }
        if !surplus.is_empty() {
            self.tell_executor(None, connection, ToExecutor::Kill { tasks: surplus, grace: None });
        }
        if ending {
            self.tell_executor(None, connection, ToExecutor::Shutdown { grace: None });
            return;
        }
        self.deliver(connection, missing);
        self.send_kills(connection, &held);
    }

    /// What an executor that is connected has to do next.
    fn go_on(&mut self, framework: &FrameworkId, id: &ExecutorId) {
        let standing = self.frameworks.all.get(framework).map_or(Standing::Active, |known| known.standing);
        if standing != Standing::Active || self.ending {
            self.end_executor(framework, id);
        }
        self.on_task_over(framework, id);
    }

    pub(crate) fn dismiss(&mut self, connection: ConnectionId, why: Dismissal) {
        self.out.push(None, Body::CloseExecutor(connection, why));
    }
}
