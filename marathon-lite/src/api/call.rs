//! A request, read and taken apart; and how it is answered.

use super::{errors::Failure, query::Query};
use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use marathon_lite_core::{app::Timestamp, deployment::DeploymentId, json};
use serde::Serialize;
use serde_json::Value;

/// Names the deployment that a request began.
pub(crate) const DEPLOYMENT_ID: HeaderName = HeaderName::from_static("marathon-deployment-id");

/// What a request comes to.
pub(crate) type Answered = Result<Response, Failure>;

/// A request.
#[derive(Debug)]
pub(crate) struct Call {
    /// What is to be done; a HEAD is a GET, for the server leaves the body out.
    pub(crate) method: Method,
    /// The parts of the path.
    pub(crate) segments: Vec<String>,
    /// What stands behind the question mark.
    pub(crate) query: Query,
    /// Path and query as they were sent.
    pub(crate) uri: String,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// The body; a GET may have one, and nobody reads it.
    pub(crate) body: Bytes,
    /// Who asks, for events.
    pub(crate) client: String,
}

impl Call {
    /// The JSON of the body.
    ///
    /// # Errors
    /// The 400 of a body that is none.
    pub(crate) fn json(&self) -> Result<Value, Failure> {
        Ok(json::parse(&self.body)?)
    }

    /// The parts of the path as texts.
    pub(crate) fn parts(&self) -> Vec<&str> {
        self.segments.iter().map(String::as_str).collect()
    }

    /// Whether this kind of answer is named among those that the client takes.
    pub(crate) fn accepts(&self, kind: &str) -> bool {
        let values = self.headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let kinds = values.flat_map(|value| value.split(','));
        kinds.map(|one| one.split(';').next().unwrap_or_default().trim()).any(|one| one.eq_ignore_ascii_case(kind))
    }

    /// Whether deployments in the way are cancelled.
    pub(crate) fn force(&self) -> bool {
        self.query.flag("force", false)
    }
}

/// An answer in JSON.
pub(crate) fn json_response(status: StatusCode, value: &impl Serialize) -> Answered {
    match serde_json::to_vec(value) {
        Ok(bytes) => Ok(bytes_response(status, bytes)),
        Err(error) => Err(Failure::new(StatusCode::INTERNAL_SERVER_ERROR, format!("cannot be written: {error}"))),
    }
}

/// An answer in JSON that is written already.
pub(crate) fn bytes_response(status: StatusCode, bytes: Vec<u8>) -> Response {
    (status, [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], bytes).into_response()
}

/// An answer in JSON, with 200.
pub(crate) fn ok(value: &impl Serialize) -> Answered {
    json_response(StatusCode::OK, value)
}

/// `DeploymentResult`, with its header.
pub(crate) fn deployment_result(status: StatusCode, deployment: &DeploymentId, version: Timestamp) -> Answered {
    let body = serde_json::json!({"version": version.to_string(), "deploymentId": deployment.0});
    Ok(with_deployment(json_response(status, &body)?, deployment))
}

/// The answer, with the header that names the deployment.
pub(crate) fn with_deployment(response: Response, deployment: &DeploymentId) -> Response {
    with_header(response, DEPLOYMENT_ID, &deployment.0)
}

/// The answer, with a header. A text that cannot be one is left out.
pub(crate) fn with_header(mut response: Response, name: HeaderName, value: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
    response
}

/// A moment that an address names.
///
/// # Errors
/// The 422 of a text that is none.
pub(crate) fn timestamp(text: &str) -> Result<Timestamp, Failure> {
    text.parse().map_err(|error: marathon_lite_core::app::InvalidTimestamp| Failure::argument(error.to_string()))
}
