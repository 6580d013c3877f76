//! `/v2/groups`.

use super::{
    Api, Term,
    app_info::{Affected, AppInfo},
    call::{Answered, Call, deployment_result, ok, timestamp, with_header},
    embeds::{self, AppEmbed},
    errors::Failure,
    path::path_id,
    pod_status, unexpected,
};
use axum::{
    http::{StatusCode, header},
    response::IntoResponse,
};
use marathon_lite_core::{
    app::{AppDefinition, PathId},
    deployment::render_steps,
    group::{self, Extras, Root},
    pods::PodDefinition,
    scheduler::{Answer, Command, Edit, View},
};
use serde_json::{Value, json};
use std::sync::Arc;

/// Answers a request below `/v2/groups`.
pub(crate) async fn answer(api: &Api, term: &Arc<Term>, call: &Call) -> Answered {
    let parts = call.parts();
    let below = &parts[2..];
    match (call.method.as_str(), below) {
        ("GET", [group @ .., "apps"]) => apps(api, &term.view(), call, &path_id(group)?),
        ("GET", [group @ .., "versions"]) => versions(&term.view(), &path_id(group)?),
        ("GET", [group @ .., "versions", version]) => {
            let (id, version) = (path_id(group)?, timestamp(version)?);
            let view = term.view();
            let root =
                view.root_versions.get(&version).or_else(|| (view.root.version() == version).then_some(&view.root));
            let missing = || Failure::not_found(format!("Group '{id}' does not exist in version {version}"));
            shown(api, &view, root.ok_or_else(missing)?, call, &id).map_err(|_| missing())
        }
        ("GET", _) => {
            let (id, view, api) = (path_id(below)?, term.view(), api.clone());
            let query = call.query.clone();
            let writer = api.clone();
            writer.write(move || render(&api, &view, &view.root, embeds::group(&query), &id)).await
        }
        ("POST", [.., "versions"] | [.., "versions", _]) | ("PUT", [.., "versions"] | [.., "versions", _]) => {
            // A version is gone back to by a body that names it.
            Err(Failure::method("GET, HEAD"))
        }
        ("POST", _) => create(term, call, path_id(below)?).await,
        ("PUT", _) => {
            let edit = Edit::UpdateGroup { id: path_id(below)?, body: call.json()? };
            deploy(term, edit, call, call.query.flag("dryRun", false), StatusCode::OK).await
        }
        ("PATCH", _) => enforce_role(&term.view(), call, &path_id(below)?),
        ("DELETE", _) => deploy(term, Edit::DeleteGroup(path_id(below)?), call, false, StatusCode::OK).await,
        _ => Err(Failure::method("GET, HEAD, POST, PUT, PATCH, DELETE")),
    }
}

/// What apps and pods of a group are shown with.
struct Shown<'a> {
    view: &'a View,
    affected: Affected,
    embed: AppEmbed,
    role: &'a str,
}

impl Extras for Shown<'_> {
    fn app(&mut self, app: &AppDefinition) -> Option<Value> {
        let Self { view, affected, embed, role } = self;
        serde_json::to_value(AppInfo { app, view, affected, embed: *embed, role }).ok()
    }

    fn pod(&mut self, pod: &PodDefinition) -> Option<Value> {
        Some(pod_status::status(pod, self.view))
    }
}

fn shown(api: &Api, view: &View, root: &Root, call: &Call, id: &PathId) -> Answered {
    render(api, view, root, embeds::group(&call.query), id)
}

fn render(api: &Api, view: &View, root: &Root, embed: (group::Embed, AppEmbed), id: &PathId) -> Answered {
    let (parts, apps) = embed;
    let mut extras = Shown { view, affected: Affected::of(view), embed: apps, role: &api.shown.role };
    let group = root.render_group(id, parts, &mut extras).ok_or_else(|| Failure::no_group(id))?;
    ok(&group)
}

fn apps(api: &Api, view: &View, call: &Call, id: &PathId) -> Answered {
    view.root.group(id).ok_or_else(|| Failure::no_group(id))?;
    let embed = AppEmbed::LIST.asked(&call.query);
    let mut extras = Shown { view, affected: Affected::of(view), embed, role: &api.shown.role };
    let apps: Vec<Value> = view.root.apps_below(id).filter_map(|app| extras.app(app)).collect();
    ok(&apps)
}

fn versions(view: &View, id: &PathId) -> Answered {
    view.root.group(id).ok_or_else(|| Failure::no_group(id))?;
    let kept = view.root_versions.iter().rev().filter(|(_, root)| root.group(id).is_some());
    let versions: Vec<String> = kept.map(|(version, _)| version.to_string()).collect();
    ok(&versions)
}

async fn create(term: &Term, call: &Call, id: PathId) -> Answered {
    let body = call.json()?;
    // What it is called is only known from the body; what is wrong with that is the core's to say.
    let named = body.get("id").and_then(Value::as_str).and_then(|text| PathId::resolve(text, &id).ok());
    let location = named.unwrap_or_else(|| id.clone());
    let response = deploy(term, Edit::CreateGroup { id, body }, call, false, StatusCode::CREATED).await?;
    Ok(with_header(response, header::LOCATION, location.as_str()))
}

async fn deploy(term: &Term, edit: Edit, call: &Call, dry_run: bool, status: StatusCode) -> Answered {
    match term.ask(Command::Edit { edit, force: call.force(), dry_run }, None).await? {
        Answer::Deployed { deployment, version, .. } => deployment_result(status, &deployment, version),
        Answer::Planned(steps) => ok(&json!({"steps": render_steps(&steps)})),
        Answer::Killed(_) | Answer::Done => Err(unexpected()),
    }
}

/// The only thing that a PATCH may say of a group is something that this server does not do.
fn enforce_role(view: &View, call: &Call, id: &PathId) -> Answered {
    view.root.group(id).ok_or_else(|| Failure::no_group(id))?;
    let body = call.json()?;
    let fields = body.as_object().ok_or_else(|| Failure::invalid("/", "must be an object"))?;
    if let Some((other, _)) = fields.iter().find(|(name, value)| *name != "enforceRole" && !value.is_null()) {
        return Err(Failure::invalid(&format!("/{other}"), "only enforceRole can be patched; use PUT for the rest"));
    }
    match fields.get("enforceRole") {
        Some(Value::Bool(true)) => {
            Err(Failure::invalid("/enforceRole", "roles cannot be enforced; leave it out or set it to false"))
        }
        Some(Value::Bool(false) | Value::Null) | None => Ok(StatusCode::OK.into_response()),
        Some(_) => Err(Failure::invalid("/enforceRole", "must be true or false")),
    }
}
