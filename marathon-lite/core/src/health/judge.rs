//! What the answer of a health check means.

use super::ProbeResult;
use crate::{
    app::{HealthCheck, Timestamp},
    instances::{CheckHealth, Condition},
};
use proto_types::TaskState;

/// What a judgement needs to know of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject {
    /// How it does.
    pub condition: Condition,
    /// When it first ran.
    pub started_at: Option<Timestamp>,
}

/// What follows from an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is healthy, which was not so or not known before.
    Alive,
    /// It is not healthy any more, or for the first time not.
    Dead,
    /// The check failed, and that counts.
    Failed,
    /// It failed once more than allowed: the instance is to be killed, for this reason.
    Kill(String),
}

/// A judgement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// What is known now.
    pub health: CheckHealth,
    /// What follows, in this order.
    pub outcomes: Vec<Outcome>,
}

/// Judges an answer to a check that the scheduler makes itself.
///
/// Failures say nothing of an instance that does not run, nor during the grace period of one that was never healthy. The
/// kill is asked for by the failure *after* `maxConsecutiveFailures`, as in Marathon, and by each one after that; 0 is
/// never. So an unreachable instance is not killed for its health: the loss of its agent is dealt with elsewhere.
#[must_use]
pub fn judge(
    check: &HealthCheck,
    before: &CheckHealth,
    subject: Subject,
    now: Timestamp,
    result: &ProbeResult,
) -> Judged {
    match result {
        ProbeResult::Ignored => Judged { health: before.clone(), outcomes: Vec::new() },
        ProbeResult::Passed if subject.condition.is_active() => passed(before, now),
        ProbeResult::Failed(cause) if counts(check, before, subject, now) => {
            let mut judged = failed(before, now, cause);
            let max = check.max_consecutive_failures;
            if max > 0 && before.consecutive_failures >= max {
                judged.outcomes.push(Outcome::Kill(cause.clone()));
            }
            judged
        }
        ProbeResult::Passed | ProbeResult::Failed(_) => Judged { health: before.clone(), outcomes: Vec::new() },
    }
}

/// Judges what an executor says of a check that it makes beside the task. It minds the grace period and kills by itself,
/// so that here is only written down what it says. The same report twice changes nothing.
#[must_use]
pub fn judge_reported(before: &CheckHealth, healthy: bool, at: Timestamp, cause: &str) -> Judged {
    let known = if healthy { before.last_success } else { before.last_failure };
    if before.alive == Some(healthy) && known.is_some_and(|known| at <= known) {
        return Judged { health: before.clone(), outcomes: Vec::new() };
    }
    if healthy { passed(before, at) } else { failed(before, at, cause) }
}

fn passed(before: &CheckHealth, now: Timestamp) -> Judged {
    let health = CheckHealth {
        alive: Some(true),
        consecutive_failures: 0,
        first_success: before.first_success.or(Some(now)),
        last_success: Some(now),
        ..before.clone()
    };
    let outcomes = if before.alive == Some(true) { Vec::new() } else { vec![Outcome::Alive] };
    Judged { health, outcomes }
}

fn failed(before: &CheckHealth, now: Timestamp, cause: &str) -> Judged {
    let health = CheckHealth {
        alive: Some(false),
        consecutive_failures: before.consecutive_failures.saturating_add(1),
        last_failure: Some(now),
        last_failure_cause: Some(cause.to_owned()),
        ..before.clone()
    };
    let mut outcomes = vec![Outcome::Failed];
    if before.alive != Some(false) {
        outcomes.push(Outcome::Dead);
    }
    Judged { health, outcomes }
}

