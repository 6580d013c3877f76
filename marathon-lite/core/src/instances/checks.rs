//! What health and readiness checks say of instances.

use super::{Instance, Instances, Rules, Transition, TransitionKind, update::health_change};
use crate::{
    app::{HealthCheck, ReadinessCheck, Timestamp},
    events::{Event, failed_health_check, health_status_changed, unhealthy_instance_kill},
    health::{Judged, Outcome, ProbeResult, Subject, judge, judge_readiness, judge_reported},
};
use proto_types::{TaskId, TaskStatus};
use std::{sync::Arc, time::Duration};

/// The answer of a readiness check: HTTP status, content type and body; or why there is none.
pub type ReadinessResponse = Result<(u16, String, String), String>;

impl Instances {
    /// A health check that the scheduler makes was answered; `check` is the one with that index in the version that the
    /// instance was launched from. Where it failed too often the instance is killed.
    pub fn checked(
        &mut self,
        id: &TaskId,
        index: usize,
        check: &HealthCheck,
        grace: Option<Duration>,
        result: &ProbeResult,
        now: Timestamp,
    ) -> Transition {
        let Some(before) = self.get(id).filter(|one| index < one.health.len()).map(Arc::clone) else {
            return Transition::nothing(id, TransitionKind::Unchanged);
        };
        let subject = Subject { condition: before.condition, started_at: before.started_at };
        let judged = judge(check, &before.health[index], subject, now, result);
        let mut after = Instance::clone(&before);
        let killed = judged.outcomes.iter().any(|outcome| matches!(outcome, Outcome::Kill(_))) && !before.goal_stopped;
        let mut events = take_in(&mut after, index, judged, Some(check), now);
        if after == *before {
            return Transition::nothing(id, TransitionKind::Unchanged);
        }
        events.extend(health_change(&before, &after, now));
        after.goal_stopped |= killed;
        let mut transition = self.replace(before, after, events);
        if let Some(after) = transition.after.as_ref().filter(|_| killed) {
            transition.kills = self.kills.begin(after, grace, now);
        }
        transition
    }

    /// A readiness check was answered.
    pub fn answered(&mut self, id: &TaskId, check: &ReadinessCheck, response: ReadinessResponse) -> Transition {
        let Some(before) = self.get(id).map(Arc::clone) else {
            return Transition::nothing(id, TransitionKind::Unchanged);
        };
        let readiness = judge_readiness(check, &before.readiness, response);
        if readiness == before.readiness {
            return Transition::nothing(id, TransitionKind::Unchanged);
        }
        let after = Instance { readiness, ..Instance::clone(&before) };
        self.replace(before, after, Vec::new())
    }
}

/// Takes in what an executor says of the check that it makes. Who says nothing of it takes nothing back.
pub(super) fn take_in_report(
    instance: &mut Instance,
    rules: &Rules<'_>,
    status: &TaskStatus,
    at: Timestamp,
    now: Timestamp,
) -> Vec<Event> {
    let Some(healthy) = status.healthy else { return Vec::new() };
    let Some(index) = rules.reported_check(instance, &status.task) else { return Vec::new() };
    // An instance whose version is not kept any more may have had others.
    let Some(before) = instance.health.get(index) else { return Vec::new() };
    let judged = judge_reported(before, healthy, at, &status.message);
    take_in(instance, index, judged, rules.health_checks.get(index), now)
}

/// Takes a judgement in, and tells what there is to tell of it.
fn take_in(
    instance: &mut Instance,
    index: usize,
    judged: Judged,
    check: Option<&HealthCheck>,
    now: Timestamp,
) -> Vec<Event> {
    let was_alive = instance.health[index].alive == Some(true);
    instance.health[index] = judged.health;
    let one = &*instance;
    let event = |outcome: &Outcome| match outcome {
        // The event is of Marathon's apps; a pod's checks are described otherwise.
        Outcome::Failed => check.map(|check| failed_health_check(now, one, check)),
        Outcome::Alive => Some(health_status_changed(now, one, true)),
        // To Marathon's subscribers who has not spoken yet is not alive: a first failure is no change.
        Outcome::Dead => was_alive.then(|| health_status_changed(now, one, false)),
        Outcome::Kill(reason) => (!one.goal_stopped).then(|| unhealthy_instance_kill(now, one, reason)),
    };
    judged.outcomes.iter().filter_map(event).collect()
}
