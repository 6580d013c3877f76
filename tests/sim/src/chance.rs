//! Chance, from one seed. Each purpose draws from a sequence of its own, so that one more draw for one purpose leaves
//! the others as they are.

use rand::{Rng, RngExt, SeedableRng, rngs::Xoshiro256PlusPlus};
use std::time::Duration;

/// One sequence of draws. The algorithm is fixed, so that a seed means the same on every machine and in every version.
#[derive(Debug, Clone)]
pub struct Chance(Xoshiro256PlusPlus);

impl Chance {
    /// The sequence of this purpose.
    #[must_use]
    pub fn new(seed: u64, purpose: &str) -> Self {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for byte in purpose.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Self(Xoshiro256PlusPlus::seed_from_u64(seed.rotate_left(17) ^ hash))
    }

    /// Whether something happens that happens once in so many times; 0: never.
    pub fn once_in(&mut self, times: u32) -> bool {
        times != 0 && self.0.random_range(0..times) == 0
    }

    /// A number below `bound`; 0 if there is none.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.0.random_range(0..bound) }
    }

    /// An index into something of this length, which must not be 0.
    pub fn index(&mut self, length: usize) -> usize {
        self.below(length as u64) as usize
    }

    /// One of these.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        if items.is_empty() { None } else { items.get(self.index(items.len())) }
    }

    /// A duration from `low` to `high`.
    pub fn between(&mut self, low: Duration, high: Duration) -> Duration {
        let (low, high) = (low.as_micros() as u64, high.as_micros() as u64);
        Duration::from_micros(if high > low { self.0.random_range(low..=high) } else { low })
    }

    /// A duration with this mean, seldom much longer: the waiting time for things that happen at random.
    pub fn waiting(&mut self, mean: Duration) -> Duration {
        // 53 random bits make a fraction above 0 and at most 1; its logarithm is finite.
        let fraction = ((self.0.next_u64() >> 11) + 1) as f64 / (1_u64 << 53) as f64;
        mean.mul_f64((-fraction.ln()).min(10.0))
    }
}

/// All sequences of a simulation.
#[derive(Debug)]
pub struct Chances {
    /// Delays and losses of messages.
    pub network: Chance,
    /// Delays of writes, and what a crash leaves of them.
    pub disk: Chance,
    /// When what breaks.
    pub faults: Chance,
    /// How long tasks run and how they end.
    pub tasks: Chance,
    /// What schedulers do.
    pub schedulers: Chance,
    /// Pauses before somebody tries again.
    pub backoff: Chance,
    /// When a planted fault shows.
    pub sabotage: Chance,
}

impl Chances {
    /// The sequences of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            network: Chance::new(seed, "network"),
            disk: Chance::new(seed, "disk"),
            faults: Chance::new(seed, "faults"),
            tasks: Chance::new(seed, "tasks"),
            schedulers: Chance::new(seed, "schedulers"),
            backoff: Chance::new(seed, "backoff"),
            sabotage: Chance::new(seed, "sabotage"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_means_the_same_for_ever() {
        let mut chance = Chance::new(7, "network");
        let drawn: Vec<u64> = (0..4).map(|_| chance.below(1000)).collect();
        let mut again = Chance::new(7, "network");
        assert_eq!(drawn, (0..4).map(|_| again.below(1000)).collect::<Vec<_>>());
        let mut other = Chance::new(7, "disk");
        assert_ne!(drawn, (0..4).map(|_| other.below(1000)).collect::<Vec<_>>());
    }

    #[test]
    fn waiting_has_its_mean() {
        let mut chance = Chance::new(1, "x");
        let total: Duration = (0..10_000).map(|_| chance.waiting(Duration::from_secs(1))).sum();
        assert!((9_500..10_500).contains(&total.as_secs()), "{total:?}");
    }
}
