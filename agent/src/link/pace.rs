//! When the agent tries its next link: soon, but not with all others.

use std::time::Duration;

/// The longest wait after a first failure.
const FIRST: Duration = Duration::from_millis(200);

/// The bounds of the longest wait after many failures. In a small cluster nobody has to wait long for an agent whose
/// master was away; in a large one all that try often would be a burden of their own.
const LONGEST: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));

/// The longest wait is so many times as long as the agents take to come back.
const LONGEST_FACTOR: u32 = 4;

/// Between tries of an agent that is refused for a reason that does not pass by itself.
pub(super) const IN_VAIN: Duration = Duration::from_secs(10);

/// However many agents there are, each comes back within this.
const WITHIN_MAX: Duration = Duration::from_secs(60);

/// How the agent's links went so far.
#[derive(Debug, Default)]
pub(super) struct Pace {
    failures: u32,
    /// Over how long the agents of this cluster spread, as its master said last; zero before.
    within: Duration,
    /// The master that admitted the agent last, or that it has waited for.
    home: String,
}

impl Pace {
    /// A master admitted the agent, and said over how long agents spread.
    pub(super) fn admitted(&mut self, address: &str, within: Duration) {
        self.failures = 0;
        self.within = within.min(WITHIN_MAX);
        address.clone_into(&mut self.home);
    }

    /// A link ended, or came to nothing.
    pub(super) fn ended(&mut self) {
        self.failures = self.failures.saturating_add(1);
    }

    /// How many links ended since the agent was admitted last.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// How long to wait before the next try. `chance` is from 0 to 1.
    pub(super) fn wait(&self, chance: f64) -> Duration {
        let most = FIRST.saturating_mul(1 << self.failures.saturating_sub(1).min(10)).max(self.within);
        most.min(self.longest()).mul_f64(chance)
    }

    fn longest(&self) -> Duration {
        self.within.saturating_mul(LONGEST_FACTOR).clamp(LONGEST.0, LONGEST.1)
    }

    /// How long to wait before going to this leader. All agents hear of a new one at the same time.
    pub(super) fn scatter(&mut self, leader: &str, chance: f64) -> Duration {
        if self.home == leader {
            return Duration::ZERO;
        }
        leader.clone_into(&mut self.home);
        self.within.mul_f64(chance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_that_grows_with_the_cluster() {
        let mut pace = Pace::default();
        let mut waits = Vec::new();
        for _ in 0..6 {
            pace.ended();
            waits.push(pace.wait(1.0).as_millis());
        }
        assert_eq!(waits, [200, 400, 800, 1000, 1000, 1000]);
        assert_eq!(pace.wait(0.5).as_millis(), 500);
        pace.admitted("a:1", Duration::from_millis(1500));
        pace.ended();
        assert_eq!(pace.wait(1.0).as_millis(), 1500, "all others lost their link too");
        for _ in 0..6 {
            pace.ended();
        }
        assert_eq!(pace.wait(1.0).as_millis(), 6000);
        pace.admitted("a:1", Duration::from_secs(3));
        assert_eq!(pace.longest(), Duration::from_secs(10));
    }

    #[test]
    fn agents_spread_before_they_go_to_another_leader() {
        let mut pace = Pace::default();
        assert_eq!(pace.scatter("a:1", 0.5), Duration::ZERO, "nothing is known of others yet");
        pace.admitted("a:1", Duration::from_secs(2));
        assert_eq!(pace.scatter("a:1", 0.5), Duration::ZERO, "it is where the agent was");
        assert_eq!(pace.scatter("b:1", 0.5), Duration::from_secs(1));
        assert_eq!(pace.scatter("b:1", 0.5), Duration::ZERO, "it has waited");
        assert_eq!(pace.scatter("a:1", 0.25), Duration::from_millis(500));
    }

    #[test]
    fn what_a_master_says_is_bounded() {
        let mut pace = Pace::default();
        pace.admitted("a:1", Duration::MAX);
        pace.ended();
        assert_eq!(pace.wait(1.0), Duration::from_secs(10));
        assert_eq!(pace.scatter("b:1", 1.0), Duration::from_secs(60));
    }
}
