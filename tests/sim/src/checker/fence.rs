//! What each agent has obeyed: nothing of a lower epoch may move it.

use agent_core::{Body, Effect, Fact};
use proto_types::Epoch;

/// The highest epoch that an agent has obeyed.
#[derive(Debug, Default)]
pub(super) struct Fence {
    /// In its memory.
    seen: Epoch,
    /// In its journal.
    stored: Epoch,
    /// What it hears just now, if that is of a lower epoch.
    stale: Option<Epoch>,
}

impl Fence {
    pub(super) fn hears(&mut self, epoch: Epoch) {
        self.stale = (epoch < self.seen).then_some(epoch);
        self.seen = self.seen.max(epoch);
    }

    pub(super) fn heard(&mut self) {
        self.stale = None;
    }

    pub(super) fn stored(&mut self, fact: &Fact) {
        if let Fact::EpochSeen(epoch) = fact {
            self.stored = self.stored.max(*epoch);
            self.seen = self.seen.max(*epoch);
        }
    }

    /// What was only in its memory is forgotten; nothing has left on account of it.
    pub(super) fn crashed(&mut self) {
        self.seen = self.stored;
        self.stale = None;
    }

    pub(super) fn makes(&self, effect: &Effect) -> Option<String> {
        let stale = self.stale?;
        match &effect.body {
            Body::CloseLink(..) | Body::Changed(_) => None,
            body => {
                let what = match body {
                    Body::Append(..) => "journals something",
                    Body::ToMaster(..) => "answers",
                    Body::ToExecutor(..) => "tells an executor something",
                    Body::StartExecutor(_) => "starts an executor",
                    Body::KillExecutor { .. } => "kills an executor",
                    _ => "does something",
                };
                Some(format!("{what} because of epoch {stale}, after epoch {}", self.seen))
            }
        }
    }
}
