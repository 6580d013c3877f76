//! Kills of instances, by app, by id, and by list.

use super::{
    Api, Term,
    app_info::all,
    call::{Answered, Call, deployment_result, ok},
    errors::Failure,
    task_info::TaskInfo,
    unexpected,
};
use axum::http::StatusCode;
use marathon_lite_core::{
    app::PathId,
    instances::Instance,
    json::{Item, Report},
    scheduler::{Answer, Command, View},
};
use proto_types::TaskId;
use serde_json::{Value, json};
use std::sync::Arc;

/// How instances are killed.
#[derive(Debug, Clone, Copy)]
struct How {
    scale: bool,
    wipe: bool,
    force: bool,
}

impl How {
    fn of(call: &Call) -> Result<Self, Failure> {
        let how =
            Self { scale: call.query.flag("scale", false), wipe: call.query.flag("wipe", false), force: call.force() };
        if how.scale && how.wipe {
            return Err(Failure::new(StatusCode::BAD_REQUEST, "You cannot use scale and wipe at the same time."));
        }
        Ok(how)
    }

    fn command(self, instances: Vec<TaskId>) -> Command {
        Command::KillInstances { instances, scale: self.scale, wipe: self.wipe, force: self.force }
    }
}

/// `DELETE /v2/apps/{id}/tasks`.
pub(super) async fn of_app(api: &Api, term: &Term, call: &Call, app: &PathId) -> Answered {
    let how = How::of(call)?;
    let view = term.view();
    view.root.app(app).ok_or_else(|| Failure::no_app(app))?;
    let host = call.query.first("host").filter(|host| *host != "*");
    let wanted = all(view.instances.get(app)).filter(|instance| host.is_none_or(|host| instance.host == host));
    let ids = wanted.map(|instance| instance.id.clone()).collect();
    match kill(term, how, ids).await? {
        Outcome::Killed(killed) => ok(&json!({"tasks": shown(api, &view, &killed)})),
        Outcome::Answered(response) => Ok(response),
    }
}

/// `DELETE /v2/apps/{id}/tasks/{task}`.
pub(super) async fn one(api: &Api, term: &Term, call: &Call, app: &PathId, task: &str) -> Answered {
    let how = How::of(call)?;
    let view = term.view();
    view.root.app(app).ok_or_else(|| Failure::no_app(app))?;
    let missing = || Failure::not_found(format!("Task '{task}' does not exist"));
    let id = task_id(task)?;
    let instance = view.instances.get(app).and_then(|instances| instances.get(&id)).ok_or_else(missing)?;
    match kill(term, how, vec![instance.id.clone()]).await? {
        Outcome::Killed(killed) => {
            let tasks = shown(api, &view, &killed);
            ok(&json!({"task": tasks.into_iter().next().ok_or_else(missing)?}))
        }
        Outcome::Answered(response) => Ok(response),
    }
}

/// `POST /v2/tasks/delete`.
pub(super) async fn listed(api: &Api, term: &Term, call: &Call) -> Answered {
    let how = How::of(call)?;
    let body = call.json()?;
    let ids = ids(&body)?.iter().map(|id| task_id(id)).collect::<Result<Vec<TaskId>, Failure>>()?;
    let view = term.view();
    let known = |id: &TaskId| view.instances.values().any(|instances| instances.contains_key(id));
    let ids = ids.into_iter().filter(known).collect();
    match kill(term, how, ids).await? {
        Outcome::Killed(killed) => ok(&json!({"tasks": shown(api, &view, &killed)})),
        Outcome::Answered(response) => Ok(response),
    }
}

/// The ids in a body `{"ids": […]}`.
fn ids(body: &Value) -> Result<Vec<String>, Failure> {
    let report = Report::default();
    let ids = Item::body(body, &report).object().and_then(|fields| fields.required("ids"));
    let ids = ids.and_then(|ids| ids.each(|id| id.text().map(str::to_owned)));
    report.finish()?;
    Ok(ids.unwrap_or_default())
}

/// The id of a task: the app's path, a dot, and what tells its instances apart.
fn task_id(text: &str) -> Result<TaskId, Failure> {
    let wrong = |why: &str| Failure::new(StatusCode::BAD_REQUEST, format!("Invalid task id '{text}'. [{why}]"));
    let id = TaskId::new(text).map_err(|error| wrong(&error.to_string()))?;
    let (app, rest) = text.rsplit_once('.').ok_or_else(|| wrong("it has no dot"))?;
    if rest.is_empty() {
        return Err(wrong("nothing stands behind its last dot"));
    }
    PathId::from_safe_path(app).map_err(|error| wrong(&error.to_string()))?;
    Ok(id)
}

enum Outcome {
    Killed(Vec<Arc<Instance>>),
    Answered(axum::response::Response),
}

async fn kill(term: &Term, how: How, ids: Vec<TaskId>) -> Result<Outcome, Failure> {
    if ids.is_empty() && !how.scale {
        return Ok(Outcome::Killed(Vec::new()));
    }
    match term.ask(how.command(ids), None).await? {
        Answer::Killed(killed) => Ok(Outcome::Killed(killed)),
        Answer::Deployed { deployment, version, .. } => {
            deployment_result(StatusCode::OK, &deployment, version).map(Outcome::Answered)
        }
        Answer::Planned(_) | Answer::Done => Err(unexpected()),
    }
}

fn shown(api: &Api, view: &View, killed: &[Arc<Instance>]) -> Vec<Value> {
    let show = |instance: &Arc<Instance>| {
        let app = view.root.app(&instance.app);
        let service_ports = app.map(|app| app.service_ports()).unwrap_or_default();
        let role = app.and_then(|app| app.role.as_deref()).unwrap_or(&api.shown.role);
        TaskInfo { instance, service_ports: &service_ports, role }.render()
    };
    killed.iter().map(show).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_tasks_are_looked_at() {
        assert!(task_id("shop_web.3b1d").is_ok());
        for wrong in ["web", "Web.1", "web.", ".x", "a/b.c", ""] {
            let failure = task_id(wrong).unwrap_err();
            assert_eq!(failure.status, 400);
            assert!(failure.body["message"].as_str().unwrap().starts_with(&format!("Invalid task id '{wrong}'. [")));
        }
    }

    #[test]
    fn bodies_of_the_wrong_shape_are_named() {
        assert_eq!(ids(&json!({"ids": ["a.1", "b.2"]})).unwrap(), ["a.1", "b.2"]);
        for (body, path) in [
            (json!([]), "/"),
            (json!({}), "/ids"),
            (json!({"ids": "a"}), "/ids"),
            (json!({"ids": ["a", 1]}), "/ids(1)"),
        ] {
            let failure = ids(&body).unwrap_err();
            assert_eq!((failure.status.as_u16(), &failure.body["details"][0]["path"]), (422, &json!(path)));
        }
    }
}
