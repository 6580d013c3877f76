//! `/v2/apps`.

use super::{
    Api, Term,
    app_info::{Affected, AppInfo, all},
    call::{Answered, Call, deployment_result, json_response, ok, timestamp, with_deployment, with_header},
    embeds::AppEmbed,
    errors::Failure,
    kill,
    path::path_id,
    task_info::TaskInfo,
    unexpected,
};
use crate::driver::Notice;
use axum::http::{Method, StatusCode, header};
use marathon_lite_core::{
    app::{AppDefinition, LabelSelector, PathId},
    scheduler::{Answer, Command, Edit, View},
};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use std::sync::Arc;

/// Answers a request below `/v2/apps`.
pub(crate) async fn answer(api: &Api, term: &Arc<Term>, call: &Call) -> Answered {
    let parts = call.parts();
    let below = &parts[2..];
    match (call.method.as_str(), below) {
        ("GET", []) => list(api, term, call).await,
        ("POST", []) => create(term, call).await,
        ("PUT", []) => change_all(term, call, call.query.flag("partialUpdate", true), true).await,
        ("PATCH", []) => change_all(term, call, true, false).await,
        (_, []) => Err(Failure::method("GET, HEAD, POST, PUT, PATCH")),
        (_, [group @ .., "*", "tasks"]) => match call.method {
            Method::GET => tasks_below(api, &term.view(), &path_id(group)?),
            _ => Err(Failure::method("GET, HEAD")),
        },
        (_, [group @ .., "*"]) => match call.method {
            Method::GET => below_group(api, term, call, path_id(group)?).await,
            _ => Err(Failure::method("GET, HEAD")),
        },
        (method, [app @ .., "tasks"]) => match method {
            "GET" => tasks(api, &term.view(), &path_id(app)?),
            "DELETE" => kill::of_app(api, term, call, &path_id(app)?).await,
            _ => Err(Failure::method("GET, HEAD, DELETE")),
        },
        ("DELETE", [app @ .., "tasks", task]) => kill::one(api, term, call, &path_id(app)?, task).await,
        ("POST", [app @ .., "restart"]) => {
            let edit = Edit::RestartApp(path_id(app)?);
            deploy(term, Command::Edit { edit, force: call.force(), dry_run: false }, None).await
        }
        ("POST", _) => Err(Failure::method("GET, HEAD, PUT, PATCH, DELETE")),
        ("GET", [app @ .., "versions"]) => versions(&term.view(), &path_id(app)?),
        ("GET", [app @ .., "versions", version]) => match of_version(&term.view(), &path_id(app)?, version) {
            // An app may live in a group called `versions`.
            Err(refusal) => single(api, &term.view(), call, below).map_err(|_| refusal),
            found => found,
        },
        ("GET", _) => single(api, &term.view(), call, below),
        ("PUT", _) => change(term, call, path_id(below)?, call.query.flag("partialUpdate", true), true).await,
        ("PATCH", _) => change(term, call, path_id(below)?, true, false).await,
        ("DELETE", _) => {
            let (edit, force) = (Edit::DeleteApp(path_id(below)?), call.query.flag("force", true));
            deploy(term, Command::Edit { edit, force, dry_run: false }, None).await
        }
        _ => Err(Failure::method("GET, HEAD, PUT, PATCH, DELETE")),
    }
}

/// Apps of one snapshot under a name, written without an intermediate form: lists are long.
struct Apps<'a> {
    name: &'static str,
    apps: Vec<AppInfo<'a>>,
}

impl Serialize for Apps<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([(self.name, &self.apps)])
    }
}

/// What a list of apps is narrowed by.
struct Filter {
    cmd: Option<String>,
    id: Option<String>,
    labels: Vec<LabelSelector>,
}

impl Filter {
    fn of(call: &Call) -> Result<Self, Failure> {
        let lower = |name| call.query.first(name).map(str::to_lowercase);
        let labels = call.query.all("label").filter(|text| !text.is_empty()).map(LabelSelector::parse);
        let labels = labels.collect::<Result<_, _>>().map_err(|error| Failure::argument(error.to_string()))?;
        Ok(Self { cmd: lower("cmd"), id: lower("id"), labels })
    }

    fn matches(&self, app: &AppDefinition) -> bool {
        let cmd = self
            .cmd
            .as_ref()
            .is_none_or(|wanted| app.cmd.as_ref().is_some_and(|cmd| cmd.to_lowercase().contains(wanted)));
        let id = self.id.as_ref().is_none_or(|wanted| app.id.as_str().contains(wanted));
        cmd && id && self.labels.iter().all(|selector| selector.matches(&app.labels))
    }
}

async fn list(api: &Api, term: &Term, call: &Call) -> Answered {
    let (filter, embed) = (Filter::of(call)?, AppEmbed::LIST.asked(&call.query));
    let (view, role) = (term.view(), api.shown.role.clone());
    api.write(move || {
        let affected = Affected::of(&view);
        let apps = view.root.apps().filter(|app| filter.matches(app));
        let info = |app| AppInfo { app, view: &view, affected: &affected, embed, role: &role };
        ok(&Apps { name: "apps", apps: apps.map(|app| info(app)).collect() })
    })
    .await
}

