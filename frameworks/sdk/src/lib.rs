//! Write a scheduler for Proffer.
//!
//! Implement [`Scheduler`], and run it: the driver subscribes, finds the leader, comes back after failures, acknowledges
//! and reconciles; your code sees each offer and each update once, in order, and answers through its [`Context`]. This
//! is a whole framework, which runs three tasks and ends:
//!
//! ```no_run
#![doc = include_str!("../examples/hello.rs")]
//! ```
//!
//! The session's rules are those of the crate `framework-core`; this crate gives them a connection, a clock and a file.
//! [`executor`] is the other side: write what runs the tasks. [`operator`] is for tools.

mod builder;
mod connect;
mod context;
mod driver;
mod election;
mod error;
pub mod executor;
mod handle;
mod identity;
mod offers;
pub mod operator;
mod scheduler;
mod task;
mod transport;

pub use builder::{Builder, Framework};
pub use connect::{MasterAddress, channel};
pub use context::Context;
pub use error::{Error, Trouble, Unanswered};
pub use handle::Handle;
pub use offers::{Packing, usable};
pub use scheduler::Scheduler;
pub use task::{InvalidTask, TaskBuilder, task};

pub use proto_types::{
    AgentId, AgentInfo, ClusterId, ExecutorId, Filters, FrameworkId, Offer, OfferId, Rejection, RejectionKind,
    ResourceName, Resources, Role, Scalar, TaskId, TaskInfo, TaskState, TaskStatus,
    agent::Unavailability,
    constraints, container, health,
    reconcile::Query,
    resources,
    scheduling::{Acceptance, Explanation, ReasonLine, Refusal, Subject},
    status::{Reason, Source},
    task::{Command, ExecutorInfo, Launch, Uri},
};

/// The example of the README is compiled like those of the documentation.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
