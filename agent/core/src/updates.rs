//! The way of an update: numbered, journalled, then sent and acknowledged; sent again until the framework has it.

use crate::{
    Agent, Body, ConnectionId, LogIndex,
    fact::{Fact, UpdateRecord},
    frameworks::Standing,
    parcel,
    sabotage::Switch,
    tasks::may_report,
    timers::Timer,
};
use proto_types::{
    ExecutorId, FrameworkId, Role, TaskId, TaskKey, TaskState, TaskStatus,
    executing::{NumberedStatus, ToExecutor},
    link::FromAgent,
    status::{MASTER_SEQUENCES, Reason, Source},
    time::Wall,
};
use std::collections::BTreeMap;

impl Agent {
    /// Takes an executor's updates. Each is acknowledged once it is journalled; so are those that mean nothing, that
    /// the executor may forget them.
    pub(crate) fn on_updates(
        &mut self,
        connection: ConnectionId,
        framework: &FrameworkId,
        executor: &ExecutorId,
        updates: Vec<NumberedStatus>,
    ) {
        let mut written = None;
        let mut safe: BTreeMap<TaskId, u64> = BTreeMap::new();
        let mut news = Vec::new();
        let mut over = Vec::new();
        for NumberedStatus { number, status } in updates {
            let key = TaskKey { framework: framework.clone(), task: status.task.clone() };
            let up_to = safe.entry(status.task.clone()).or_default();
            *up_to = (*up_to).max(number);
            if let Some(status) = self.take_update(&key, executor, number, status) {
                news.push((framework.clone(), status));
            }
            written = written.max(self.frameworks.task(&key).and_then(|task| task.written));
            over.extend(self.frameworks.task(&key).filter(|task| task.is_over()).map(|_| key));
        }
        self.send_updates(written, news);
        if !safe.is_empty() {
            self.tell_executor(written, connection, ToExecutor::Acknowledged(safe.into_iter().collect()));
        }
        for key in over {
            self.settle(&key);
        }
    }

    /// Journals an executor's update, if it is one that counts.
    fn take_update(
        &mut self,
        key: &TaskKey,
        executor: &ExecutorId,
        number: u64,
        mut status: TaskStatus,
    ) -> Option<TaskStatus> {
        let twice = self.breaks(Switch::TakeUpdatesTwice);
        let task = self.frameworks.task(key)?;
        let repeated = number <= task.number && !twice;
        let meant =
            task.executor == *executor && may_report(status.state) && task.latest.state.may_become(status.state);
        if repeated || !meant {
            return None;
        }
        status.source = Source::Executor;
        if status.timestamp == Wall(0) {
            status.timestamp = self.now.wall;
        }
        Some(self.record_update(key, number, status))
    }

    /// Makes an update of the agent's own, and sends it.
    pub(crate) fn make_update(&mut self, key: &TaskKey, state: TaskState, reason: Reason, message: &str) {
        let status = TaskStatus::new(key.task.clone(), state, Source::Agent, self.now.wall).because(reason, message);
        let status = self.record_update(key, 0, status);
        let written = self.frameworks.task(key).and_then(|task| task.written);
        self.send_updates(written, vec![(key.framework.clone(), status)]);
        self.settle(key);
    }

    fn record_update(&mut self, key: &TaskKey, number: u64, mut status: TaskStatus) -> TaskStatus {
        let id = self.id.clone();
        let Some(task) = self.frameworks.task(key) else { return status };
        status.sequence = task.sequence + 1;
        status.agent = id;
        status.executor = Some(task.executor.clone());
        let record =
            UpdateRecord { framework: key.framework.clone(), status: status.clone(), number, role: task.role.clone() };
        let written = self.append(Fact::UpdateMade(Box::new(record)));
        self.apply_update(key, number, status.clone(), written);
        self.arm_retry(key, false);
        if status.state.is_terminal() {
            self.out.push(written, Body::RetireSandbox(key.clone()));
        }
        status
    }

    /// Brings the tables in line with an update; also when the journal is read.
    pub(crate) fn apply_update(&mut self, key: &TaskKey, number: u64, status: TaskStatus, written: Option<LogIndex>) {
        let terminal = status.state.is_terminal();
        let Some(task) = self.frameworks.change_task(key) else { return };
        let freed = task.info.as_ref().filter(|_| terminal && !task.latest.state.is_terminal()).cloned();
        let executor = task.executor.clone();
        task.number = task.number.max(number);
        task.written = written.or(task.written);
        task.push(status);
        if !terminal {
            return;
        }
        self.timers.cancel(task.kill_limit.take());
        if let Some(info) = freed {
            self.frameworks.used = self.frameworks.used.minus(&info.resources);
        }
        if let Some(executor) = self.frameworks.change_executor(&key.framework, &executor) {
            executor.tasks.remove(&key.task);
        }
    }

