//! The master as a synchronous function: what it knows, what it reacts to ([`Input`]) and what it does ([`Effect`]).
//!
//! **Architecture invariant:** no clock, no chance, no disk, no socket, no logging. Time comes in with every call; ids
//! are made from the epoch and counters; reports are values.

pub mod config;
pub mod effect;
pub mod input;

pub use config::Config;
pub use effect::{Body, Change, Effect, LogIndex, Recipient};
pub use input::{CallId, ConnectionId, Input, LinkId, OperatorCall, OperatorReply};

use proto_types::{ClusterId, Epoch, Now, registry::RegistryChange};

/// A master for one term.
#[derive(Debug)]
pub struct Master {
    _config: Config,
}

impl Master {
    /// A master that begins its term with what its registry holds.
    #[must_use]
    pub fn recover(
        config: Config,
        _cluster: ClusterId,
        _epoch: Epoch,
        _registry: impl IntoIterator<Item = RegistryChange>,
        _now: Now,
    ) -> Self {
        Self { _config: config }
    }

    /// Reacts to one input.
    pub fn handle(&mut self, _now: Now, _input: Input, _effects: &mut Vec<Effect>) {}

    /// Whether a round of allocation has anything to look at: the shell gives [`Input::Allocate`] then, paced.
    #[must_use]
    pub fn wants_allocation(&self) -> bool {
        false
    }
}
