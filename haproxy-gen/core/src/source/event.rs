//! Events of Marathon's stream, as far as they say something about traffic.

use super::{
    AppId, Garbage, Task, TaskId, TaskState, Verdict,
    json::{At, Malformed},
    read_task::{addresses_at, host_ports_at, short_text},
};
use serde_json::Value;

/// What an event says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A task is in a new state: with what it has if it gets traffic in it, else it is out of the way.
    Task {
        /// Its app.
        app: AppId,
        /// Its id.
        id: TaskId,
        /// The task as the event tells it.
        task: Option<Task>,
    },
    /// The health of a task changed.
    Health {
        /// Its app.
        app: AppId,
        /// The instance's id, which is the task's or begins it.
        instance: String,
        /// Whether it is healthy.
        alive: bool,
    },
    /// There is no such app any more.
    AppGone(AppId),
    /// Something about this app is different.
    AppChanged(AppId),
    /// Something is different.
    Changed,
    /// Of no concern for traffic.
    Other,
}

/// Reads the data of one event.
///
/// # Errors
/// If it is not JSON, or lacks what every event of its kind has: then all apps must be asked for.
pub fn read_event(text: &[u8]) -> Result<Event, Garbage> {
    let value: Value = serde_json::from_slice(text).map_err(|error| Garbage::NotJson(error.to_string()))?;
    let root = At::root(&value);
    let kind = root.need("eventType")?;
    match kind.as_text()? {
        "status_update_event" => Ok(task_event(&root)?),
        "health_status_changed_event" => Ok(Event::Health {
            app: app_at(&root)?,
            instance: short_text(&root.get("taskId").map_or_else(|| root.need("instanceId"), Ok)?)?,
            alive: root.need("alive")?.as_bool()?,
        }),
        "app_terminated_event" => Ok(Event::AppGone(app_at(&root)?)),
        "add_health_check_event" | "remove_health_check_event" => Ok(Event::AppChanged(app_at(&root)?)),
        "api_post_event" => match root.get("appDefinition").and_then(|app| app.text("id").ok().flatten()) {
            Some(id) => Ok(AppId::new(&id).map_or(Event::Changed, Event::AppChanged)),
            None => Ok(Event::Changed),
        },
        "deployment_success" | "deployment_failed" | "group_change_success" | "deployment_step_success" => {
            Ok(Event::Changed)
        }
        _ => Ok(Event::Other),
    }
}

fn app_at(root: &At<'_>) -> Result<AppId, Malformed> {
    let id = root.need("appId")?;
    AppId::new(id.as_text()?).map_err(|why| id.wrong(why))
}

fn task_event(root: &At<'_>) -> Result<Event, Malformed> {
    let app = app_at(root)?;
    let id = TaskId(short_text(&root.need("taskId")?)?);
    let status = root.need("taskStatus")?;
    let Some(state) = TaskState::of(status.as_text()?) else {
        return Ok(Event::Task { app, id, task: None });
    };
    let task = Task {
        id: id.clone(),
        host: short_text(&root.need("host")?)?,
        agent: root.text("slaveId")?,
        ports: host_ports_at(root)?,
        addresses: addresses_at(root)?,
        state,
        started: root.text("timestamp")?,
        verdict: Verdict::Unknown,
    };
    Ok(Event::Task { app, id, task: Some(task) })
}
