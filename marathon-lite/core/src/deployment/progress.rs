//! How far a deployment is.

use super::{Action, ActionKind, Canary, Decision, Deployment, RunSpec, Step};
use crate::app::{PathId, Timestamp};
use imbl::OrdMap;
use std::time::Duration;

/// How far a step is: its actions that are not finished. They finish in any order, and none becomes unfinished again.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Progress {
    open: OrdMap<PathId, OpenAction>,
}

/// An action that is not finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenAction {
    /// What is done.
    pub kind: ActionKind,
    /// The least work that was ever left; none: nobody looked yet.
    pub least_remaining: Option<u32>,
    /// Since when there is no progress, for the progress deadline.
    pub progressed_at: Timestamp,
    /// How far the careful steps are.
    pub canary: Canary,
}

/// An app or pod that made no progress for longer than its `progressDeadlineSeconds`: its deployment has failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overdue {
    /// Which.
    pub id: PathId,
    /// Whether what the deployment changed is to be set back.
    pub rollback: bool,
    /// Why, in words with numbers.
    pub reason: String,
}

impl Progress {
    /// A step of which nothing is finished.
    #[must_use]
    pub fn begin(step: &Step, now: Timestamp) -> Self {
        let open = |action: &Action| {
            let canary = Canary::default();
            let open = OpenAction { kind: action.kind, least_remaining: None, progressed_at: now, canary };
            (action.id.clone(), open)
        };
        Self { open: step.actions.iter().map(open).collect() }
    }

    /// Whether all actions are finished.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.open.is_empty()
    }

    /// The action of an app or pod, if it is not finished.
    #[must_use]
    pub fn open(&self, id: &PathId) -> Option<&OpenAction> {
        self.open.get(id)
    }

    /// All actions that are not finished.
    pub fn all_open(&self) -> impl Iterator<Item = (&PathId, &OpenAction)> {
        self.open.iter()
    }

    /// A step of which these actions are not finished.
    pub(super) fn of(open: impl IntoIterator<Item = (PathId, OpenAction)>) -> Self {
        Self { open: open.into_iter().collect() }
    }
}

impl OpenAction {
    /// What it is after a decision.
    fn after(&self, decision: &Decision, now: Timestamp) -> Self {
        let mut next = *self;
        let least = self.least_remaining.unwrap_or(decision.remaining);
        next.least_remaining = Some(least.min(decision.remaining));
        next.canary = decision.canary;
        if decision.remaining < least || decision.canary.step > self.canary.step {
            next.progressed_at = now;
        } else if let (Some(since), None) = (self.canary.good_since, decision.canary.good_since) {
            // The pause was broken off; the time that it took does not count.
            next.progressed_at = next.progressed_at.after(now.since(since.max(next.progressed_at)));
        }
        next
    }
}

impl Deployment {
    /// Remembers what was decided for an app or pod. Says whether that has to be stored.
    pub fn record(&mut self, id: &PathId, decision: &Decision, now: Timestamp) -> bool {
        let Some(open) = self.progress.open.get(id) else { return false };
        if decision.is_finished() {
            self.progress.open.remove(id);
            return true;
        }
        let next = open.after(decision, now);
        if next == *open {
            return false;
        }
        self.progress.open.insert(id.clone(), next);
        true
    }

    /// Whether all actions of the current step are finished.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.progress.is_done()
    }

    /// Goes on to the next step if all actions of this one are finished. Says whether it did; the last one leads to the end.
    pub fn advance(&mut self, now: Timestamp) -> bool {
        if self.is_over() || !self.is_done() {
            return false;
        }
        self.current_step += 1;
        self.progress = self.step().map_or_else(Progress::default, |step| Progress::begin(step, now));
        true
    }

    /// A new leader takes over: the time without one does not count.
    pub fn resume(&mut self, now: Timestamp) {
        let resumed = |open: &OpenAction| OpenAction { progressed_at: now.max(open.progressed_at), ..*open };
        self.progress = Progress::of(self.progress.open.iter().map(|(id, open)| (id.clone(), resumed(open))));
    }

    /// An app or pod that made no progress for too long. Its deployment is to end, and to be set back if it says so. The
    /// pause of a careful step is no lack of progress.
    #[must_use]
    pub fn overdue(&self, now: Timestamp) -> Option<Overdue> {
        self.progress.open.iter().find_map(|(id, open)| {
            let wanted = RunSpec::find(&self.target, id)?;
            let strategy = wanted.upgrade_strategy();
            let deadline = strategy.progress_deadline?;
            let idle = now.since(open.progressed_at);
            if idle < deadline || open.canary.good_since.is_some() || open.kind == ActionKind::StopApplication {
                return None;
            }
            let rollback = strategy.rollback_on_failure && !self.is_rollback;
            Some(Overdue { id: id.clone(), rollback, reason: why(id, open, idle, deadline) })
        })
    }
}

fn why(id: &PathId, open: &OpenAction, idle: Duration, deadline: Duration) -> String {
    let (idle, deadline) = (idle.as_secs(), deadline.as_secs());
    let left = match open.least_remaining {
        Some(left) => format!("{left} instances are left to start or to stop"),
        None => "nothing was begun".to_owned(),
    };
    format!("{id} made no progress for {idle} s, its progress deadline is {deadline} s; {left}")
}

#[cfg(test)]
mod tests;
