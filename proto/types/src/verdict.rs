//! What came of one thing that a framework asked for.

use crate::{Resources, TaskId};

/// Why an operation was not done. Nothing of it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The kind, for programs.
    pub kind: RejectionKind,
    /// The field that is wrong, as a path such as `operations[0].launch.tasks[2].resources`; empty if none is.
    pub field: String,
    /// For people, with numbers.
    pub message: String,
    /// What is free on the agent now, when it was too little.
    pub free: Option<Resources>,
}

/// The kinds of refusal. Each tells the caller what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RejectionKind {
    /// The request itself is wrong; sending it again gives the same answer.
    Invalid,
    /// The offer is not outstanding: never made, used, expired or rescinded. Wait for another.
    OfferGone,
    /// More was asked for than the offers and the agent's free resources hold. Ask for less or wait.
    Conflict,
    /// The agent is not connected. Wait for another offer.
    AgentGone,
    /// Another part of an all-or-nothing request was refused.
    GangAborted,
    /// The request is of an earlier epoch; whether it was carried out is unknown. Reconcile its tasks.
    OutcomeUnknown,
    /// The principal may not do this.
    Unauthorized,
}

/// The verdict on one task of a launch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskVerdict {
    /// The task.
    pub task: TaskId,
    /// Accepted, or why not.
    pub result: Result<(), Rejection>,
}