async fn below_group(api: &Api, term: &Term, call: &Call, group: PathId) -> Answered {
    let embed = AppEmbed::LIST.asked(&call.query);
    let (view, role) = (term.view(), api.shown.role.clone());
    api.write(move || {
        let affected = Affected::of(&view);
        let info = |app| AppInfo { app, view: &view, affected: &affected, embed, role: &role };
        ok(&Apps { name: "*", apps: view.root.apps_below(&group).map(|app| info(app)).collect() })
    })
    .await
}

fn single(api: &Api, view: &View, call: &Call, parts: &[&str]) -> Answered {
    let id = path_id(parts)?;
    let app = view.root.app(&id).ok_or_else(|| Failure::no_app(&id))?;
    let (affected, embed) = (Affected::of(view), AppEmbed::SINGLE.asked(&call.query));
    let info = AppInfo { app, view, affected: &affected, embed, role: &api.shown.role };
    ok(&json!({"app": serde_json::to_value(&info).unwrap_or_default()}))
}

fn tasks(api: &Api, view: &View, id: &PathId) -> Answered {
    let app = view.root.app(id).ok_or_else(|| Failure::no_app(id))?;
    ok(&json!({"tasks": task_list(api, view, app)}))
}

fn tasks_below(api: &Api, view: &View, group: &PathId) -> Answered {
    let tasks: Vec<Value> = view.root.apps_below(group).flat_map(|app| task_list(api, view, app)).collect();
    ok(&json!({"tasks": tasks}))
}

fn task_list(api: &Api, view: &View, app: &AppDefinition) -> Vec<Value> {
    let service_ports = app.service_ports();
    let role = app.role.as_deref().unwrap_or(&api.shown.role);
    let info = |instance| TaskInfo { instance, service_ports: &service_ports, role };
    all(view.instances.get(&app.id)).map(|one| info(one).render()).collect()
}

fn versions(view: &View, id: &PathId) -> Answered {
    let kept = view.app_versions.get(id).filter(|_| view.root.app(id).is_some());
    let kept = kept.ok_or_else(|| Failure::no_app(id))?;
    let versions: Vec<String> = kept.keys().rev().map(ToString::to_string).collect();
    ok(&json!({"versions": versions}))
}

fn of_version(view: &View, id: &PathId, text: &str) -> Answered {
    let version = timestamp(text)?;
    let app = view.app_versions.get(id).and_then(|versions| versions.get(&version));
    let app = app.or_else(|| view.root.app(id).filter(|app| app.version == version));
    let app = app.ok_or_else(|| Failure::not_found(format!("App '{id}' does not exist in version {version}")))?;
    ok(&app.render())
}

async fn create(term: &Term, call: &Call) -> Answered {
    let edit = Edit::CreateApp(call.json()?);
    let command = Command::Edit { edit, force: call.force(), dry_run: false };
    let Answer::Deployed { deployment, version, created } = term.ask(command, Some(Notice::app(call))).await? else {
        return Err(unexpected());
    };
    let Some(app) = created else { return deployment_result(StatusCode::CREATED, &deployment, version) };
    let mut body = app.render();
    for count in ["tasksStaged", "tasksRunning", "tasksHealthy", "tasksUnhealthy"] {
        body.insert(count.into(), 0.into());
    }
    body.insert("deployments".into(), json!([{"id": deployment.0}]));
    let response = json_response(StatusCode::CREATED, &body)?;
    Ok(with_header(with_deployment(response, &deployment), header::LOCATION, app.id.as_str()))
}

async fn change(term: &Term, call: &Call, id: PathId, partial: bool, create: bool) -> Answered {
    let edit = Edit::UpdateApp { id: id.clone(), body: call.json()?, partial, create };
    let command = Command::Edit { edit, force: call.force(), dry_run: false };
    deploy(term, command, Some(Notice::app(call))).await
}

async fn change_all(term: &Term, call: &Call, partial: bool, create: bool) -> Answered {
    let edit = Edit::UpdateApps { body: call.json()?, partial, create };
    let command = Command::Edit { edit, force: call.force(), dry_run: false };
    deploy(term, command, Some(Notice::app(call))).await
}

/// Has something deployed: 200, or 201 with where it is if that is new.
async fn deploy(term: &Term, command: Command, notice: Option<Notice>) -> Answered {
    match term.ask(command, notice).await? {
        Answer::Deployed { deployment, version, created: Some(app) } => {
            let response = deployment_result(StatusCode::CREATED, &deployment, version)?;
            Ok(with_header(response, header::LOCATION, app.id.as_str()))
        }
        Answer::Deployed { deployment, version, created: None } => {
            deployment_result(StatusCode::OK, &deployment, version)
        }
        _ => Err(unexpected()),
    }
}
