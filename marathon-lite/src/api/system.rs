//! What is asked of the server itself: who leads, how it is set, whether it is there.

use super::{
    Api, Term,
    call::{Answered, Call, ok},
    errors::Failure,
};
use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use prometheus_client::{encoding::text::encode, registry::Registry};
use serde_json::{Map, Value, json};

/// The version that clients are told: that of the Marathon whose API this is.
const VERSION: &str = "1.11.0";

/// The media type of metrics, as Prometheus expects it.
const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// `/v2/info`.
pub(crate) fn info(api: &Api, term: &Term, call: &Call) -> Answered {
    if call.method != "GET" {
        return Err(Failure::method("GET, HEAD"));
    }
    let shown = &api.shown;
    let mut out = Map::new();
    out.insert("name".into(), shown.framework_name.clone().into());
    out.insert("version".into(), VERSION.into());
    out.insert("buildref".into(), concat!("proffer-", env!("CARGO_PKG_VERSION")).into());
    // Whoever answers leads: standbys pass requests on.
    out.insert("elected".into(), true.into());
    out.insert("leader".into(), api.handle.address().into());
    if let Some(framework) = &term.view().framework {
        out.insert("frameworkId".into(), framework.as_str().into());
    }
    out.insert("marathon_config".into(), shown.marathon_config.clone());
    out.insert("zookeeper_config".into(), shown.zookeeper_config.clone());
    out.insert("http_config".into(), json!({"http_port": shown.http_port, "https_port": 0}));
    ok(&Value::Object(out))
}

/// `/v2/leader`.
pub(crate) fn leader(api: &Api, term: &Term, call: &Call) -> Answered {
    match call.method.as_str() {
        "GET" => ok(&json!({"leader": api.handle.address()})),
        "DELETE" => {
            for name in ["backup", "restore"] {
                if call.query.has(name) {
                    let message = format!("{name}: this server keeps no backups of its own; copy its store instead");
                    return Err(Failure::new(StatusCode::BAD_REQUEST, message));
                }
            }
            tracing::info!(client = call.client, "asked to lead no more");
            term.abdicate();
            ok(&json!({"message": "Leadership abdicated"}))
        }
        _ => Err(Failure::method("GET, HEAD, DELETE")),
    }
}

/// `/v2/plugins`.
pub(crate) fn plugins(call: &Call) -> Answered {
    match (call.method.as_str(), call.segments.len()) {
        ("GET", 2) => ok(&json!({"plugins": []})),
        (_, 2) => Err(Failure::method("GET, HEAD")),
        _ => Err(Failure::no_such_address()),
    }
}

/// What every instance answers, whether it leads or not; none: it is not of those.
pub(crate) fn of_any_instance(api: &Api, call: &Call) -> Option<Answered> {
    let answer = match call.parts().as_slice() {
        [] => || Ok((StatusCode::FOUND, [(header::LOCATION, "/v2/info")]).into_response()),
        ["ping"] => || Ok(([(header::CONTENT_TYPE, "text/plain")], "pong").into_response()),
        ["health"] => || ok(&json!({"healthy": true})),
        ["metrics"] if call.accepts("application/json") => return Some(only_get(call, || metrics_json(&api.metrics))),
        ["metrics"] | ["metrics", "prometheus"] => return Some(only_get(call, || metrics_text(&api.metrics))),
        _ => return None,
    };
    Some(only_get(call, answer))
}

fn only_get(call: &Call, answer: impl FnOnce() -> Answered) -> Answered {
    if call.method == "GET" { answer() } else { Err(Failure::method("GET, HEAD")) }
}

fn encoded(registry: &Registry) -> Result<String, Failure> {
    let mut text = String::new();
    match encode(&mut text, registry) {
        Ok(()) => Ok(text),
        Err(error) => {
            let message = format!("the metrics cannot be written: {error}");
            Err(Failure::new(StatusCode::INTERNAL_SERVER_ERROR, message))
        }
    }
}

fn metrics_text(registry: &Registry) -> Answered {
    let text = encoded(registry)?;
    Ok(([(header::CONTENT_TYPE, METRICS_TYPE)], text).into_response())
}

/// The metrics in the form that Marathon's clients take: a gauge for each line.
fn metrics_json(registry: &Registry) -> Result<Response, Failure> {
    let text = encoded(registry)?;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let gauge = |line: &str| {
        let (name, value) = line.rsplit_once(' ')?;
        Some((name.to_owned(), json!({"value": value.parse::<f64>().ok()?})))
    };
    let gauges: Map<String, Value> = lines.filter_map(gauge).collect();
    ok(&json!({
        "version": "5.0.0", "gauges": gauges, "counters": {}, "histograms": {}, "meters": {}, "timers": {},
    }))
}
