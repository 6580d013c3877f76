//! Events about instances and their tasks.

use super::{Event, text};
use crate::{
    app::{PathId, Timestamp},
    instances::{Condition, Instance, ip_addresses, task_state},
};
use proto_types::{TaskId, TaskStatus};

/// The state of a task of an instance changed. The instance is as it is after that.
#[must_use]
pub fn status_update(now: Timestamp, instance: &Instance, status: &TaskStatus, message: &str) -> Event {
    let fields = [
        ("slaveId", text(status.agent.as_ref().unwrap_or(&instance.agent))),
        ("taskId", text(&status.task)),
        ("taskStatus", task_state(status.state).into()),
        ("message", message.into()),
        ("appId", text(&instance.app)),
        ("host", instance.host.clone().into()),
        ("ipAddresses", ip_addresses(instance)),
        ("ports", instance.host_ports.clone().into()),
        ("version", text(&instance.version)),
    ];
    Event::new("status_update_event", now, fields)
}

/// An instance does otherwise than before.
#[must_use]
pub fn instance_changed(now: Timestamp, instance: &Instance) -> Event {
    let fields = [
        ("instanceId", text(&instance.id)),
        ("condition", text(&instance.condition)),
        ("runSpecId", text(&instance.app)),
        ("agentId", text(&instance.agent)),
        ("host", instance.host.clone().into()),
        ("runSpecVersion", text(&instance.version)),
    ];
    Event::new("instance_changed_event", now, fields)
}

/// A task that nobody knows any more ended.
#[must_use]
pub fn unknown_instance_terminated(now: Timestamp, task: &TaskId, app: &PathId, condition: Condition) -> Event {
    let fields = [("instanceId", text(task)), ("runSpecId", text(app)), ("condition", text(&condition))];
    Event::new("unknown_instance_terminated_event", now, fields)
}
