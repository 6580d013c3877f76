//! What is to be done now for one app or pod in a deployment.

use super::Canary;
use proto_types::TaskId;

/// What is to be done now for one app or pod in a deployment, seen from its instances alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Instances that get the goal to be stopped.
    pub kill: Kill,
    /// How many instances of the wanted version are to be launched beyond those that there are: what the launch queue
    /// shows as `count`. It is not added to what it said before.
    pub launch: u32,
    /// Whether that was all.
    pub outcome: Outcome,
    /// How much work is left: instances that are not as they shall be. Less than ever before means progress.
    pub remaining: u32,
    /// How far the careful steps are, to be remembered.
    pub canary: Canary,
}

/// Which instances are to be killed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kill {
    /// These.
    These(Vec<TaskId>),
    /// So many, whichever the app's kill selection and constraints choose.
    Any(u32),
}

/// Whether an action is finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is. What the decision says beside that is still to be done.
    Finished,
    /// It is not: what is waited for, in words with numbers.
    Waiting(String),
}

impl Decision {
    /// Nothing is to be done, now and later.
    #[must_use]
    pub fn finished() -> Self {
        Self {
            kill: Kill::These(Vec::new()),
            launch: 0,
            outcome: Outcome::Finished,
            remaining: 0,
            canary: Canary::default(),
        }
    }

    /// Whether the action is finished.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.outcome == Outcome::Finished
    }
}
