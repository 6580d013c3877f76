//! Apps that run to their end. An extension: Marathon has services only.

/// `"runOnce": true`, with its `runOncePolicy`: an instance that ends with success is not started again; one that fails
/// is, until it was started `max_attempts` times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunOnce {
    /// `runOncePolicy.maxAttempts`: how often each instance is started at most, the first time included.
    pub max_attempts: u32,
}

impl Default for RunOnce {
    fn default() -> Self {
        Self { max_attempts: 1 }
    }
}

impl RunOnce {
    /// How often an instance that failed is started again.
    #[must_use]
    pub const fn retries(self) -> u32 {
        self.max_attempts.saturating_sub(1)
    }
}
