//! The master over plain HTTP: health, metrics and the state as JSON.

mod state;

use crate::{
    handle::Handle,
    lists,
    read_model::{ListError, PageRequest, ReadModel},
};
use axum::{
    Json, Router,
    extract::{Query, Request, State, rejection::QueryRejection},
    http::StatusCode,
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use kit::web::Problem;
use proffer_proto::{json, v1};
use prometheus_client::registry::Registry;
use serde::Deserialize;
use serde_json::Value;
use std::{error::Error, sync::Arc};

/// The routes of a master, besides gRPC.
pub(crate) fn router(handle: &Arc<Handle>, metrics: Arc<Registry>) -> Router {
    let api = Router::new()
        .route("/api/v1/cluster", get(cluster))
        .route("/api/v1/state", get(state::state))
        .route("/api/v1/agents", get(agents))
        .route("/api/v1/frameworks", get(frameworks))
        .route("/api/v1/tasks", get(tasks))
        .route("/api/v1/offers", get(offers))
        .route("/api/v1/roles", get(roles))
        .route_layer(from_fn_with_state(Arc::clone(handle), redirect))
        .with_state(Arc::clone(handle));
    kit::web::router(metrics).merge(api)
}

/// A standby sends everybody to the leader.
async fn redirect(State(handle): State<Arc<Handle>>, request: Request, next: Next) -> Response {
    match handle.leader() {
        Some(leader) if !handle.leads() => {
            let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
            Redirect::temporary(&format!("http://{leader}{path}")).into_response()
        }
        _ => next.run(request).await,
    }
}

/// What lists may be asked with.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Paging {
    page_size: usize,
    page_token: String,
}

/// What the list of tasks may be asked with.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct TaskFilter {
    page_size: usize,
    page_token: String,
    framework_id: String,
    agent_id: String,
    task_id: String,
    active_only: bool,
}

type Asked<T> = Result<Query<T>, QueryRejection>;
type Answer = Result<Json<Value>, Problem>;

fn asked<T>(query: Asked<T>) -> Result<T, Problem> {
    let Query(asked) = query.map_err(|rejection| unreadable(&rejection))?;
    Ok(asked)
}

fn paging(query: Asked<Paging>) -> Result<PageRequest, Problem> {
    let Paging { page_size, page_token } = asked(query)?;
    PageRequest::new(page_size, &page_token).map_err(unlisted)
}

/// The parameter that is wrong stands before what is wrong with it.
fn unreadable(rejection: &QueryRejection) -> Problem {
    let text = rejection.source().map_or_else(|| rejection.body_text(), ToString::to_string);
    match text.split_once(": ") {
        Some((field, message)) => problem(StatusCode::BAD_REQUEST, Some(field), message),
        None => problem(StatusCode::BAD_REQUEST, None, text),
    }
}

fn problem(status: StatusCode, field: Option<&str>, message: impl ToString) -> Problem {
    Problem { status, field: field.map(str::to_owned), message: message.to_string() }
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
fn unlisted(error: ListError) -> Problem {
    problem(StatusCode::BAD_REQUEST, Some(error.field().unwrap_or("page_token")), &error)
}

fn model(handle: &Handle) -> Result<Arc<ReadModel>, Problem> {
    handle.model().map_err(|status| problem(StatusCode::SERVICE_UNAVAILABLE, None, status.message()))
}

fn page<T>(name: &str, records: &[T], write: impl Fn(&T) -> Value, next: &str) -> Json<Value> {
    let items: Vec<Value> = records.iter().map(write).collect();
    let next = if next.is_empty() { Value::Null } else { Value::String(next.to_owned()) };
    Json(serde_json::json!({ name: items, "next_page_token": next }))
}

async fn cluster(State(handle): State<Arc<Handle>>) -> Answer {
    Ok(Json(json::cluster(&lists::cluster(&*model(&handle)?))))
}

async fn agents(State(handle): State<Arc<Handle>>, query: Asked<Paging>) -> Answer {
    let listed = lists::agents(&*model(&handle)?, &paging(query)?).map_err(unlisted)?;
    Ok(page("agents", &listed.agents, json::agent, &listed.next_page_token))
}

async fn frameworks(State(handle): State<Arc<Handle>>, query: Asked<Paging>) -> Answer {
    let listed = lists::frameworks(&*model(&handle)?, &paging(query)?).map_err(unlisted)?;
    Ok(page("frameworks", &listed.frameworks, json::framework, &listed.next_page_token))
}

async fn tasks(State(handle): State<Arc<Handle>>, query: Asked<TaskFilter>) -> Answer {
    let TaskFilter { page_size, page_token, framework_id, agent_id, task_id, active_only } = asked(query)?;
    let request = PageRequest::new(page_size, &page_token).map_err(unlisted)?;
    let wanted = v1::ListTasksRequest { page: None, framework_id, agent_id, active_only, task_id };
    let listed = lists::tasks(&*model(&handle)?, &request, &wanted).map_err(unlisted)?;
    Ok(page("tasks", &listed.tasks, json::task, &listed.next_page_token))
}

async fn offers(State(handle): State<Arc<Handle>>, query: Asked<Paging>) -> Answer {
    let listed = lists::offers(&*model(&handle)?, &paging(query)?).map_err(unlisted)?;
    Ok(page("offers", &listed.offers, json::offer, &listed.next_page_token))
}

async fn roles(State(handle): State<Arc<Handle>>, query: Asked<Paging>) -> Answer {
    let listed = lists::roles(&*model(&handle)?, &paging(query)?).map_err(unlisted)?;
    Ok(page("roles", &listed.roles, json::role, &listed.next_page_token))
}