    /// What follows from a task's being over: an executor without tasks, an update that nobody waits for.
    fn settle(&mut self, key: &TaskKey) {
        let Some(framework) = self.frameworks.all.get(&key.framework) else { return };
        let Some(task) = framework.tasks.get(&key.task).filter(|task| task.is_over()) else { return };
        let (executor, sequence) = (task.executor.clone(), task.sequence);
        if task.abandoned {
            self.acknowledge(key, sequence);
        }
        self.on_task_over(&key.framework, &executor);
    }

    fn send_updates(&mut self, written: Option<LogIndex>, mut news: Vec<(FrameworkId, TaskStatus)>) {
        let wanted = |framework: &FrameworkId, task: &TaskId| {
            self.frameworks.all.get(framework).is_some_and(|known| {
                known.standing != Standing::Abandoned || known.tasks.get(task).is_some_and(|task| !task.abandoned)
            })
        };
        news.retain(|(framework, status)| wanted(framework, &status.task));
        while !news.is_empty() {
            let parcel = parcel::take(&mut news, parcel::update_weight);
            self.tell_master(written, FromAgent::Updates(parcel));
        }
    }

    pub(crate) fn on_acknowledge(&mut self, acknowledgements: Vec<(TaskKey, u64)>) {
        for (key, sequence) in acknowledgements {
            if sequence < MASTER_SEQUENCES {
                self.acknowledge(&key, sequence);
            }
        }
    }

    fn acknowledge(&mut self, key: &TaskKey, sequence: u64) {
        let Some(task) = self.frameworks.task(key) else { return };
        if task.tail.front().is_none_or(|first| first.sequence > sequence) {
            return;
        }
        let sequence = sequence.min(task.sequence);
        self.append(Fact::UpdateAcknowledged { key: key.clone(), sequence });
        self.apply_acknowledgement(key, sequence);
        if self.frameworks.task(key).is_some_and(|task| !task.tail.is_empty()) {
            self.arm_retry(key, true);
        }
        self.frameworks.trim(&key.framework);
    }

    /// Brings the tables in line with an acknowledgement; also when the journal is read.
    pub(crate) fn apply_acknowledgement(&mut self, key: &TaskKey, sequence: u64) {
        let Some(task) = self.frameworks.change_task(key) else { return };
        task.acknowledge(sequence);
        if !task.tail.is_empty() {
            return;
        }
        let (timer, over) = (task.retry.take(), task.is_over());
        self.timers.cancel(timer);
        if over {
            if let Some(framework) = self.frameworks.all.get_mut(&key.framework) {
                framework.tasks.remove(&key.task);
            }
            self.forgotten.insert(key.clone(), self.config.finished_max);
        }
    }

    /// Sets the time at which a task's updates are sent again: if `anew`, as if they had just been sent first.
    pub(crate) fn arm_retry(&mut self, key: &TaskKey, anew: bool) {
        let (first, now) = (self.config.retry_min, self.now.monotonic);
        let Some(task) = self.frameworks.change_task(key) else { return };
        if task.retry.is_some() && !anew {
            return;
        }
        let old = task.retry.take();
        task.retry_after = first;
        task.retry = Some(self.timers.set(now + first, Timer::Retry(key.clone())));
        self.timers.cancel(old);
    }

    pub(crate) fn on_retry(&mut self, key: &TaskKey) {
        if self.breaks(Switch::NeverRetry) {
            return;
        }
        let (longest, now) = (self.config.retry_max, self.now.monotonic);
        let Some(task) = self.frameworks.change_task(key) else { return };
        task.retry_after = (task.retry_after * 2).min(longest);
        task.retry = Some(self.timers.set(now + task.retry_after, Timer::Retry(key.clone())));
        if self.link.is_some() {
            self.send_tail(key);
        }
    }

    fn send_tail(&mut self, key: &TaskKey) {
        let Some(task) = self.frameworks.task(key) else { return };
        let tail = task.tail.iter().map(|status| (key.framework.clone(), status.clone())).collect();
        let written = task.written;
        self.send_updates(written, tail);
    }

    /// Says of a task that the master believes to be here that it is not. If it was, its end is acknowledged already.
    pub(crate) fn report_missing(&mut self, key: &TaskKey) {
        if self.forgotten.contains(key) {
            return;
        }
        let message = "the task never reached the agent";
        let executor = ExecutorId::built_in();
        self.report_unheld(key, &executor, &Role::any(), TaskState::Dropped, Reason::Reconciliation, message);
    }
}
