//! How long an app waits after a failure.

use std::time::Duration;

/// The wait before the next launch: `initial` after the first failure, then times `factor` each, up to `max`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backoff {
    /// `backoffSeconds`.
    pub initial: Duration,
    /// `backoffFactor`, at least 1.
    pub factor: f64,
    /// `maxLaunchDelaySeconds`.
    pub max: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { initial: Duration::from_secs(1), factor: 1.15, max: Duration::from_secs(300) }
    }
}
