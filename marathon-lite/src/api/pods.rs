//! `/v2/pods`. Colons stand between the id of a pod and what is asked of it, for ids have slashes.

use super::{
    Term,
    call::{Answered, Call, json_response, ok, timestamp, with_deployment, with_header},
    errors::Failure,
    path::path_id,
    pod_status, unexpected,
};
use crate::driver::{Notice, RequestEvent};
use axum::{
    http::{StatusCode, header},
    response::IntoResponse,
};
use marathon_lite_core::{
    app::PathId,
    deployment::DeploymentId,
    events::{pod_created, pod_deleted, pod_updated},
    instances::Instance,
    scheduler::{Answer, Command, Edit, View},
};
use proto_types::TaskId;
use serde_json::{Value, json};
use std::sync::Arc;

/// What is asked of a pod, behind the colons.
#[derive(Debug, PartialEq, Eq)]
enum Asked<'a> {
    Itself,
    Status,
    Versions,
    Version(&'a str),
    Instances,
    Instance(&'a str),
}

/// Answers a request below `/v2/pods`.
pub(crate) async fn answer(term: &Term, call: &Call) -> Answered {
    let path = call.parts()[2..].join("/");
    let (id, asked) = take_apart(&path)?;
    let method = call.method.as_str();
    if id.is_root() {
        return match (method, asked) {
            ("GET", Asked::Itself) => {
                let view = term.view();
                ok(&view.root.pods().map(|pod| pod.render()).collect::<Vec<_>>())
            }
            ("GET", Asked::Status) => {
                let view = term.view();
                ok(&view.root.pods().map(|pod| pod_status::status(pod, &view)).collect::<Vec<_>>())
            }
            ("POST", Asked::Itself) => create(term, call).await,
            (_, Asked::Itself) => Err(Failure::method("GET, HEAD, POST")),
            (_, Asked::Status) => Err(Failure::method("GET, HEAD")),
            _ => Err(Failure::no_such_address()),
        };
    }
    match (method, asked) {
        ("GET", Asked::Itself) => ok(&term.view().root.pod(&id).ok_or_else(|| Failure::no_pod(&id))?.render()),
        ("PUT", Asked::Itself) => update(term, call, id).await,
        ("DELETE", Asked::Itself) => delete(term, call, id).await,
        (_, Asked::Itself) => Err(Failure::method("GET, HEAD, PUT, DELETE")),
        ("GET", Asked::Status) => {
            let view = term.view();
            ok(&pod_status::status(view.root.pod(&id).ok_or_else(|| Failure::no_pod(&id))?, &view))
        }
        ("GET", Asked::Versions) => versions(&term.view(), &id),
        ("GET", Asked::Version(text)) => of_version(&term.view(), &id, text),
        (_, Asked::Status | Asked::Versions | Asked::Version(_)) => Err(Failure::method("GET, HEAD")),
        ("DELETE", Asked::Instances) => kill(term, call, &id, &listed(call)?).await,
        ("DELETE", Asked::Instance(instance)) => kill_one(term, call, &id, instance).await,
        (_, Asked::Instances | Asked::Instance(_)) => Err(Failure::method("DELETE")),
    }
}

/// The id of a pod and what is asked of it.
fn take_apart(path: &str) -> Result<(PathId, Asked<'_>), Failure> {
    let (id, asked) = path.split_once("::").unwrap_or((path, ""));
    let asked = match asked.split_once('/') {
        None if asked.is_empty() && !path.contains("::") => Asked::Itself,
        None if asked == "status" => Asked::Status,
        None if asked == "versions" => Asked::Versions,
        None if asked == "instances" => Asked::Instances,
        Some(("versions", version)) => Asked::Version(version),
        Some(("instances", instance)) => Asked::Instance(instance),
        _ => return Err(Failure::no_such_address()),
    };
    Ok((path_id(&[id])?, asked))
}

fn versions(view: &View, id: &PathId) -> Answered {
    let kept = view.pod_versions.get(id).filter(|_| view.root.pod(id).is_some());
    let kept = kept.ok_or_else(|| Failure::no_pod(id))?;
    ok(&kept.keys().rev().map(ToString::to_string).collect::<Vec<_>>())
}

fn of_version(view: &View, id: &PathId, text: &str) -> Answered {
    let version = timestamp(text)?;
    let pod = view.pod_versions.get(id).and_then(|versions| versions.get(&version));
    let pod = pod.or_else(|| view.root.pod(id).filter(|pod| pod.version == version));
    let missing = || Failure::not_found(format!("Pod '{id}' does not exist in version {version}"));
    ok(&pod.ok_or_else(missing)?.render())
}

async fn create(term: &Term, call: &Call) -> Answered {
    let body = call.json()?;
    let id = body.get("id").and_then(Value::as_str).and_then(|text| PathId::parse(text).ok());
    let deployment = deploy(term, call, Edit::CreatePod(body), pod_created).await?;
    let id = id.ok_or_else(unexpected)?;
    let response = shown(term, &id, StatusCode::CREATED)?;
    Ok(with_header(with_deployment(response, &deployment), header::LOCATION, &format!("/v2/pods{id}")))
}

async fn update(term: &Term, call: &Call, id: PathId) -> Answered {
    let edit = Edit::UpdatePod { id: id.clone(), body: call.json()? };
    let deployment = deploy(term, call, edit, pod_updated).await?;
    Ok(with_deployment(shown(term, &id, StatusCode::OK)?, &deployment))
}

/// The pod as it is wanted now. What was stored before the answer is in what readers see.
fn shown(term: &Term, id: &PathId, status: StatusCode) -> Answered {
    json_response(status, &term.view().root.pod(id).ok_or_else(|| Failure::no_pod(id))?.render())
}

async fn delete(term: &Term, call: &Call, id: PathId) -> Answered {
    let deployment = deploy(term, call, Edit::DeletePod(id), pod_deleted).await?;
    let response = with_deployment(StatusCode::ACCEPTED.into_response(), &deployment);
    Ok(with_header(response, header::LOCATION, &deployment.0))
}

async fn deploy(term: &Term, call: &Call, edit: Edit, event: RequestEvent) -> Result<DeploymentId, Failure> {
    let command = Command::Edit { edit, force: call.force(), dry_run: false };
    match term.ask(command, Some(Notice::pod(call, event))).await? {
        Answer::Deployed { deployment, .. } => Ok(deployment),
        _ => Err(unexpected()),
    }
}

/// The ids in a body that is an array of them.
fn listed(call: &Call) -> Result<Vec<TaskId>, Failure> {
    let body = call.json()?;
    let ids = body.as_array().ok_or_else(|| Failure::invalid("/", "must be an array of the ids of instances"))?;
    let id = |(index, id): (usize, &Value)| {
        let id = id.as_str().and_then(|text| TaskId::new(text).ok());
        id.ok_or_else(|| Failure::invalid(&format!("/({index})"), "must be the id of an instance"))
    };
    ids.iter().enumerate().map(id).collect()
}

async fn kill(term: &Term, call: &Call, id: &PathId, ids: &[TaskId]) -> Answered {
    let killed = kill_known(term, call, id, ids).await?;
    ok(&killed)
}

async fn kill_one(term: &Term, call: &Call, id: &PathId, instance: &str) -> Answered {
    let missing = || Failure::not_found(format!("Instance '{instance}' does not exist"));
    let task = TaskId::new(instance).map_err(|_| missing())?;
    let killed = kill_known(term, call, id, &[task]).await?;
    ok(killed.first().ok_or_else(missing)?)
}

async fn kill_known(term: &Term, call: &Call, id: &PathId, ids: &[TaskId]) -> Result<Vec<Value>, Failure> {
    let view = term.view();
    view.root.pod(id).ok_or_else(|| Failure::no_pod(id))?;
    let known = view.instances.get(id).cloned().unwrap_or_default();
    let instances: Vec<TaskId> = ids.iter().filter(|id| known.contains_key(*id)).cloned().collect();
    if instances.is_empty() {
        return Ok(Vec::new());
    }
    let wipe = call.query.flag("wipe", false);
    let command = Command::KillInstances { instances, scale: false, wipe, force: call.force() };
    let Answer::Killed(killed) = term.ask(command, None).await? else { return Err(unexpected()) };
    let show = |instance: &Arc<Instance>| {
        json!({
            "instanceId": {"idString": instance.id.as_str()},
            "id": instance.id.as_str(),
            "runSpecVersion": instance.version.to_string(),
            "agentInfo": {"host": instance.host, "agentId": instance.agent.as_str(), "attributes": []},
        })
    };
    Ok(killed.iter().map(show).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colons_stand_between_the_id_and_what_is_asked() {
        let taken = |path: &str| take_apart(path).map(|(id, asked)| (id.to_string(), format!("{asked:?}"))).ok();
        for (path, id, asked) in [
            ("", "/", "Itself"),
            ("shop/web", "/shop/web", "Itself"),
            ("::status", "/", "Status"),
            ("shop/web::status", "/shop/web", "Status"),
            ("a::versions", "/a", "Versions"),
            ("a::versions/v1", "/a", "Version(\"v1\")"),
            ("a::instances", "/a", "Instances"),
            ("a::instances/a.1", "/a", "Instance(\"a.1\")"),
        ] {
            assert_eq!(taken(path), Some((id.to_owned(), asked.to_owned())), "{path}");
        }
        for wrong in ["a::", "a::other", "a::status/x", "A"] {
            assert!(taken(wrong).is_none(), "{wrong}");
        }
    }
}
