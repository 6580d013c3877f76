//! What every role serves besides its own: health, metrics, gRPC health and reflection.

use axum::{
    Json, Router,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use prometheus_client::{encoding::text::encode, registry::Registry};
use std::sync::Arc;
use tonic::service::Routes;
use tonic_health::{ServingStatus, server::HealthReporter};

/// Why services cannot be described.
pub use tonic_reflection::server::Error as ReflectionError;

/// The media type of metrics, as Prometheus expects it.
const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What gRPC's health service says of services.
#[derive(Debug, Clone)]
pub struct Health {
    reporter: HealthReporter,
    services: Vec<&'static str>,
}

impl Health {
    /// Says of all services whether they serve.
    pub async fn set(&self, serving: bool) {
        let status = if serving { ServingStatus::Serving } else { ServingStatus::NotServing };
        for service in &self.services {
            self.reporter.set_service_status(service, status).await;
        }
    }
}

/// An error as JSON: what is wrong, and the field if there is one.
#[derive(Debug)]
pub struct Problem {
    /// The HTTP status.
    pub status: StatusCode,
    /// The field that is wrong.
    pub field: Option<String>,
    /// For people.
    pub message: String,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = match self.field {
            Some(field) => serde_json::json!({ "error": self.message, "field": field }),
            None => serde_json::json!({ "error": self.message }),
        };
        (self.status, Json(body)).into_response()
    }
}

/// `/health` and `/metrics`, and an answer to whatever is not there.
pub fn router(metrics: Arc<Registry>) -> Router {
    let show_metrics = move || {
        let metrics = Arc::clone(&metrics);
        async move { show(&metrics) }
    };
    Router::new()
        .route("/health", get(|| async { Json(serde_json::json!({ "healthy": true })) }))
        .route("/metrics", get(show_metrics))
        .fallback(not_found)
}

async fn not_found(uri: axum::http::Uri) -> Problem {
    Problem { status: StatusCode::NOT_FOUND, field: None, message: format!("there is no {}", uri.path()) }
}

fn show(metrics: &Registry) -> Response {
    let mut text = String::new();
    match encode(&mut text, metrics) {
        Ok(()) => ([(header::CONTENT_TYPE, METRICS_TYPE)], text).into_response(),
        Err(error) => {
            let message = format!("the metrics cannot be written: {error}");
            Problem { status: StatusCode::INTERNAL_SERVER_ERROR, field: None, message }.into_response()
        }
    }
}

/// Puts gRPC services, with health and reflection, and HTTP routes on one router. The services of these names do not
/// serve until their health says so; the process as a whole, which has no name, does.
///
/// # Errors
/// If the descriptors of the services do not read, which is a fault of the build.
pub fn with_grpc(
    services: Routes,
    names: &[&'static str],
    routes: Router,
) -> Result<(Router, Health), ReflectionError> {
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(proffer_proto::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()?;
    let (reporter, health) = tonic_health::server::health_reporter();
    let services = services.add_service(reflection).add_service(health);
    let router = routes.merge(services.prepare().into_axum_router().reset_fallback());
    Ok((router.method_not_allowed_fallback(not_allowed), Health { reporter, services: names.to_vec() }))
}

async fn not_allowed(method: axum::http::Method, uri: axum::http::Uri) -> Problem {
    let message = format!("{} cannot be asked with {method}", uri.path());
    Problem { status: StatusCode::METHOD_NOT_ALLOWED, field: None, message }
}
