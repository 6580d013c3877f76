//! What happens to instances whose agent is cut off.

use std::time::Duration;

/// `unreachableStrategy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnreachableStrategy {
    /// `"disabled"`: they are waited for and never replaced.
    Disabled,
    /// They are replaced, then forgotten.
    Enabled {
        /// `inactiveAfterSeconds`: after this another one is started instead.
        inactive_after: Duration,
        /// `expungeAfterSeconds`: after this it is forgotten, and killed should it come back.
        expunge_after: Duration,
    },
}

impl Default for UnreachableStrategy {
    fn default() -> Self {
        Self::Enabled { inactive_after: Duration::ZERO, expunge_after: Duration::ZERO }
    }
}
