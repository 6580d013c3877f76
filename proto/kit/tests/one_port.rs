//! gRPC and HTTP on one listener.

use kit::{listen::Listener, shutdown::CancellationToken};
use prometheus_client::{metrics::counter::Counter, registry::Registry};
use std::{net::SocketAddr, sync::Arc};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
};
use tokio_stream::StreamExt;
use tonic::{service::Routes, transport::Channel};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

const SERVICE: &str = "proffer.v1.SchedulerService";

struct Served {
    stop: CancellationToken,
    health: kit::web::Health,
    ended: JoinHandle<()>,
}

/// Serves nothing of its own.
fn serve(listener: Listener) -> Served {
    let mut registry = Registry::default();
    registry.sub_registry_with_prefix("part").register("things", "Things", Counter::<u64>::default());
    let routes = kit::web::router(Arc::new(registry));
    let (router, health) = kit::web::with_grpc(Routes::default(), &[SERVICE], routes).unwrap();
    let stop = CancellationToken::new();
    let ended = tokio::spawn(kit::serve::serve(listener, router, stop.clone()));
    Served { stop, health, ended }
}

async fn start() -> (Served, SocketAddr) {
    let (listener, address) = kit::listen::tcp(([127, 0, 0, 1], 0).into(), false).await.unwrap();
    (serve(listener), address)
}

async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn check(channel: &Channel, service: &str) -> ServingStatus {
    let request = HealthCheckRequest { service: service.to_owned() };
    HealthClient::new(channel.clone()).check(request).await.unwrap().into_inner().status()
}

#[tokio::test]
async fn both_kinds_of_clients_are_served() {
    let (served, address) = start().await;
    assert!(get(address, "/health").await.starts_with("HTTP/1.1 200"));
    let metrics = get(address, "/metrics").await;
    assert!(metrics.contains("part_things_total 0") && metrics.contains("openmetrics"), "{metrics}");
    let nothing = get(address, "/nothing").await;
    assert!(nothing.starts_with("HTTP/1.1 404") && nothing.ends_with(r#"{"error":"there is no /nothing"}"#));
    let channel = kit::channel::tcp(&address.to_string()).await.unwrap();
    assert_eq!(check(&channel, "").await, ServingStatus::Serving);
    served.health.set(true).await;
    assert_eq!(check(&channel, SERVICE).await, ServingStatus::Serving);
    served.health.set(false).await;
    assert_eq!(check(&channel, SERVICE).await, ServingStatus::NotServing);
    served.stop.cancel();
    served.ended.await.unwrap();
}

#[tokio::test]
async fn the_services_are_listed() {
    let (served, address) = start().await;
    let channel = kit::channel::tcp(&address.to_string()).await.unwrap();
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let requests = tokio_stream::once(request);
    let mut answers = ServerReflectionClient::new(channel).server_reflection_info(requests).await.unwrap().into_inner();
    let answer = answers.next().await.unwrap().unwrap().message_response.unwrap();
    let MessageResponse::ListServicesResponse(list) = answer else { panic!("{answer:?}") };
    let names: Vec<String> = list.service.into_iter().map(|service| service.name).collect();
    for name in ["SchedulerService", "ExecutorService", "AgentService", "OperatorService"] {
        assert!(names.contains(&format!("proffer.v1.{name}")), "{names:?}");
    }
    served.stop.cancel();
    served.ended.await.unwrap();
}

#[tokio::test]
async fn a_unix_socket_is_served_like_a_port() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let served = serve(kit::listen::unix(&path).unwrap());
    let channel = kit::channel::unix(path).await.unwrap();
    assert_eq!(check(&channel, "").await, ServingStatus::Serving);
    served.stop.cancel();
    served.ended.await.unwrap();
}

#[tokio::test]
async fn stopping_ends_streams_that_would_go_on_for_ever() {
    let (served, address) = start().await;
    let channel = kit::channel::tcp(&address.to_string()).await.unwrap();
    let request = HealthCheckRequest { service: String::new() };
    let mut watch = HealthClient::new(channel).watch(request).await.unwrap().into_inner();
    assert!(watch.message().await.unwrap().is_some());
    served.stop.cancel();
    served.ended.await.unwrap();
    assert!(!matches!(watch.message().await, Ok(Some(_))));
}

#[tokio::test]
async fn nobody_there_is_said_with_the_address() {
    let error = kit::channel::tcp("127.0.0.1:1").await.unwrap_err();
    assert_eq!(error.to_string(), "cannot connect to 127.0.0.1:1");
    let error = kit::channel::tcp("no address").await.unwrap_err();
    assert!(error.to_string().contains("\"no address\" is not an address"), "{error}");
}
