//! Reports on tasks, each delivered once, and their acknowledgements.

use crate::{Notice, Session, tasks::Admission};
use proto_types::{TaskId, TaskStatus, status::MASTER_SEQUENCES};
use std::collections::BTreeMap;

/// Acknowledgements, for each task and range of numbers up to a number.
#[derive(Debug, Default)]
pub(crate) struct Acknowledgements {
    /// Of what was delivered and may not have been handled yet.
    delivered: Vec<(TaskId, u64)>,
    ready: BTreeMap<(TaskId, bool), u64>,
}

impl Acknowledgements {
    pub(crate) fn is_empty(&self) -> bool {
        self.delivered.is_empty() && self.ready.is_empty()
    }

    /// How many may leave.
    pub(crate) fn ready(&self) -> usize {
        self.ready.len()
    }

    /// Sends these again.
    pub(crate) fn again(&mut self, batch: Vec<(TaskId, u64)>) {
        for (task, sequence) in batch {
            self.add(task, sequence);
        }
    }

    pub(crate) fn take(&mut self, max: usize) -> Vec<(TaskId, u64)> {
        let mut batch = Vec::with_capacity(self.ready.len().min(max));
        while batch.len() < max {
            let Some(((task, _), sequence)) = self.ready.pop_first() else { break };
            batch.push((task, sequence));
        }
        batch
    }

    fn add(&mut self, task: TaskId, sequence: u64) {
        let highest = self.ready.entry((task, sequence >= MASTER_SEQUENCES)).or_default();
        *highest = sequence.max(*highest);
    }
}

impl Session {
    pub(crate) fn on_updates(&mut self, statuses: Vec<TaskStatus>) {
        let mut news = Vec::with_capacity(statuses.len());
        for status in statuses {
            let doomed = self.tasks.is_doomed(&status.task);
            match self.tasks.admit(&status) {
                Admission::Drop => {}
                Admission::Acknowledge(sequence) => self.acknowledgements.add(status.task, sequence),
                Admission::Deliver => {
                    if doomed {
                        self.kill_if_wanted(&status);
                    }
                    news.push(status);
                }
            }
        }
        self.deliver_updates(news);
    }

    pub(crate) fn deliver_updates(&mut self, news: Vec<TaskStatus>) {
        if news.is_empty() {
            return;
        }
        if !self.config.explicit_acknowledgements {
            for status in news.iter().filter(|status| status.sequence > 0) {
                self.acknowledgements.delivered.push((status.task.clone(), status.sequence));
            }
        }
        self.deliver(Notice::Updates(news));
    }

    /// Everything delivered was handled by the scheduler.
    pub(crate) fn on_handled(&mut self) {
        for (task, sequence) in std::mem::take(&mut self.acknowledgements.delivered) {
            self.tasks.handled(&task, sequence);
            self.acknowledgements.add(task, sequence);
        }
    }

    pub(crate) fn on_explicit_acknowledgement(&mut self, task: TaskId, sequence: u64) {
        if sequence > 0 {
            self.tasks.handled(&task, sequence);
            self.acknowledgements.add(task, sequence);
        }
    }
}
