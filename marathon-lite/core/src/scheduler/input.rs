//! What marathon-lite reacts to.

use crate::{app::PathId, deployment::DeploymentId, health::ProbeResult};
use proto_types::{AgentId, FrameworkId, Offer, OfferId, Rejection, TaskId, TaskStatus};
use serde_json::Value;

/// Names a request until it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// What happens.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A client wants something; it is answered with [`super::Body::Reply`].
    Command {
        /// Which request.
        request: RequestId,
        /// What.
        command: Command,
    },
    /// The subscription stands. All offers from before are gone.
    Subscribed {
        /// The framework's id; stored before anything is launched.
        framework: FrameworkId,
        /// Whether it went on where it broke off: then offers from before stand.
        resumed: bool,
    },
    /// The subscription broke.
    Disconnected,
    /// Offers.
    Offers(Vec<Offer>),
    /// Offers that are no more.
    Rescinded(Vec<OfferId>),
    /// A report on a task.
    Update(TaskStatus),
    /// A task was certainly not launched.
    Rejected {
        /// Which.
        task: TaskId,
        /// Why.
        rejection: Rejection,
    },
    /// An agent is lost; its tasks get updates of their own.
    AgentLost(AgentId),
    /// A health check of an instance was answered.
    Health {
        /// Which instance.
        instance: TaskId,
        /// Which of the app's health checks.
        check: usize,
        /// What it came to.
        result: ProbeResult,
    },
    /// A readiness check of an instance was answered: HTTP status, content type and body; or why there is no answer.
    Readiness {
        /// Which instance.
        instance: TaskId,
        /// The answer.
        response: Result<(u16, String, String), String>,
    },
    /// Time passes; several times a second.
    Tick,
}

/// What a client wants.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Change what is wanted.
    Edit {
        /// How.
        edit: Edit,
        /// Cancel deployments that are in the way.
        force: bool,
        /// Only say what would be done.
        dry_run: bool,
    },
    /// Kill instances, of one app or of several.
    KillInstances {
        /// Which.
        instances: Vec<TaskId>,
        /// Whether the apps want so many fewer afterwards.
        scale: bool,
        /// Whether their data and reservations go too.
        wipe: bool,
        /// Cancel deployments that are in the way.
        force: bool,
    },
    /// End a deployment: with `revert` by another one back, else leaving everything as it is.
    EndDeployment {
        /// Which.
        id: DeploymentId,
        /// Whether what it changed is changed back.
        revert: bool,
    },
    /// Launch an app again at once, whatever failed before.
    ResetDelay(PathId),
}

/// A change of what is wanted. Bodies are JSON as clients send it.
#[derive(Debug, Clone, PartialEq)]
pub enum Edit {
    /// `POST /v2/apps`.
    CreateApp(Value),
    /// `PUT` and `PATCH /v2/apps/{id}`.
    UpdateApp {
        /// Which.
        id: PathId,
        /// The body.
        body: Value,
        /// Whether fields that are not named stay as they are.
        partial: bool,
        /// Whether it is made if it is not there.
        create: bool,
    },
    /// `PUT` and `PATCH /v2/apps`.
    UpdateApps {
        /// The body, an array.
        body: Value,
        /// Whether fields that are not named stay as they are.
        partial: bool,
        /// Whether those are made that are not there.
        create: bool,
    },
    /// `DELETE /v2/apps/{id}`.
    DeleteApp(PathId),
    /// `POST /v2/apps/{id}/restart`.
    RestartApp(PathId),
    /// `POST /v2/groups[/{id}]`.
    CreateGroup {
        /// Below which.
        id: PathId,
        /// The body.
        body: Value,
    },
    /// `PUT /v2/groups[/{id}]`.
    UpdateGroup {
        /// Which.
        id: PathId,
        /// The body.
        body: Value,
    },
    /// `DELETE /v2/groups[/{id}]`.
    DeleteGroup(PathId),
    /// `POST /v2/pods`.
    CreatePod(Value),
    /// `PUT /v2/pods/{id}`.
    UpdatePod {
        /// Which.
        id: PathId,
        /// The body.
        body: Value,
    },
    /// `DELETE /v2/pods/{id}`.
    DeletePod(PathId),
}
