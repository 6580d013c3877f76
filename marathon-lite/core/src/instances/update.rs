//! Reports on tasks.

use super::{
    Condition, Instance, Instances, Rules, Transition, TransitionKind, Write, app_of,
    checks::take_in_report,
    containers::take_in,
    failure::{delays_launch, failure, is_failure, message},
    step::Step,
};
use crate::{
    app::Timestamp,
    events::{Event, instance_changed, instance_health_changed, status_update, unknown_instance_terminated},
};
use proto_types::{
    Rejection, RejectionKind, TaskId, TaskState, TaskStatus,
    status::{Reason, Source},
    time::Wall,
};
use std::sync::Arc;

impl Instances {
    /// Takes in a report on a task; `rules` are those of the version that its instance was launched from.
    ///
    /// The same report may come again, and reports may come late: both change nothing. A task that nobody knows is killed
    /// if it runs, again and again until its end is told.
    pub fn update(&mut self, status: &TaskStatus, rules: &Rules<'_>, now: Timestamp) -> Transition {
        let Some(before) = self.of_task(&status.task).map(Arc::clone) else {
            return self.update_of_unknown(status, now);
        };
        // An agent that was cut off may say again what it said before; that is news then.
        let repeated = self.seen.is_repeated(status) && !before.is_unreachable();
        let at = moment(status.timestamp, now);
        let mut after = Instance::clone(&before);
        match if repeated { Step::Stay } else { take_in(&mut after, status, at) } {
            Step::Stay => unchanged(before),
            Step::End(state) => self.end(before, after, state, status, rules, now),
            Step::Be(condition) => {
                after.condition = condition;
                self.go_on(before, after, status, rules, at, now)
            }
        }
    }

    /// A task was certainly not launched.
    ///
    /// A refusal that every further attempt would meet counts as a failure; others are chance, and the next offer may do.
    /// Where the outcome is not known nothing is changed: asking for the task's state will tell.
    pub fn rejected(&mut self, task: &TaskId, rejection: &Rejection, rules: &Rules<'_>, now: Timestamp) -> Transition {
        let state = match rejection.kind {
            RejectionKind::Invalid | RejectionKind::Unauthorized => TaskState::Error,
            RejectionKind::OfferGone
            | RejectionKind::Conflict
            | RejectionKind::AgentGone
            | RejectionKind::GangAborted => TaskState::Dropped,
            RejectionKind::OutcomeUnknown => return Transition::nothing(task, TransitionKind::Unchanged),
        };
        // The refused launch never ran, so no report of it can have come before.
        let Some(before) = self.of_task(task).filter(|one| one.condition == Condition::Created).map(Arc::clone) else {
            return Transition::nothing(task, TransitionKind::Unchanged);
        };
        let status = TaskStatus::new(task.clone(), state, Source::Master, Wall(now.millis()))
            .because(Reason::InvalidOffers, rejection.message.clone());
        let after = Instance::clone(&before);
        let mut transition = self.end(before, after, state, &status, rules, now);
        if state == TaskState::Dropped {
            transition.failure = None;
            transition.delays_launch = false;
        }
        transition
    }

    /// An instance goes on, maybe as before.
    fn go_on(
        &mut self,
        before: Arc<Instance>,
        mut after: Instance,
        status: &TaskStatus,
        rules: &Rules<'_>,
        at: Timestamp,
        now: Timestamp,
    ) -> Transition {
        let runs = after.condition == Condition::Task(TaskState::Running);
        if runs {
            after.started_at = after.started_at.or(Some(at));
        }
        let address = status.container.as_ref().and_then(|container| container.ip_address.as_ref());
        if let Some(address) = address.filter(|address| after.ip_addresses.first() != Some(*address)) {
            after.ip_addresses = vec![address.clone()];
        }
        after.unreachable_since = after.is_unreachable().then(|| {
            before.unreachable_since.unwrap_or_else(|| status.unreachable_since.map_or(at, |at| moment(at, now)))
        });
        let mut health_events = Vec::new();
        if status.state == TaskState::Running {
            health_events = take_in_report(&mut after, rules, status, at, now);
        }
        if after == *before {
            return unchanged(before);
        }
        let moved = after.condition != before.condition;
        let mut events = if moved || after.containers != before.containers || after.ip_addresses != before.ip_addresses
        {
            vec![status_update(now, &after, status, &message(status))]
        } else {
            Vec::new()
        };
        events.extend(moved.then(|| instance_changed(now, &after)));
        events.append(&mut health_events);
        events.extend(health_change(&before, &after, now));
        let lost = moved && after.is_unreachable();
        let failed = (lost && !after.goal_stopped).then(|| failure(&after, status, now));
        let mut transition = self.replace(before, after, events);
        transition.failure = failed;
        if let Some(after) = transition.after.clone().filter(|_| moved) {
            if lost {
                self.await_return(&after, rules.unreachable, now);
                if self.cannot_wait_for(&after) {
                    return self.expunge(&after, transition, now);
                }
            } else {
                self.forget_unreachable(&after.id);
            }
            if after.goal_stopped {
                transition.kills = self.kills.again(&after, now);
            }
        }
        transition
    }