/// Whether a failure counts.
fn counts(check: &HealthCheck, before: &CheckHealth, subject: Subject, now: Timestamp) -> bool {
    let runs = subject.condition == Condition::Task(TaskState::Running);
    let in_grace = subject.started_at.is_none_or(|started| now < started.after(check.grace_period));
    runs && (before.first_success.is_some() || !in_grace)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::HealthProtocol;
    use std::time::Duration;

    fn at(second: u64) -> Timestamp {
        Timestamp::from_millis(second * 1000)
    }

    fn check(grace: u64, max: u32) -> HealthCheck {
        HealthCheck {
            grace_period: Duration::from_secs(grace),
            max_consecutive_failures: max,
            ..HealthCheck::new(HealthProtocol::Http, None)
        }
    }

    fn running(started: u64) -> Subject {
        Subject { condition: Condition::Task(TaskState::Running), started_at: Some(at(started)) }
    }

    fn refused() -> ProbeResult {
        ProbeResult::Failed("refused".into())
    }

    /// Judges failures, one a second, and tells what followed from each.
    fn failures(check: &HealthCheck, count: u64) -> Vec<Vec<Outcome>> {
        let mut health = CheckHealth::default();
        let mut outcomes = Vec::new();
        for second in 0..count {
            let judged = judge(check, &health, running(0), at(second), &refused());
            health = judged.health;
            outcomes.push(judged.outcomes);
        }
        outcomes
    }

    #[test]
    fn the_kill_comes_with_the_failure_after_the_last_one_allowed() {
        let kill = || Outcome::Kill("refused".into());
        assert_eq!(
            failures(&check(0, 3), 5),
            [
                vec![Outcome::Failed, Outcome::Dead],
                vec![Outcome::Failed],
                vec![Outcome::Failed],
                vec![Outcome::Failed, kill()],
                vec![Outcome::Failed, kill()],
            ]
        );
        let never = failures(&check(0, 0), 100);
        assert!(never.iter().flatten().all(|outcome| !matches!(outcome, Outcome::Kill(_))));
        assert_eq!(failures(&check(0, 1), 2)[1], [Outcome::Failed, kill()]);
    }

    #[test]
    fn a_success_begins_the_count_anew() {
        let check = check(0, 1);
        let once = judge(&check, &CheckHealth::default(), running(0), at(1), &refused()).health;
        let healed = judge(&check, &once, running(0), at(2), &ProbeResult::Passed);
        assert_eq!(healed.outcomes, [Outcome::Alive]);
        assert_eq!(healed.health.consecutive_failures, 0);
        assert_eq!(healed.health.last_failure_cause.as_deref(), Some("refused"));
        let again = judge(&check, &healed.health, running(0), at(3), &refused());
        assert_eq!(again.outcomes, [Outcome::Failed, Outcome::Dead]);
        let steady = judge(&check, &healed.health, running(0), at(9), &ProbeResult::Passed);
        assert_eq!(steady.outcomes, []);
        assert_eq!((steady.health.first_success, steady.health.last_success), (Some(at(2)), Some(at(9))));
    }

    #[test]
    fn failures_in_the_grace_period_count_only_after_a_success() {
        let check = check(60, 3);
        let fresh = CheckHealth::default();
        let early = judge(&check, &fresh, running(100), at(159), &refused());
        assert_eq!(early, Judged { health: fresh.clone(), outcomes: Vec::new() });
        let late = judge(&check, &fresh, running(100), at(160), &refused());
        assert_eq!(late.outcomes, [Outcome::Failed, Outcome::Dead]);
        let healthy = judge(&check, &fresh, running(100), at(101), &ProbeResult::Passed).health;
        let fallen = judge(&check, &healthy, running(100), at(102), &refused());
        assert_eq!(fallen.outcomes, [Outcome::Failed, Outcome::Dead]);
    }

    #[test]
    fn only_running_instances_fail() {
        let tired = CheckHealth { alive: Some(false), consecutive_failures: 9, ..CheckHealth::default() };
        let others = TaskState::ALL.into_iter().filter(|state| *state != TaskState::Running).map(Condition::Task);
        for condition in others.chain([Condition::Created, Condition::UnreachableInactive]) {
            let subject = Subject { condition, started_at: Some(at(0)) };
            let judged = judge(&check(0, 3), &tired, subject, at(1000), &refused());
            assert_eq!(judged, Judged { health: tired.clone(), outcomes: Vec::new() }, "{condition}");
        }
    }

    #[test]
    fn answers_that_say_nothing_change_nothing() {
        let healthy = judge(&check(0, 3), &CheckHealth::default(), running(0), at(1), &ProbeResult::Passed).health;
        let judged = judge(&check(0, 3), &healthy, running(0), at(2), &ProbeResult::Ignored);
        assert_eq!(judged, Judged { health: healthy, outcomes: Vec::new() });
    }

    #[test]
    fn reports_of_executors_count_once_and_kill_never() {
        let dead = judge_reported(&CheckHealth::default(), false, at(5), "exit 1");
        assert_eq!(dead.outcomes, [Outcome::Failed, Outcome::Dead]);
        let mut health = dead.health;
        let twice = judge_reported(&health, false, at(5), "exit 1");
        assert_eq!(twice, Judged { health: health.clone(), outcomes: Vec::new() });
        for second in 6..20 {
            let judged = judge_reported(&health, false, at(second), "exit 1");
            assert_eq!(judged.outcomes, [Outcome::Failed]);
            health = judged.health;
        }
        assert_eq!(health.consecutive_failures, 15);
        assert_eq!(judge_reported(&health, true, at(21), "").outcomes, [Outcome::Alive]);
    }
}
