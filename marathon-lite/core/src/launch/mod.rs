//! Which instances are launched on which offers, and why not.
//!
//! ```text
//!   want(spec, count) ──► LaunchQueue ──► use_offers(offers) ──► OfferUse: instances with their tasks, or a refusal
//!   failed, reset_delay ──►    │
//!                              ├──► items(): what waits, and why
//!                              └──► interest(): whether offers are wanted at all
//! ```
//!
//! **Architecture invariant:** no two instances are given the same part of an offer, and none more than is offered; what
//! is launched satisfies every constraint that is no wish, together with all that runs and all that is launched with it.

mod backoffs;
mod demand;
mod explain;
mod known_agents;
mod lot;
mod matching;
mod needs;
mod offer_use;
mod ports;
mod queue;
mod queue_item;
mod run_spec;
mod settings;
mod shortage;
mod tally;
mod tasks;

pub use explain::explain;
pub use matching::Situation;
pub use offer_use::{NewInstance, OfferUse};
pub use queue::{Interest, LaunchQueue};
pub use queue_item::{QueueItem, RejectCount, RejectReason, UNUSED_OFFERS_MAX, UnusedOffer};
pub use run_spec::RunSpec;
pub use settings::Settings;
pub use shortage::Shortage;
pub use tasks::Secrets;

#[cfg(test)]
mod tests;