    /// Puts an instance in the place of what it was.
    pub(super) fn replace(&mut self, before: Arc<Instance>, after: Instance, events: Vec<Event>) -> Transition {
        let after = Arc::new(after);
        self.put(Arc::clone(&after));
        Transition {
            write: if is_worth_storing(&before, &after) { Write::Put } else { Write::Keep },
            before: Some(before),
            events,
            after: Some(Arc::clone(&after)),
            ..Transition::nothing(&after.id, TransitionKind::Changed)
        }
    }

    /// An instance is over.
    fn end(
        &mut self,
        before: Arc<Instance>,
        mut after: Instance,
        state: TaskState,
        status: &TaskStatus,
        rules: &Rules<'_>,
        now: Timestamp,
    ) -> Transition {
        after.condition = Condition::Task(state);
        self.remove(&before);
        // What nobody knew of may still turn up, and is killed then; what ended does not.
        if state.is_terminal() {
            for task in before.tasks() {
                self.ended.remember(task);
            }
        }
        let events = vec![status_update(now, &after, status, &message(status)), instance_changed(now, &after)];
        // Whoever is killed on purpose may end in any way.
        let unexpected = !before.goal_stopped;
        Transition {
            failure: (unexpected && is_failure(state)).then(|| failure(&before, status, now)),
            delays_launch: unexpected && delays_launch(state, rules.run_once),
            write: Write::Remove,
            events,
            before: Some(Arc::clone(&before)),
            after: Some(Arc::new(after)),
            ..Transition::nothing(&before.id, TransitionKind::Ended)
        }
    }

    /// A report on a task that is in no table: it was given up, or belongs to an app that is gone.
    fn update_of_unknown(&mut self, status: &TaskStatus, now: Timestamp) -> Transition {
        let task = &status.task;
        let mut transition = Transition::nothing(task, TransitionKind::Unknown);
        if self.ended.knows(task) {
            transition.kind = TransitionKind::Unchanged;
            return transition;
        }
        match status.state {
            TaskState::Staging | TaskState::Starting | TaskState::Running => {
                transition.kills = self.kills.of_unknown(task, now);
            }
            // Nothing can be done, or is to be done.
            TaskState::Killing | TaskState::Unreachable => {}
            TaskState::Unknown => self.kills.told(task),
            TaskState::Finished
            | TaskState::Failed
            | TaskState::Killed
            | TaskState::Error
            | TaskState::Dropped
            | TaskState::Gone
            | TaskState::GoneByOperator => {
                self.kills.told(task);
                self.ended.remember(task);
                let event = |app| unknown_instance_terminated(now, task, &app, Condition::Task(status.state));
                transition.events = app_of(task).map(event).into_iter().collect();
            }
        }
        transition
    }
}

/// The instance is as it was.
fn unchanged(instance: Arc<Instance>) -> Transition {
    Transition {
        before: Some(Arc::clone(&instance)),
        after: Some(Arc::clone(&instance)),
        ..Transition::nothing(&instance.id, TransitionKind::Unchanged)
    }
}

/// The event of a changed verdict on an instance's health.
pub(super) fn health_change(before: &Instance, after: &Instance, now: Timestamp) -> Option<Event> {
    let verdict = after.verdict();
    (verdict != before.verdict()).then(|| instance_health_changed(now, after, verdict))
}

/// Whether a change is worth storing: what a new leader would find out again by asking for states is not, nor is each
/// answer of a check that says what the one before said.
fn is_worth_storing(before: &Instance, after: &Instance) -> bool {
    let alive = |one: &Instance| one.health.iter().map(|health| health.alive).collect::<Vec<_>>();
    before.condition != after.condition && !is_passing(after.condition)
        || before.goal_stopped != after.goal_stopped
        || before.readiness.ready != after.readiness.ready
        || before.started_at != after.started_at
        || before.unreachable_since != after.unreachable_since
        || before.ip_addresses != after.ip_addresses
        || before.containers != after.containers
        || alive(before) != alive(after)
}

const fn is_passing(condition: Condition) -> bool {
    matches!(condition, Condition::Task(TaskState::Staging | TaskState::Starting | TaskState::Killing))
}

/// When something happened, as an agent tells it: not in the future, and now if it does not say.
fn moment(at: Wall, now: Timestamp) -> Timestamp {
    if at.0 == 0 { now } else { Timestamp::from_millis(at.0).min(now) }
}
