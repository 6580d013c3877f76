//! Marathon's v2 REST API.
//!
//! Reads are answered from the view that the driver published last, and never wait for anybody. Everything else is put
//! to the driver and answered once it is stored. A standby passes requests on to the leader.

mod app_info;
mod apps;
mod call;
mod deployments;
mod embeds;
mod errors;
mod events;
mod groups;
mod kill;
mod path;
mod pod_status;
mod pods;
mod query;
mod queue;
mod subscriptions;
mod system;
mod task_info;
mod tasks;

#[cfg(test)]
mod tests;

pub(crate) use call::Call;
pub(crate) use errors::Failure;

use crate::{handle::Handle, metrics::Metrics, proxy, term::Term};
use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use call::Answered;
use prometheus_client::registry::Registry;
use query::Query;
use serde_json::Value;
use std::sync::Arc;

/// Where clients find who leads.
pub(crate) const LEADER: HeaderName = HeaderName::from_static("x-marathon-leader");

/// What the server says of its own settings.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shown {
    /// The framework's name.
    pub(crate) framework_name: String,
    /// The framework's role.
    pub(crate) role: String,
    /// Where it listens.
    pub(crate) http_port: u16,
    /// `marathon_config` of `/v2/info`.
    pub(crate) marathon_config: Value,
    /// `zookeeper_config` of `/v2/info`.
    pub(crate) zookeeper_config: Value,
    /// Whether events are posted to addresses.
    pub(crate) callbacks: bool,
    /// The largest body taken.
    pub(crate) body_bytes_max: usize,
    /// Which pages of other sites may ask.
    pub(crate) allowed_origins: Vec<String>,
}

/// What answers are made from. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Api {
    /// Who leads.
    pub(crate) handle: Arc<Handle>,
    /// The settings.
    pub(crate) shown: Arc<Shown>,
    /// What is measured.
    pub(crate) metrics: Arc<Registry>,
    /// What is counted here.
    pub(crate) counts: Arc<Metrics>,
    /// Passes requests on to the leader.
    pub(crate) proxy: Arc<proxy::Proxy>,
}

impl Api {
    /// Makes a long answer on a thread of its own, so that short ones need not wait for it.
    async fn write(&self, answer: impl FnOnce() -> Answered + Send + 'static) -> Answered {
        match tokio::task::spawn_blocking(answer).await {
            Ok(answered) => answered,
            Err(error) => {
                tracing::error!(%error, "an answer could not be made");
                Err(Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "the answer could not be made"))
            }
        }
    }
}

/// The routes. There is one: ids have slashes, and clients add more of them.
pub(crate) fn router(api: Api) -> Router {
    Router::new().fallback(serve).with_state(api)
}

async fn serve(State(api): State<Api>, request: Request) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let (parts, body) = request.into_parts();
    let mut response = Box::pin(answer(&api, parts, body)).await.unwrap_or_else(Failure::into_response);
    api.counts.on_response(response.status());
    decorate(&api, origin.as_ref(), response.headers_mut());
    response
}

/// What stands in every answer.
fn decorate(api: &Api, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
    let fixed = [
        (header::CACHE_CONTROL, "no-cache, no-store, must-revalidate"),
        (header::PRAGMA, "no-cache"),
        (header::EXPIRES, "0"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::X_XSS_PROTECTION, "1; mode=block"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if api.handle.term().is_some()
        && let Ok(leader) = HeaderValue::from_str(&format!("http://{}", api.handle.address()))
    {
        headers.insert(LEADER, leader);
    }
    let allowed = |origin: &&HeaderValue| {
        api.shown.allowed_origins.iter().any(|one| one == "*" || one.as_bytes() == origin.as_bytes())
    };
    if let Some(origin) = origin.filter(allowed) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        let methods = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE, OPTIONS");
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
        let allowed = HeaderValue::from_static("Accept, Content-Type, Last-Event-ID");
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed);
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
    }
}

async fn answer(api: &Api, parts: Parts, body: Body) -> Answered {
    if parts.method == Method::OPTIONS {
        return Ok(([(header::ALLOW, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")], "").into_response());
    }
    let mut call = call_of(&parts);
    if let Some(answered) = system::of_any_instance(api, &call) {
        return answered;
    }
    if call.segments.first().is_none_or(|first| first != "v2") {
        return Err(Failure::no_such_address());
    }
    let term = match proxy::who(api).await? {
        proxy::Leader::Here(term) => term,
        proxy::Leader::At(address) => {
            let is_stream = call.segments.get(1).is_some_and(|name| name == "events");
            return proxy::pass_on(api, &address, is_stream, parts, body).await;
        }
    };
    call.body = read(body, api.shown.body_bytes_max).await?;
    let version = parts.version;
    match call.segments.get(1).map(String::as_str) {
        Some("apps") => apps::answer(api, &term, &call).await,
        Some("groups") => groups::answer(api, &term, &call).await,
        Some("deployments") => deployments::answer(&term, &call).await,
        Some("tasks") => tasks::answer(api, &term, &call).await,
        Some("queue") => queue::answer(&term, &call).await,
        Some("events") => events::answer(&term, &call, version),
        Some("eventSubscriptions") => subscriptions::answer(api, &term, &call).await,
        Some("plugins") => system::plugins(&call),
        Some("info") if call.segments.len() == 2 => system::info(api, &term, &call),
        Some("leader") if call.segments.len() == 2 => system::leader(api, &term, &call),
        Some("pods") => pods::answer(&term, &call).await,
        _ => Err(Failure::no_such_address()),
    }
}

fn call_of(parts: &Parts) -> Call {
    // The server leaves the body of an answer to HEAD out.
    let method = if parts.method == Method::HEAD { Method::GET } else { parts.method.clone() };
    let uri = parts.uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string);
    let mut segments = path::segments(parts.uri.path());
    // Colons may follow the name at once: `/v2/pods::status`.
    if let Some(asked) =
        segments.get(1).and_then(|name| name.strip_prefix("pods")).filter(|rest| rest.starts_with("::"))
    {
        let asked = asked.to_owned();
        segments.splice(1..2, ["pods".to_owned(), asked]);
    }
    Call {
        method,
        segments,
        query: Query::parse(parts.uri.query().unwrap_or_default()),
        uri,
        headers: parts.headers.clone(),
        body: Bytes::new(),
        client: client(&parts.headers),
    }
}

/// Who asks, by what proxies say.
fn client(headers: &HeaderMap) -> String {
    let forwarded = headers.get("x-forwarded-for").and_then(|value| value.to_str().ok());
    let first = forwarded.and_then(|list| list.split(',').next()).map(str::trim).filter(|first| !first.is_empty());
    first.unwrap_or("unknown").to_owned()
}

async fn read(body: Body, max: usize) -> Result<Bytes, Failure> {
    axum::body::to_bytes(body, max).await.map_err(|error| {
        let too_long =
            std::error::Error::source(&error).is_some_and(|cause| cause.to_string().contains("length limit"));
        if too_long {
            let message = format!("the body has more than {max} bytes; send it in parts, or raise --body-bytes-max");
            return Failure::new(StatusCode::PAYLOAD_TOO_LARGE, message);
        }
        Failure::new(StatusCode::BAD_REQUEST, format!("the body cannot be read: {error}"))
    })
}

/// An answer of the core that does not belong to the question, which is a fault of this program.
fn unexpected() -> Failure {
    Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "the answer does not belong to the question")
}
