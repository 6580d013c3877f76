//! How long apps wait after their instances failed.

use crate::app::{Backoff, PathId, Timestamp};
use std::{collections::BTreeMap, time::Duration};

/// An instance that ran for so long was a success, whatever became of it: its end is the first failure again.
const VIABLE_AFTER: Duration = Duration::from_secs(60);

/// The delays of all apps: one for each app, for its present configuration.
#[derive(Debug, Clone, Default)]
pub(super) struct Backoffs(BTreeMap<PathId, Delay>);

#[derive(Debug, Clone, Copy)]
struct Delay {
    config_version: Timestamp,
    length: Duration,
    until: Timestamp,
    /// The longest that it may become; when it was over for so long, it is forgotten.
    max: Duration,
}

impl Backoffs {
    /// Takes in the failure of an instance that ran for `ran`; says until when its app waits now. Failures of older
    /// configurations say nothing about the present one.
    pub(super) fn failed(
        &mut self,
        id: &PathId,
        config_version: Timestamp,
        backoff: &Backoff,
        ran: Duration,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let before = self.0.get(id).copied();
        if before.is_some_and(|delay| delay.config_version > config_version) {
            return self.until(id, now);
        }
        let before = before.filter(|delay| {
            delay.config_version == config_version && ran < VIABLE_AFTER && now.since(delay.until) <= delay.max
        });
        let length = before.map_or(backoff.initial, |delay| longer(delay.length, backoff.factor)).min(backoff.max);
        let delay = Delay { config_version, length, until: now.after(length), max: backoff.max };
        self.0.insert(id.clone(), delay);
        self.until(id, now)
    }

    /// Until when an app waits; none: it does not.
    pub(super) fn until(&mut self, id: &PathId, now: Timestamp) -> Option<Timestamp> {
        let delay = self.0.get_mut(id)?;
        // If the clock was set back, the end seems farther away than the delay is long.
        delay.until = delay.until.min(now.after(delay.length));
        Some(delay.until).filter(|until| *until > now)
    }

    /// Forgets the failures of every configuration but this one.
    pub(super) fn configured(&mut self, id: &PathId, config_version: Timestamp) {
        if self.0.get(id).is_some_and(|delay| delay.config_version < config_version) {
            self.0.remove(id);
        }
    }

    /// Forgets an app's failures.
    pub(super) fn reset(&mut self, id: &PathId) {
        self.0.remove(id);
    }
}

/// A length times a factor, cut to what a length may be.
fn longer(length: Duration, factor: f64) -> Duration {
    Duration::try_from_secs_f64(length.as_secs_f64() * factor).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff { initial: Duration::from_secs(2), factor: 2.0, max: Duration::from_secs(10) };

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn path() -> PathId {
        PathId::parse("/a").unwrap()
    }

    /// The delays after failures at these times, of instances that ran for so long.
    fn delays(failures: &[(u64, u64)]) -> Vec<u64> {
        let mut backoffs = Backoffs::default();
        let delay = |&(now, ran): &(u64, u64)| {
            let until = backoffs.failed(&path(), at(0), &BACKOFF, Duration::from_secs(ran), at(now));
            until.map_or(0, |until| until.since(at(now)).as_secs())
        };
        failures.iter().map(delay).collect()
    }

    #[test]
    fn delays_grow_by_the_factor_up_to_the_maximum() {
        assert_eq!(delays(&[(0, 0), (2, 0), (6, 0), (14, 0), (24, 0)]), [2, 4, 8, 10, 10]);
        assert_eq!(delays(&[(0, 0), (0, 0), (0, 0)]), [2, 4, 8], "each failure counts");
    }

    #[test]
    fn a_long_run_and_a_long_quiet_begin_anew() {
        assert_eq!(delays(&[(0, 0), (2, 0), (70, 59)]), [2, 4, 2], "quiet for longer than the maximum");
        assert_eq!(delays(&[(0, 0), (2, 0), (16, 9)]), [2, 4, 8]);
        assert_eq!(delays(&[(0, 0), (2, 0), (16, 60)]), [2, 4, 2], "one that ran for a minute");
    }

    #[test]
    fn each_configuration_has_its_own_delay() {
        let mut backoffs = Backoffs::default();
        let mut fail = |version, now| {
            backoffs.failed(&path(), at(version), &BACKOFF, Duration::ZERO, at(now)).map(|until| until.since(at(now)))
        };
        assert_eq!(fail(1, 10), Some(Duration::from_secs(2)));
        assert_eq!(fail(1, 10), Some(Duration::from_secs(4)));
        assert_eq!(fail(2, 10), Some(Duration::from_secs(2)));
        assert_eq!(fail(1, 11), Some(Duration::from_secs(1)), "old ones change nothing");
        backoffs.configured(&path(), at(2));
        assert_eq!(backoffs.until(&path(), at(11)), Some(at(12)));
        assert_eq!(backoffs.until(&path(), at(12)), None);
        assert_eq!(backoffs.until(&path(), at(3)), Some(at(5)), "the clock was set back");
        backoffs.configured(&path(), at(3));
        assert_eq!(backoffs.until(&path(), at(11)), None);
    }

    #[test]
    fn extreme_backoffs_do_no_harm() {
        for (initial, factor, max) in [(0, 1.0, 0), (u64::MAX, f64::MAX, u64::MAX), (1, f64::NAN, 5), (9, 2.0, 1)] {
            let backoff = Backoff { initial: Duration::from_secs(initial), factor, max: Duration::from_secs(max) };
            let mut backoffs = Backoffs::default();
            for _ in 0..3 {
                let until = backoffs.failed(&path(), at(0), &backoff, Duration::ZERO, at(5));
                assert!(until.is_none_or(|until| until.since(at(5)) <= backoff.max));
            }
        }
    }
}
