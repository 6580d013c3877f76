//! Ends, and what they mean for the next launch.

use super::{Instance, TaskFailure};
use crate::app::Timestamp;
use proto_types::{TaskState, TaskStatus};

/// Whether an app shows this as its last failure.
pub(super) const fn is_failure(state: TaskState) -> bool {
    match state {
        TaskState::Failed
        | TaskState::Error
        | TaskState::Dropped
        | TaskState::Gone
        | TaskState::GoneByOperator
        | TaskState::Unreachable
        | TaskState::Unknown => true,
        TaskState::Staging
        | TaskState::Starting
        | TaskState::Running
        | TaskState::Killing
        | TaskState::Finished
        | TaskState::Killed => false,
    }
}

/// Whether the app's next launch waits longer after this end: after failures, and after a service that ended as if it
/// had nothing more to do, which would be started over and over.
pub(super) const fn delays_launch(state: TaskState, run_once: bool) -> bool {
    match state {
        TaskState::Failed | TaskState::Error | TaskState::Dropped | TaskState::Gone => true,
        TaskState::Finished => !run_once,
        TaskState::Staging
        | TaskState::Starting
        | TaskState::Running
        | TaskState::Killing
        | TaskState::Killed
        | TaskState::Unreachable
        | TaskState::GoneByOperator
        | TaskState::Unknown => false,
    }
}

/// The failure that a report tells.
pub(super) fn failure(instance: &Instance, status: &TaskStatus, now: Timestamp) -> TaskFailure {
    TaskFailure {
        task: status.task.clone(),
        state: status.state,
        message: message(status),
        host: instance.host.clone(),
        agent: Some(instance.agent.clone()),
        timestamp: now,
        version: instance.version,
    }
}

/// Why a task is in its state: what was said, or else what is known of its end.
pub(super) fn message(status: &TaskStatus) -> String {
    if !status.message.is_empty() {
        return status.message.clone();
    }
    match (status.exit_code, status.signal, status.reason) {
        (Some(code), _, _) => format!("Command exited with status {code}"),
        (None, Some(signal), _) => format!("Command terminated with signal {signal}"),
        (None, None, Some(reason)) => format!("{reason:?}"),
        (None, None, None) => String::new(),
    }
}
