//! What schedulers see, against what happened.

use super::{Checker, evidence::Over};
use crate::{executors::End, hosts::SchedulerIndex, violation::Invariant};
use proto_types::{FrameworkId, TaskId, TaskKey, TaskState, TaskStatus, status::MASTER_SEQUENCES};

impl Checker {
    /// Whether the task was started on an agent that is gone: by an operator's word, or after a long time. Then it is
    /// over for everybody but the machine, which ends it when it hears of that.
    fn is_given_up(&self, key: &TaskKey) -> bool {
        let Some(started) = self.evidence.tasks.get(key).and_then(|record| record.started) else { return false };
        self.registry.gone().any(|agent| self.identities.get(agent) == Some(&started))
    }

    /// A scheduler sees a report on a task.
    pub fn scheduler_sees(&mut self, index: SchedulerIndex, framework: &FrameworkId, update: &TaskStatus) {
        let key = TaskKey { framework: framework.clone(), task: update.task.clone() };
        let given_up = self.is_given_up(&key);
        let record = self.evidence.tasks.entry(key.clone()).or_default();
        let mut wrong: Vec<(Invariant, String)> = Vec::new();
        let state = update.state;
        // A new scheduler is told again what was not acknowledged for good; that is no news.
        let again = record.over.is_some_and(|over| {
            over.by != index
                && update.sequence > 0
                && (update.sequence < over.sequence || over.sequence == 0 || record.told.contains(&update.sequence))
        });
        if update.sequence >= MASTER_SEQUENCES {
            record.told.insert(update.sequence);
        }
        // What one scheduler saw to its end and acknowledged is forgotten, also where a leader that was deposed without
        // knowing it told it so; to the next scheduler it is unknown.
        let forgotten =
            state == TaskState::Unknown && record.over.is_some_and(|over| over.by != index) && !record.runs();
        if again || forgotten {
            return;
        }
        if let Some(over) = record.over
            && over.state != state
        {
            wrong.push((Invariant::TerminalStatesAreFinal, format!("{key} is {state} after {}", over.state)));
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
        if state.is_terminal() && record.runs() && !given_up {
            wrong.push((Invariant::ATaskReportedOverDoesNotRun, format!("{key} is reported {state} and runs")));
        }
        if state == TaskState::Unknown {
            // Its scheduler may ask for the same work again: it must never run.
            record.rejected = true;
            self.evidence.open.remove(&key);
            if record.runs() && !given_up {
                wrong.push((Invariant::NoRunningTaskIsUnknown, format!("{key} is said to be unknown and runs")));
            }
        }
        if state == TaskState::Gone && record.end_made.is_some() {
            wrong.push((Invariant::TheEndThatWasMadeIsTold, format!("{key} is said to be gone, and its end was made")));
        }
        let lies = match state {
            TaskState::Finished => record.ended != Some(End::Exited(0)),
            // A machine that loses its memory may lose the record of a launch with all that it started.
            TaskState::Dropped => record.started.is_some() && record.ended != Some(End::Lost),
            TaskState::Error => record.started.is_some(),
            TaskState::Running => record.started.is_none(),
            _ => false,
        };
        if lies {
            let detail = format!("{key} is reported {state}; started: {:?}, ended: {:?}", record.started, record.ended);
            wrong.push((Invariant::ReportsTellWhatHappened, detail));
        }
        if state.is_terminal() {
            record.over = Some(Over { state, by: index, sequence: update.sequence });
            self.evidence.open.remove(&key);
        }
        for (invariant, detail) in wrong {
            self.violate(invariant, detail);
        }
    }

    /// A scheduler is told that a task was certainly not launched.
    pub fn scheduler_sees_rejection(&mut self, framework: &FrameworkId, task: &TaskId) {
        let key = TaskKey { framework: framework.clone(), task: task.clone() };
        let Some(record) = self.evidence.tasks.get_mut(&key) else { return };
        record.rejected = true;
        let started = record.started;
        self.evidence.open.remove(&key);
        if let Some(index) = started {
            let detail = format!("{key} is said not to be launched, and was started on {index}");
            self.violate(Invariant::ReportsTellWhatHappened, detail);
        }
    }
}
