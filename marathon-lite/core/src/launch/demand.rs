//! What is kept of an app that wants instances, besides what is shown.

use super::{RunSpec, Settings, needs::Needs};
use crate::app::Timestamp;
use std::time::Duration;

/// What is worked out once for an app that wants instances, and how patient it is.
#[derive(Debug, Clone)]
pub(super) struct Demand {
    pub(super) needs: Needs,
    patience: Patience,
}

/// Whether agents are taken that are not the best that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Patience {
    /// The best was taken so far.
    Whole,
    /// A better one is waited for.
    Waiting { since: Timestamp },
    /// None came: what comes is taken, until a best one comes again.
    Over,
}

impl Demand {
    pub(super) fn new(spec: &RunSpec, settings: &Settings) -> Self {
        Self { needs: Needs::new(spec, settings), patience: Patience::Whole }
    }

    /// The best there is can be had.
    pub(super) fn is_content(&mut self) {
        self.patience = Patience::Whole;
    }

    /// Something can be had, and something better is known: whether it is taken now.
    pub(super) fn settles(&mut self, patience: Duration, now: Timestamp) -> bool {
        let since = match self.patience {
            Patience::Over => return true,
            Patience::Whole => now,
            // A clock that was set back does not make the wait longer.
            Patience::Waiting { since } => since.min(now),
        };
        let over = now.since(since) >= patience;
        self.patience = if over { Patience::Over } else { Patience::Waiting { since } };
        over
    }

    /// When it takes what it can have, if it waits.
    pub(super) fn settles_at(&self, patience: Duration) -> Option<Timestamp> {
        match self.patience {
            Patience::Waiting { since } => Some(since.after(patience)),
            Patience::Whole | Patience::Over => None,
        }
    }
}
