//! What marathon-lite does.

use super::RequestId;
use crate::{
    app::{AppDefinition, Timestamp},
    deployment::{DeploymentId, Step},
    events::Event,
    health::Probe,
    instances::Instance,
    json::Refusal,
};
use proto_types::{OfferId, TaskId, TaskStatus, reconcile::Query, scheduling::Acceptance};
use std::{sync::Arc, time::Duration};

/// Numbers commits to the object store, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommitNumber(pub u64);

/// Something to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Effect {
    /// The commit that has to be stored before.
    pub after: Option<CommitNumber>,
    /// What.
    pub body: Body,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// Store these, all or none. A commit whose fate is unknown ends this instance's leadership.
    Commit(CommitNumber, Vec<ObjectWrite>),
    /// Use offers.
    Accept(Acceptance),
    /// Refuse offers for so long.
    Decline(Vec<OfferId>, Duration),
    /// Kill a task, with this grace or its own.
    Kill(TaskId, Option<Duration>),
    /// An update was taken in.
    Acknowledge(TaskStatus),
    /// No offers are wanted.
    Suppress,
    /// Offers are wanted, also of what was refused.
    Revive,
    /// Ask what became of tasks; of none: of all.
    Reconcile(Vec<Query>),
    /// Ask an instance again and again, until told to stop.
    StartHealthProbe(TaskId, usize, Probe),
    /// As long as it is not ready.
    StartReadinessProbe(TaskId, Probe),
    /// Ask it no more, with any check.
    StopProbes(TaskId),
    /// Answer a request.
    Reply(RequestId, Result<Answer, Refused>),
    /// Tell subscribers.
    Publish(Event),
}

/// One object to store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectWrite {
    /// Its key, such as `apps/a/b/c` or `instances/<id>`.
    pub key: String,
    /// Its value; none: it is removed.
    pub value: Option<Vec<u8>>,
}

/// What a request came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// A deployment was begun; or there was nothing to do, and it is over already.
    Deployed {
        /// Which.
        deployment: DeploymentId,
        /// The version of the root that it leads to.
        version: Timestamp,
        /// The app as it was sent, before ports were assigned, where one was made.
        created: Option<Arc<AppDefinition>>,
    },
    /// What would be done.
    Planned(Vec<Step>),
    /// These are being killed.
    Killed(Vec<Arc<Instance>>),
    /// It is done.
    Done,
}

/// Why nothing was done.
#[derive(Debug, Clone, PartialEq)]
pub enum Refused {
    /// What was sent is wrong.
    Request(Refusal),
    /// It is not there: the message says what.
    NotFound(String),
    /// It is there already: the message says what.
    Conflict(String),
    /// These deployments are in the way.
    Locked(Vec<DeploymentId>),
    /// Too many deployments are under way.
    TooManyDeployments,
}
