//! `/v2/deployments`.

use super::{
    Term,
    app_info::{Affected, readiness_results},
    call::{Answered, Call, deployment_result, ok},
    errors::Failure,
    unexpected,
};
use axum::{http::StatusCode, response::IntoResponse};
use marathon_lite_core::{
    app::PathId,
    deployment::DeploymentId,
    scheduler::{Answer, Command},
};
use serde_json::Value;

/// Answers a request below `/v2/deployments`.
pub(crate) async fn answer(term: &Term, call: &Call) -> Answered {
    match (call.method.as_str(), &call.parts()[2..]) {
        ("GET", []) => list(term),
        (_, []) => Err(Failure::method("GET, HEAD")),
        ("DELETE", [id]) => end(term, DeploymentId((*id).to_owned()), call.force()).await,
        (_, [_]) => Err(Failure::method("DELETE")),
        _ => Err(Failure::no_such_address()),
    }
}

fn list(term: &Term) -> Answered {
    let view = term.view();
    let affected = Affected::of(&view);
    let readiness = |id: &PathId| {
        let app = view.root.app(id);
        app.map(|app| readiness_results(app, &view, &affected)).unwrap_or_default()
    };
    ok(&view.deployments.values().map(|deployment| deployment.render(readiness)).collect::<Vec<Value>>())
}

/// With force it is only ended; without, another deployment sets back what it changed.
async fn end(term: &Term, id: DeploymentId, force: bool) -> Answered {
    match term.ask(Command::EndDeployment { id, revert: !force }, None).await? {
        Answer::Deployed { deployment, version, .. } => deployment_result(StatusCode::OK, &deployment, version),
        Answer::Done => Ok(StatusCode::ACCEPTED.into_response()),
        Answer::Planned(_) | Answer::Killed(_) => Err(unexpected()),
    }
}
