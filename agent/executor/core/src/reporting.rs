//! Updates: numbered, kept until the agent has them on disk, and sent again at every connection.

use crate::{
    Effect, Executor,
    task::{Phase, Task},
};
use proto_types::{
    TaskId, TaskState, TaskStatus,
    executing::{FromExecutor, NumberedStatus, Subscription},
    status::Source,
    time::Wall,
};

impl Executor {
    pub(crate) fn report(&mut self, id: &TaskId, status: TaskStatus) {
        let Some(task) = self.tasks.get_mut(id) else { return };
        task.number += 1;
        let numbered = NumberedStatus { number: task.number, status };
        task.updates.push_back(numbered.clone());
        self.fresh.push(numbered);
    }

    /// Sends the updates that these inputs made. Without a connection they go out with the next subscription.
    pub(crate) fn send_fresh(&mut self) {
        let fresh = std::mem::take(&mut self.fresh);
        if self.connected && !fresh.is_empty() {
            self.effects.push(Effect::ToAgent(FromExecutor::Updates(fresh)));
        }
    }

    pub(crate) fn on_connected(&mut self) {
        (self.connected, self.welcome) = (true, false);
        self.fresh.clear();
        let running = self.tasks.iter().filter(|(_, task)| !task.is_over());
        let subscription = Subscription {
            framework: self.identity.framework.clone(),
            executor: self.identity.executor.clone(),
            token: self.identity.token.clone(),
            tasks: running.map(|(id, _)| id.clone()).collect(),
            unacknowledged: self.tasks.values().flat_map(|task| task.updates.iter().cloned()).collect(),
            pid: self.identity.pid,
        };
        self.effects.push(Effect::ToAgent(FromExecutor::Subscribe(subscription)));
    }

    pub(crate) fn on_acknowledged(&mut self, numbers: Vec<(TaskId, u64)>) {
        for (id, number) in numbers {
            let Some(task) = self.tasks.get_mut(&id) else { continue };
            while task.updates.front().is_some_and(|update| update.number <= number) {
                task.updates.pop_front();
            }
            if task.is_over() && task.updates.is_empty() {
                self.tasks.remove(&id);
                self.effects.push(Effect::Release(id));
            }
        }
    }
}

/// A report on the task in this state.
pub(crate) fn status(task: &Task, state: TaskState, now: Wall) -> TaskStatus {
    let mut status = TaskStatus::new(task.launch.task.id.clone(), state, Source::Executor, now);
    if let Phase::Running { container, health } = &task.phase {
        status.container = Some(container.clone());
        status.healthy = health.as_ref().and_then(crate::health::Health::healthy);
    }
    status
}

/// A report that the task runs.
pub(crate) fn running(task: &Task, now: Wall) -> TaskStatus {
    status(task, TaskState::Running, now)
}
