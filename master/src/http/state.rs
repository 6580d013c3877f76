//! Everything at one version, written piece by piece so that a large cluster is never one large text in memory.

use super::{model, problem};
use crate::{
    handle::Handle,
    lists,
    read_model::Snapshot,
    rpc::{agent_record, framework_record, role_record, task_record},
};
use axum::{
    body::Body,
    extract::State,
    http::{StatusCode, header},
    response::Response,
};
use kit::web::Problem;
use proffer_proto::json;
use serde_json::Value;
use std::{convert::Infallible, sync::Arc};

/// Records in one piece.
const PIECE_RECORDS: usize = 200;

pub(super) async fn state(State(handle): State<Arc<Handle>>) -> Result<Response, Problem> {
    let model = model(&handle)?;
    let cluster = json::cluster(&lists::cluster(&model));
    let pieces = futures::stream::iter(pieces(model.snapshot(), &cluster).map(Ok::<String, Infallible>));
    let response = Response::builder().header(header::CONTENT_TYPE, "application/json").body(Body::from_stream(pieces));
    response.map_err(|error| problem(StatusCode::INTERNAL_SERVER_ERROR, None, error))
}

fn pieces(snapshot: Arc<Snapshot>, cluster: &Value) -> impl Iterator<Item = String> + use<> {
    let begin = format!("{{\"version\":{},\"cluster\":{cluster}", snapshot.version);
    // Maps of a snapshot are cheap to clone: their records are shared.
    let Snapshot { agents, frameworks, tasks, offers, roles, .. } = Snapshot::clone(&snapshot);
    let agents = list("agents", agents.into_iter().map(|(id, view)| json::agent(&agent_record(&id, &view))));
    let frameworks =
        list("frameworks", frameworks.into_iter().map(|(id, view)| json::framework(&framework_record(&id, &view))));
    let tasks = list("tasks", tasks.into_iter().map(|(key, view)| json::task(&task_record(&key, &view))));
    let offers = list("offers", offers.into_iter().map(|(_, offer)| json::offer(&(&*offer).into())));
    let roles = list("roles", roles.into_iter().map(|(role, view)| json::role(&role_record(&role, &view))));
    let lists = agents.chain(frameworks).chain(tasks).chain(offers).chain(roles);
    [begin].into_iter().chain(lists).chain(["}\n".to_owned()])
}

fn list(name: &'static str, records: impl Iterator<Item = Value>) -> impl Iterator<Item = String> {
    let mut records = records.enumerate();
    let pieces = std::iter::from_fn(move || {
        let mut piece = String::new();
        for (index, record) in records.by_ref().take(PIECE_RECORDS) {
            if index > 0 {
                piece.push(',');
            }
            piece.push_str(&record.to_string());
        }
        (!piece.is_empty()).then_some(piece)
    });
    [format!(",\"{name}\":[")].into_iter().chain(pieces).chain(["]".to_owned()])
}
