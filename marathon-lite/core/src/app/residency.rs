//! Apps that stay with their data.

use std::time::Duration;

/// `residency`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Residency {
    /// `relaunchEscalationTimeoutSeconds`.
    pub relaunch_escalation_timeout: Duration,
    /// What happens when an instance with data is lost.
    pub task_lost_behavior: TaskLostBehavior,
}

/// What happens when an instance with data is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TaskLostBehavior {
    /// It is waited for.
    #[default]
    WaitForever,
    /// Another one is started, without the data.
    RelaunchAfterTimeout,
}

impl TaskLostBehavior {
    /// Its name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::WaitForever => "WAIT_FOREVER",
            Self::RelaunchAfterTimeout => "RELAUNCH_AFTER_TIMEOUT",
        }
    }
}

impl Default for Residency {
    fn default() -> Self {
        Self {
            relaunch_escalation_timeout: Duration::from_secs(3600),
            task_lost_behavior: TaskLostBehavior::WaitForever,
        }
    }
}
