//! Executors: where they connect, and their processes.

mod command;
mod escape;
pub(crate) mod machine;
pub(crate) mod process;
mod sandbox;
pub(crate) mod server;
pub(crate) mod socket;

pub(crate) use escape::Escape;
