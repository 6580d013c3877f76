//! The last failure of an app.

use super::reading::{Stored, Wrong, parse, text};
use crate::instances::TaskFailure;
use proto_types::{AgentId, TaskId, TaskState};
use serde_json::{Value, json};

pub(in crate::scheduler) fn failure(failure: &TaskFailure) -> Vec<u8> {
    let TaskFailure { task, state, message, host, agent, timestamp, version } = failure;
    text(&json!({
        "task": task.as_str(), "state": state.name(), "message": message, "host": host,
        "agent": agent.as_ref().map(AgentId::as_str), "timestamp": timestamp.millis(), "version": version.millis(),
    }))
}

pub(in crate::scheduler) fn read_failure(bytes: &[u8]) -> Result<TaskFailure, Wrong> {
    let value = parse(bytes)?;
    let stored = Stored::of(&value)?;
    Ok(TaskFailure {
        task: stored.need("task", |value| TaskId::new(value.as_str()?).ok())?,
        state: stored.need("state", state_of)?,
        message: stored.text("message")?,
        host: stored.text("host")?,
        agent: stored.may("agent", |value| AgentId::new(value.as_str()?).ok())?,
        timestamp: stored.moment("timestamp")?,
        version: stored.moment("version")?,
    })
}

/// A task's state by its name.
pub(super) fn state_of(value: &Value) -> Option<TaskState> {
    TaskState::ALL.into_iter().find(|state| Some(state.name()) == value.as_str())
}
