//! A standby passes requests on to the leader, and sends event streams there.

use crate::{
    api::{Api, Failure},
    term::Term,
};
use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use reqwest::Client;
use std::{sync::Arc, time::Duration};

/// How often it is looked whether somebody leads, before that is given up.
const TRIES_MAX: u32 = 10;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(250);

/// How long the leader may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the leader may be silent: longer than it waits for its store.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// What is between two neighbours only, and is not passed on.
const HOP_BY_HOP: [HeaderName; 9] = [
    header::CONNECTION,
    header::HOST,
    header::EXPECT,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Passes requests on.
#[derive(Debug)]
pub(crate) struct Proxy {
    client: Client,
}

impl Proxy {
    /// Passes on with a client of its own.
    ///
    /// # Errors
    /// The HTTP client cannot be made, such as for want of TLS.
    pub(crate) fn new() -> Result<Self, reqwest::Error> {
        let builder = Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
        let client = builder.connect_timeout(CONNECT_TIMEOUT).read_timeout(READ_TIMEOUT).build()?;
        Ok(Self { client })
    }
}

/// Who leads.
pub(crate) enum Leader {
    /// This instance.
    Here(Arc<Term>),
    /// Another one, at this address.
    At(String),
}

/// Who leads; it is waited a little until somebody does.
///
/// # Errors
/// The 502 if nobody does.
pub(crate) async fn who(api: &Api) -> Result<Leader, Failure> {
    for attempt in 0..TRIES_MAX {
        if let Some(term) = api.handle.term() {
            return Ok(Leader::Here(term));
        }
        if let Some(address) = api.handle.other_leader() {
            return Ok(Leader::At(address));
        }
        if attempt + 1 < TRIES_MAX {
            tokio::time::sleep(PAUSE).await;
        }
    }
    Err(Failure::new(StatusCode::BAD_GATEWAY, "Could not determine the current leader"))
}

/// Passes a request on to the leader. A stream is sent there instead, for it would be a burden here.
pub(crate) async fn pass_on(
    api: &Api,
    leader: &str,
    is_stream: bool,
    parts: Parts,
    body: Body,
) -> Result<Response, Failure> {
    let own = api.handle.address();
    let vias = parts.headers.get_all(header::VIA).iter().filter_map(|value| value.to_str().ok());
    if vias.flat_map(|value| value.split(',')).any(|via| via.split_whitespace().nth(1) == Some(own)) {
        return Err(Failure::new(StatusCode::BAD_GATEWAY, "Detected proxying loop."));
    }
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let url = format!("http://{leader}{path}");
    if is_stream {
        return Ok((StatusCode::FOUND, [(header::LOCATION, url)]).into_response());
    }
    let mut headers = end_to_end(&parts.headers);
    add_via(&mut headers, own);
    let request = api.proxy.client.request(parts.method, url).headers(headers);
    let answered = request.body(reqwest::Body::wrap_stream(body.into_data_stream())).send().await;
    let answered = answered.map_err(|error| {
        let status = if error.is_timeout() { StatusCode::GATEWAY_TIMEOUT } else { StatusCode::BAD_GATEWAY };
        Failure::new(status, format!("Error while proxying request to {leader}: {}", kit::exit::chain(&error)))
    })?;
    let status = answered.status();
    let mut headers = end_to_end(answered.headers());
    add_via(&mut headers, own);
    let mut response = Response::new(Body::from_stream(answered.bytes_stream()));
    (*response.status_mut(), *response.headers_mut()) = (status, headers);
    Ok(response)
}

fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let mut kept = headers.clone();
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in HOP_BY_HOP.into_iter().chain(named) {
        kept.remove(name);
    }
    kept.remove("keep-alive");
    kept
}

fn add_via(headers: &mut HeaderMap, own: &str) {
    if let Ok(via) = HeaderValue::from_str(&format!("1.1 {own}")) {
        headers.append(header::VIA, via);
    }
}
