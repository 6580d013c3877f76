//! Health: when the next probe is due, and what its answer means.

use crate::{
    Effect, Executor,
    reporting::running,
    task::{Phase, Why},
};
use proto_types::{TaskId, health::HealthCheck, status::Reason, time::Monotonic};
use std::sync::Arc;

#[derive(Debug)]
pub(crate) struct Health {
    started: Monotonic,
    next: Monotonic,
    asking: bool,
    failures: u32,
    /// What was last told; none: nothing yet.
    healthy: Option<bool>,
}

/// What an answer changes.
#[derive(Debug, PartialEq, Eq)]
struct Change {
    /// The new state, if it is news.
    news: Option<bool>,
    /// Whether it failed too often.
    fatal: bool,
}

impl Health {
    pub(crate) fn new(check: &HealthCheck, now: Monotonic) -> Self {
        Self { started: now, next: now + check.delay, asking: false, failures: 0, healthy: None }
    }

    pub(crate) fn next_probe(&self) -> Option<Monotonic> {
        (!self.asking).then_some(self.next)
    }

    pub(crate) fn healthy(&self) -> Option<bool> {
        self.healthy
    }

    fn on_answer(&mut self, check: &HealthCheck, healthy: bool, now: Monotonic) -> Change {
        self.asking = false;
        // A start takes its time: failures do not count meanwhile, unless it was healthy before.
        let grace = self.healthy != Some(true) && now < self.started + check.grace_period;
        if !healthy && grace {
            return Change { news: None, fatal: false };
        }
        self.failures = if healthy { 0 } else { self.failures + 1 };
        let news = (self.healthy != Some(healthy)).then_some(healthy);
        self.healthy = Some(healthy);
        Change { news, fatal: check.consecutive_failures > 0 && self.failures >= check.consecutive_failures }
    }
}

impl Executor {
    /// Starts a probe if one is due.
    pub(crate) fn probe_if_due(&mut self, id: &TaskId) {
        let now = self.now.monotonic;
        let Some(task) = self.tasks.get_mut(id).filter(|task| task.kill.is_none()) else { return };
        let Some(check) = &task.launch.task.health_check else { return };
        let Phase::Running { container, health: Some(health) } = &mut task.phase else { return };
        if health.next_probe().is_none_or(|due| due > now) {
            return;
        }
        health.asking = true;
        health.next = now + check.interval;
        self.effects.push(Effect::Probe(Arc::clone(&task.launch), container.clone()));
    }

    pub(crate) fn on_probed(&mut self, id: &TaskId, result: Result<(), String>) {
        let now = self.now.monotonic;
        let Some(task) = self.tasks.get_mut(id) else { return };
        let Some(check) = task.launch.task.health_check.clone() else { return };
        let Phase::Running { health: Some(health), .. } = &mut task.phase else { return };
        let change = health.on_answer(&check, result.is_ok(), now);
        if task.kill.is_some() {
            return;
        }
        if let Some(healthy) = change.news {
            let message = match &result {
                Ok(()) => String::new(),
                Err(answer) => format!("unhealthy: {answer}"),
            };
            let mut status = running(task, self.now.wall).because(Reason::TaskHealthCheckStatusUpdated, message);
            status.healthy = Some(healthy);
            self.report(id, status);
        }
        if let (true, Err(answer)) = (change.fatal, result) {
            self.kill_task(id, Why::Unhealthy(answer), None);
        }
    }
}
