//! Executors: where they connect, and their processes.

mod command;
mod escape;
pub(crate) mod machine;
pub(crate) mod process;
pub(crate) mod server;

pub(crate) use escape::Escape;
