//! Marathon's v2 model and behaviour as pure functions: what an app is, what its JSON means, which groups of apps are
//! well formed, and what follows when one changes.
//!
//! ```text
//!   JSON ──► json + app::read ──► AppUpdate ──► AppDefinition ──► validate ──► group::Root
//!                                                                                │
//!   JSON ◄── app::render, group::render ◄────────────────────────────────────────┘
//! ```
//!
//! **Architecture invariant:** no clock, no chance, no disk, no socket. Time, ids and what is going on come in as
//! arguments; the same arguments give the same bytes.
//!
//! **Architecture invariant:** what a client sends either is in the definition that it gets back, or is refused with the
//! path of the field. Nothing that a user asked for is left out in silence.

pub mod app;
pub mod constraints;
pub mod deployment;
pub mod events;
pub mod group;
pub mod health;
pub mod instances;
pub mod json;
pub mod kill;
pub mod launch;
pub mod pods;
pub mod scheduler;
pub mod support;
pub mod validate;
