//! The agent: what runs on each machine. It links to the master, starts executors, and keeps the journal that makes
//! tasks outlive it. What it decides is decided in `agent_core`.
//!
//! ```text
//!   link (gRPC to the master)   executors::server (Unix socket)   executors::machine (processes)
//!            \                            |                             /
//!             +------------------> driver: core + journal <-----------+
//!                                         |
//!                         model (HTTP, metrics, files, gc)
//! ```

mod beneath;
pub mod detect;
mod driver;
mod executors;
mod files;
mod gone;
mod http;
pub mod journal;
mod link;
mod metrics;
pub mod model;
pub mod options;
mod origin;
mod outbox;
mod sandbox_gc;
mod start;
mod terms;
pub mod work_directory;

pub use options::{Isolation, Options};
pub use start::{AgentError, Running, run, start};
