//! Refusals: their statuses and bodies are Marathon's, to the letter, for its clients read them.

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use marathon_lite_core::{app::PathId, deployment::DeploymentId, json::Refusal, scheduler::Refused};
use serde_json::{Value, json};

/// What is said of an app that deployments lock. The words in angle brackets are Marathon's.
const LOCKED: &str = "App is locked by one or more deployments. Override with the option '?force=true'. View details \
                      at '/v2/deployments/<DEPLOYMENT_ID>'.";

/// A refusal as it is answered.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The status.
    pub(crate) status: StatusCode,
    /// The body.
    pub(crate) body: Value,
    headers: Vec<(HeaderName, String)>,
}

impl Failure {
    /// A status with `{"message": …}`.
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, body: json!({"message": message.into()}), headers: Vec::new() }
    }

    /// Something is not there.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// There is no such address.
    pub(crate) fn no_such_address() -> Self {
        Self::not_found("URI not found")
    }

    /// There is no such app.
    pub(crate) fn no_app(id: &PathId) -> Self {
        Self::not_found(format!("App '{id}' does not exist"))
    }

    /// There is no such group.
    pub(crate) fn no_group(id: &PathId) -> Self {
        Self::not_found(format!("Group '{id}' does not exist"))
    }

    /// There is no such pod.
    pub(crate) fn no_pod(id: &PathId) -> Self {
        Self::not_found(format!("Pod '{id}' does not exist"))
    }

    /// An argument that cannot be understood.
    pub(crate) fn argument(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, message)
    }

    /// A rule is broken at one place.
    pub(crate) fn invalid(path: &str, error: &str) -> Self {
        Refusal::invalid(path, error).into()
    }

    /// What was asked for cannot be answered now.
    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, message)
    }

    /// The address is there, but not for this method.
    pub(crate) fn method(allowed: &str) -> Self {
        let mut failure = Self::new(StatusCode::METHOD_NOT_ALLOWED, "HTTP 405 Method Not Allowed");
        failure.headers.push((header::ALLOW, allowed.to_owned()));
        failure
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
        Self { status, body: refusal.body(), headers: Vec::new() }
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Request(refusal) => refusal.into(),
            Refused::NotFound(message) => Self::not_found(message),
            Refused::Conflict(message) => Self::new(StatusCode::CONFLICT, message),
            Refused::Locked(deployments) => Self {
                status: StatusCode::CONFLICT,
                body: json!({"message": LOCKED, "deployments": identified(&deployments)}),
                headers: Vec::new(),
            },
            Refused::TooManyDeployments => {
                let message = "Max number of running deployments reached. Wait for some to finish, or cancel some.";
                Self::new(StatusCode::FORBIDDEN, message)
            }
        }
    }
}

/// `[{"id": …}]`.
pub(crate) fn identified(deployments: &[DeploymentId]) -> Vec<Value> {
    deployments.iter().map(|id| json!({"id": id.0})).collect()
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.body.to_string()).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(failure: &Failure) -> (u16, String) {
        (failure.status.as_u16(), failure.body.to_string())
    }

    #[test]
    fn bodies_are_marathons() {
        let locked = Failure::from(Refused::Locked(vec![DeploymentId("d-1".into())]));
        let (status, body) = shown(&locked);
        assert_eq!(status, 409);
        assert!(
            body.contains("'/v2/deployments/<DEPLOYMENT_ID>'.") && body.contains(r#""deployments":[{"id":"d-1"}]"#)
        );
        let wrong = Failure::from(Refused::Request(Refusal::invalid("/cpus", "must be at least 0.001, but is 0")));
        let expected = r#"{"details":[{"errors":["must be at least 0.001, but is 0"],"path":"/cpus"}],"message":"Object is not valid"}"#;
        assert_eq!(shown(&wrong), (422, expected.to_owned()));
        let malformed = Failure::from(Refusal::Malformed("expected value at line 1 column 1".into()));
        let expected = r#"{"details":"expected value at line 1 column 1","message":"Invalid JSON"}"#;
        assert_eq!(shown(&malformed), (400, expected.to_owned()));
        let app = PathId::parse("/x").unwrap();
        assert_eq!(shown(&Failure::no_app(&app)), (404, r#"{"message":"App '/x' does not exist"}"#.to_owned()));
        assert_eq!(Failure::from(Refused::TooManyDeployments).status, 403);
        assert_eq!(Failure::from(Refused::Conflict("An app with id [/x] already exists.".into())).status, 409);
        assert_eq!(shown(&Failure::no_such_address()), (404, r#"{"message":"URI not found"}"#.to_owned()));
    }

    #[test]
    fn a_method_that_is_not_allowed_names_those_that_are() {
        let response = Failure::method("GET, POST").into_response();
        assert_eq!(response.status(), 405);
        assert_eq!(response.headers()[header::ALLOW], "GET, POST");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
    }
}
