//! Executors: where they connect, and their processes.

pub(crate) mod machine;
pub(crate) mod process;
pub(crate) mod server;
