//! One instance of an app.

use super::Condition;
use crate::app::{PathId, Timestamp};
use proto_types::{AgentId, Attributes, TaskId, TaskState};
use std::sync::Arc;

/// An instance of an app. What is here is stored before its task is launched, and outlives every leader.
#[derive(Debug, Clone, PartialEq)]
pub struct Instance {
    /// Its task's id, `<safe path of the app>.<uuid>`: the form of Marathon before 1.4, which clients cut at the last dot.
    pub id: TaskId,
    /// Of which app.
    pub app: PathId,
    /// The `lastConfigChangeAt` of the app that it was launched from: tells old instances from new ones.
    pub config_version: Timestamp,
    /// The `version` of the app that it was launched from.
    pub version: Timestamp,
    /// On which agent.
    pub agent: AgentId,
    /// The agent's hostname.
    pub host: String,
    /// The agent's attributes, for constraints.
    pub attributes: Arc<Attributes>,
    /// The agent's region and zone, where it has them.
    pub region: Option<String>,
    /// See there.
    pub zone: Option<String>,
    /// Its ports on the agent, in the order of the app's ports.
    pub host_ports: Vec<u16>,
    /// Its own addresses, where it has any.
    pub ip_addresses: Vec<String>,
    /// How it does.
    pub condition: Condition,
    /// When it was launched.
    pub staged_at: Timestamp,
    /// When it first ran.
    pub started_at: Option<Timestamp>,
    /// Since when it is unreachable.
    pub unreachable_since: Option<Timestamp>,
    /// What each of the health checks of the app's version that it was launched from says, in their order: as many as
    /// there were checks. For a pod, those of its containers that have one.
    pub health: Vec<CheckHealth>,
    /// Whether it is ready for traffic; once it is, it stays so.
    pub readiness: Readiness,
    /// Whether it is to be killed, whatever it does: the kill is repeated until its end is told.
    pub goal_stopped: bool,
    /// The tasks of a pod's instance, one for each container; empty for an app's, whose only task has the instance's id.
    pub containers: Vec<ContainerTask>,
}

/// The task of one container of a pod's instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerTask {
    /// The container's name in the pod.
    pub name: String,
    /// Its task: see [`super::container_task_id`].
    pub task: TaskId,
    /// How it does.
    pub condition: Condition,
    /// When it first ran.
    pub started_at: Option<Timestamp>,
    /// What its health check says; none: there is none, or nothing yet.
    pub healthy: Option<bool>,
    /// The last words about it.
    pub message: String,
}

/// What a health check says of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CheckHealth {
    /// Whether it is healthy; none: nobody knows yet.
    pub alive: Option<bool>,
    /// Failures in a row.
    pub consecutive_failures: u32,
    /// When it was first healthy.
    pub first_success: Option<Timestamp>,
    /// When it was last healthy.
    pub last_success: Option<Timestamp>,
    /// When it last failed.
    pub last_failure: Option<Timestamp>,
    /// Why.
    pub last_failure_cause: Option<String>,
}

/// Whether an instance is ready for traffic.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Readiness {
    /// Whether it was found ready.
    pub ready: bool,
    /// The last answer, if the app wants it kept: status, content type, body.
    pub last_response: Option<(u16, String, String)>,
}

/// The last failure of an app: `lastTaskFailure`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskFailure {
    /// Which task.
    pub task: TaskId,
    /// How it ended.
    pub state: TaskState,
    /// Why.
    pub message: String,
    /// On which machine.
    pub host: String,
    /// On which agent.
    pub agent: Option<AgentId>,
    /// When.
    pub timestamp: Timestamp,
    /// From which version of the app.
    pub version: Timestamp,
}

impl Instance {
    /// One that is about to be launched: it has no ports, and nothing is known of it.
    #[must_use]
    pub fn new(id: TaskId, app: PathId, agent: AgentId, host: String, staged_at: Timestamp) -> Self {
        Self {
            id,
            app,
            config_version: staged_at,
            version: staged_at,
            agent,
            host,
            attributes: Arc::default(),
            region: None,
            zone: None,
            host_ports: Vec::new(),
            ip_addresses: Vec::new(),
            condition: Condition::Created,
            staged_at,
            started_at: None,
            unreachable_since: None,
            health: Vec::new(),
            readiness: Readiness::default(),
            goal_stopped: false,
            containers: Vec::new(),
        }
    }

    /// What its health checks say together: healthy if all say so, unhealthy if any does; none: there are none, or some
    /// have not spoken and none says that it is not.
    #[must_use]
    pub fn verdict(&self) -> Option<bool> {
        if self.is_unhealthy() {
            return Some(false);
        }
        (!self.health.is_empty() && self.is_healthy(self.health.len())).then_some(true)
    }

    /// Whether a deployment may rely on it: it runs, is healthy as far as there are checks, ready, and not about to go.
    #[must_use]
    pub fn serves(&self) -> bool {
        self.runs() && !self.goal_stopped && self.readiness.ready && self.is_healthy(self.health.len())
    }

    /// Its tasks: that of an app's instance, or those of a pod's containers.
    pub fn tasks(&self) -> impl Iterator<Item = &TaskId> {
        let own = self.containers.is_empty().then_some(&self.id);
        own.into_iter().chain(self.containers.iter().map(|container| &container.task))
    }

    /// Whether it counts for what its app wants: it is or will be there, and is not about to go.
    #[must_use]
    pub const fn is_wanted(&self) -> bool {
        self.condition.is_active() && !self.goal_stopped
    }

    /// Whether its agent is cut off.
    #[must_use]
    pub const fn is_unreachable(&self) -> bool {
        matches!(self.condition, Condition::UnreachableInactive | Condition::Task(TaskState::Unreachable))
    }

    /// Whether so many health checks have spoken and say that it is healthy; without checks it always is.
    #[must_use]
    pub fn is_healthy(&self, checks: usize) -> bool {
        self.health.len() >= checks && self.health.iter().take(checks).all(|health| health.alive == Some(true))
    }

    /// Whether any health check says that it is not healthy.
    #[must_use]
    pub fn is_unhealthy(&self) -> bool {
        self.health.iter().any(|health| health.alive == Some(false))
    }

    /// Whether its task runs.
    #[must_use]
    pub fn runs(&self) -> bool {
        self.condition == Condition::Task(TaskState::Running)
    }
}
