//! Events about deployments.

use super::{Event, text};
use crate::{
    app::Timestamp,
    deployment::{Action, Deployment, DeploymentId, Step},
};
use serde_json::{Value, json};

/// A deployment begins its current step.
#[must_use]
pub fn deployment_info(now: Timestamp, deployment: &Deployment) -> Event {
    of_step("deployment_info", now, deployment, deployment.current_step)
}

/// A deployment finished a step.
#[must_use]
pub fn deployment_step_success(now: Timestamp, deployment: &Deployment, finished: usize) -> Event {
    of_step("deployment_step_success", now, deployment, finished)
}

/// A deployment could not finish a step.
#[must_use]
pub fn deployment_step_failure(now: Timestamp, deployment: &Deployment, failed: usize) -> Event {
    of_step("deployment_step_failure", now, deployment, failed)
}

/// A deployment is over, and all is as it was wanted.
#[must_use]
pub fn deployment_success(now: Timestamp, deployment: &Deployment) -> Event {
    Event::new("deployment_success", now, [("id", id(&deployment.id)), ("plan", plan(deployment))])
}

/// A deployment was cancelled, or failed.
#[must_use]
pub fn deployment_failed(now: Timestamp, deployment: &Deployment, reason: Option<&str>) -> Event {
    let mut event = Event::new("deployment_failed", now, [("id", id(&deployment.id)), ("plan", plan(deployment))]);
    if let Some(reason) = reason {
        event.fields.insert("reason".to_owned(), reason.into());
    }
    event
}

/// What a deployment does, as events carry it.
///
/// Up to Marathon 1.7 the two groups were in it. Nobody wants a whole cluster in each event, but the Python client fails
/// unless both are objects; so they are, with nothing in them.
#[must_use]
pub fn plan(deployment: &Deployment) -> Value {
    json!({
        "id": deployment.id.0,
        "version": deployment.version.to_string(),
        "steps": deployment.steps.iter().map(step).collect::<Value>(),
        "original": {},
        "target": {},
    })
}

/// A step of a plan: `{"actions": [{"action": "ScaleApplication", "app": "/web"}]}`.
#[must_use]
pub fn step(step: &Step) -> Value {
    json!({"actions": step.actions.iter().map(action).collect::<Value>()})
}

fn action(action: &Action) -> Value {
    let whom = if action.pod { "pod" } else { "app" };
    json!({"action": action.kind.name(), whom: action.id.as_str()})
}

fn id(id: &DeploymentId) -> Value {
    text(id)
}

fn of_step(kind: &'static str, now: Timestamp, deployment: &Deployment, index: usize) -> Event {
    let current = deployment.steps.get(index).map_or_else(|| json!({"actions": []}), step);
    Event::new(kind, now, [("plan", plan(deployment)), ("currentStep", current)])
}
