//! Simulated time.

use proto_types::time::{Monotonic, Now, Wall};
use std::{
    fmt,
    ops::{Add, Sub},
    time::Duration,
};

/// The wall clock at the start of every simulation, in milliseconds since 1970: 2026-01-01.
const WALL_START_MS: u64 = 1_767_225_600_000;

/// A moment of the simulation, in microseconds since its start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub u64);

impl Time {
    /// The moment that never comes.
    pub const NEVER: Self = Self(u64::MAX);

    /// Time from the start of the simulation.
    #[must_use]
    pub fn elapsed(self) -> Duration {
        Duration::from_micros(self.0)
    }

    /// What the clocks of a machine show now, if its wall clock is off by so many milliseconds.
    #[must_use]
    pub fn now(self, skew_ms: i64) -> Now {
        let wall = (WALL_START_MS + self.0 / 1000).saturating_add_signed(skew_ms);
        // A monotonic clock does not begin at zero; a core that believes so would be found out.
        Now { monotonic: Monotonic(Duration::from_secs(1000) + self.elapsed()), wall: Wall(wall) }
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)))
    }
}

impl Sub for Time {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

/// A duration as people read it: `250ms`, `1.5s`.
#[must_use]
pub fn seconds(duration: Duration) -> String {
    let text = format!("{:.3}", duration.as_secs_f64());
    format!("{}s", text.trim_end_matches('0').trim_end_matches('.'))
}
