//! `/v2/eventSubscriptions`: addresses that events are posted to.

use super::{
    Api, Term,
    call::{Answered, Call, bytes_response, ok},
    errors::Failure,
};
use crate::{callbacks::Refusal, clock};
use axum::http::StatusCode;
use marathon_lite_core::events::{subscribe, unsubscribe};
use serde_json::json;

/// What Marathon says where callbacks are switched off.
const OFF: &str = "http event callback system is not running on this Marathon instance. Please re-start this instance \
                   with \"--event_subscriber http_callback\".";

/// Answers a request for `/v2/eventSubscriptions`.
pub(crate) async fn answer(api: &Api, term: &Term, call: &Call) -> Answered {
    if call.segments.len() > 2 {
        return Err(Failure::no_such_address());
    }
    if !matches!(call.method.as_str(), "GET" | "POST" | "DELETE") {
        return Err(Failure::method("GET, HEAD, POST, DELETE"));
    }
    if !api.shown.callbacks {
        return Err(Failure::new(StatusCode::BAD_REQUEST, OFF));
    }
    let added = match call.method.as_str() {
        "GET" => return ok(&json!({"callbackUrls": term.callbacks().urls()})),
        method => method == "POST",
    };
    let url = call.query.first("callbackUrl").ok_or_else(|| {
        Failure::new(StatusCode::BAD_REQUEST, "callbackUrl: name the address, as in ?callbackUrl=http://host:port/path")
    })?;
    let changed = if added { term.subscribe(url).await } else { term.unsubscribe(url).await };
    changed.map_err(|refusal| match refusal {
        Refusal::Wrong(message) => Failure::new(StatusCode::BAD_REQUEST, message),
        Refusal::NotStored => Failure::unavailable("the subscription was not stored in time; ask again"),
    })?;
    let now = clock::timestamp();
    let event = if added { subscribe(now, &call.client, url) } else { unsubscribe(now, &call.client, url) };
    term.events().publish(&event);
    Ok(bytes_response(StatusCode::OK, event.json().into_bytes()))
}
