//! How old instances give way to new ones.

use std::time::Duration;

/// `upgradeStrategy`. The last three fields are extensions and off unless asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct UpgradeStrategy {
    /// This share of the instances is healthy at any time, 0 to 1.
    pub minimum_health_capacity: f64,
    /// So many more than wanted may run for a while, as a share of the instances, 0 to 1.
    pub maximum_over_capacity: f64,
    /// `progressDeadlineSeconds`: a deployment of this app that makes no progress for so long has failed.
    pub progress_deadline: Option<Duration>,
    /// `rollbackOnFailure`: whether what a failed deployment changed is set back.
    pub rollback_on_failure: bool,
    /// `canarySteps`: how many new instances there are, and for how long, before the rest follows.
    pub canary_steps: Vec<CanaryStep>,
}

/// A step of a careful upgrade.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CanaryStep {
    /// How many of the instances are new in this step.
    pub size: CanarySize,
    /// `pauseSeconds`: how long they must stay healthy before the next step.
    pub pause: Duration,
}

/// How many of the instances are new.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CanarySize {
    /// `instances`.
    Instances(u32),
    /// `share`: above 0, at most 1.
    Share(f64),
}

impl UpgradeStrategy {
    /// For most apps: all new ones beside all old ones.
    #[must_use]
    pub fn of_services() -> Self {
        Self::new(1.0, 1.0)
    }

    /// For apps with data or a single instance of something: never more than wanted.
    #[must_use]
    pub fn of_residents() -> Self {
        Self::new(0.5, 0.0)
    }

    /// Without extensions.
    #[must_use]
    pub fn new(minimum_health_capacity: f64, maximum_over_capacity: f64) -> Self {
        Self {
            minimum_health_capacity,
            maximum_over_capacity,
            progress_deadline: None,
            rollback_on_failure: false,
            canary_steps: Vec::new(),
        }
    }
}

impl Default for UpgradeStrategy {
    fn default() -> Self {
        Self::of_services()
    }
}

impl CanarySize {
    /// How many of `instances` are new.
    #[must_use]
    pub fn of(self, instances: u32) -> u32 {
        match self {
            Self::Instances(count) => count.min(instances),
            Self::Share(share) => ((f64::from(instances) * share).ceil() as u32).min(instances),
        }
    }
}
