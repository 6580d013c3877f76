//! What schedulers see, against what happened.

use super::Checker;
use crate::{executors::End, hosts::SchedulerIndex, violation::Invariant};
use proto_types::{FrameworkId, TaskId, TaskKey, TaskState, TaskStatus, status::MASTER_SEQUENCES};

impl Checker {
    /// A scheduler sees a report on a task.
    pub fn scheduler_sees(&mut self, index: SchedulerIndex, framework: &FrameworkId, update: &TaskStatus) {
        let key = TaskKey { framework: framework.clone(), task: update.task.clone() };
        let record = self.evidence.tasks.entry(key.clone()).or_default();
        let mut wrong: Vec<(Invariant, String)> = Vec::new();
        let state = update.state;
        if let Some(over) = record.over
            && over != state
        {
            wrong.push((Invariant::TerminalStatesAreFinal, format!("{key} is {state} after {over}")));
        }
        if update.sequence > 0 && update.sequence < MASTER_SEQUENCES {
            if let Some((by, last)) = record.last
                && by == index
                && update.sequence <= last
            {
                let detail = format!("{index} sees update {} of {key} after {last}", update.sequence);
                wrong.push((Invariant::UpdatesArriveInOrder, detail));
            }
            record.last = Some((index, update.sequence));
        }
        record.seen = Some(state);
        if state.is_terminal() && record.runs() && !matches!(state, TaskState::GoneByOperator) {
            wrong.push((Invariant::ATaskReportedOverDoesNotRun, format!("{key} is reported {state} and runs")));
        }
        if state == TaskState::Unknown && record.runs() {
            wrong.push((Invariant::NoRunningTaskIsUnknown, format!("{key} is said to be unknown and runs")));
        }
        let lies = match state {
            TaskState::Finished => record.ended != Some(End::Exited(0)),
            TaskState::Dropped | TaskState::Error => record.started.is_some(),
            TaskState::Running => record.started.is_none(),
            _ => false,
        };
        if lies {
            let detail = format!("{key} is reported {state}; started: {:?}, ended: {:?}", record.started, record.ended);
            wrong.push((Invariant::ReportsTellWhatHappened, detail));
        }
        if state.is_terminal() {
            record.over = record.over.or(Some(state));
            self.evidence.open.remove(&key);
        }
        for (invariant, detail) in wrong {
            self.violate(invariant, detail);
        }
    }

    /// A scheduler is told that a task was certainly not launched.
    pub fn scheduler_sees_rejection(&mut self, framework: &FrameworkId, task: &TaskId) {
        let key = TaskKey { framework: framework.clone(), task: task.clone() };
        let Some(record) = self.evidence.tasks.get(&key) else { return };
        if record.accepted {
            let detail = format!("{key} is said not to be launched, and a master accepted it");
            self.violate(Invariant::ReportsTellWhatHappened, detail);
        }
    }
}
