//! The whole of marathon-lite as one function of state, time and input: [`Marathon`].
//!
//! ```text
//!   Input ──► command ──► edit ──► deploy ─┐
//!         ──► reports ──► follow ──────────┼──► dirty apps ──► tend ──► kills, launch queue
//!         ──► offers ◄── launch queue      │                    │
//!         ──► tick ────────────────────────┘◄── advance ◄───────┘
//!                                 outbox ──► Commit, then what waits for it
//! ```

mod command;
mod config;
mod deploy;
mod edit;
mod effect;
mod follow;
mod ids;
mod input;
mod marathon;
mod offers;
mod outbox;
mod recover;
mod reports;
mod root;
mod stored;
mod subscription;
mod tend;
mod view;

pub use config::{Config, SecretStore};
pub use effect::{Answer, Body, CommitNumber, Effect, ObjectWrite, Refused};
pub use input::{Command, Edit, Input, RequestId};
pub use marathon::Marathon;
pub use recover::Unreadable;
pub use view::View;
