//! The agent's own HTTP, for people and Prometheus: health, metrics and state. Nothing has to reach it.

use crate::{metrics, model::Model};
use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, Uri, header},
    response::IntoResponse,
    routing::get,
};
use kit::web::Problem;
use proto_types::Resources;
use serde::Serialize;

/// Tasks shown at most: the whole list is the master's to page through.
const TASKS_MAX: usize = 10_000;

#[derive(Debug, Serialize)]
struct AgentState {
    id: Option<String>,
    cluster: Option<String>,
    epoch: u64,
    registered: bool,
    hostname: String,
    version: String,
    isolation: String,
    attributes: String,
    resources: String,
    used: String,
    free: String,
    tasks: Vec<TaskState>,
    executors: Vec<ExecutorState>,
}

#[derive(Debug, Serialize)]
struct TaskState {
    framework: String,
    task: String,
    executor: String,
    state: &'static str,
    role: String,
    resources: Option<String>,
    unacknowledged: usize,
    message: String,
}

#[derive(Debug, Serialize)]
struct ExecutorState {
    framework: String,
    executor: String,
    connected: bool,
    pid: u32,
    restarts: u32,
    tasks: usize,
    resources: String,
}

/// What answers.
pub(crate) fn router(model: Model) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/metrics", get(show_metrics))
        .route("/api/v1/state", get(state))
        .fallback(not_found)
        .with_state(model)
}

async fn not_found(uri: Uri) -> Problem {
    Problem { status: StatusCode::NOT_FOUND, field: None, message: format!("there is no {}", uri.path()) }
}

/// Healthy is an agent that a master has admitted.
async fn health(State(model): State<Model>) -> impl IntoResponse {
    if model.read().agent.as_ref().is_some_and(|agent| agent.registered) {
        (StatusCode::OK, "ok\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not registered with a master\n")
    }
}

async fn show_metrics(State(model): State<Model>) -> impl IntoResponse {
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, content_type)], metrics::encode(&model))
}

async fn state(State(model): State<Model>) -> Json<AgentState> {
    let shown = model.read();
    let agent = shown.agent.as_ref();
    let info = agent.map(|agent| &*agent.info);
    let (resources, used) = (
        info.map(|info| info.resources.clone()).unwrap_or_default(),
        agent.map(|agent| agent.used.clone()).unwrap_or_default(),
    );
    let text = |resources: &Resources| resources.to_string();
    let tasks = shown.tasks.iter().take(TASKS_MAX).map(|(key, task)| TaskState {
        framework: key.framework.to_string(),
        task: key.task.to_string(),
        executor: task.executor.to_string(),
        state: task.latest.state.name(),
        role: task.role.to_string(),
        resources: task.info.as_ref().map(|info| text(&info.resources)),
        unacknowledged: task.unacknowledged,
        message: task.latest.message.clone(),
    });
    let executors = shown.executors.iter().map(|((framework, executor), view)| ExecutorState {
        framework: framework.to_string(),
        executor: executor.to_string(),
        connected: view.connected,
        pid: view.pid,
        restarts: view.restarts,
        tasks: view.tasks.len(),
        resources: text(&view.resources),
    });
    Json(AgentState {
        id: agent.and_then(|agent| agent.id.as_ref().map(ToString::to_string)),
        cluster: agent.and_then(|agent| agent.cluster.as_ref().map(ToString::to_string)),
        epoch: agent.map_or(0, |agent| agent.epoch.0),
        registered: agent.is_some_and(|agent| agent.registered),
        hostname: info.map(|info| info.hostname.clone()).unwrap_or_default(),
        version: info.map(|info| info.version.clone()).unwrap_or_default(),
        isolation: info.map(|info| info.isolation.clone()).unwrap_or_default(),
        attributes: info.map(|info| info.attributes.to_string()).unwrap_or_default(),
        free: text(&resources.minus(&used)),
        resources: text(&resources),
        used: text(&used),
        tasks: tasks.collect(),
        executors: executors.collect(),
    })
}
