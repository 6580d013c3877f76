//! The service skin of every role: configuration, telemetry, shutdown, and the only place where listeners and channels
//! are made.
//!
//! **Architecture invariant:** nobody else binds a port or opens a channel, so that security has one door.

pub mod channel;
pub mod configuration;
pub mod exit;
pub mod limits;
pub mod listen;
pub mod program;
pub mod serve;
pub mod shutdown;
pub mod telemetry;
pub mod web;
