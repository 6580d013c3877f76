//! What a stranger to the cluster can find out.

use anyhow::{Context, Result};
use e2e::{
    cluster::Plan,
    scheduler::{Scheduler, shell},
};
use proffer_proto::v1::TaskState;
use std::collections::BTreeSet;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

#[tokio::test]
async fn reflection_lists_the_services() -> Result<()> {
    let cluster = Plan::agents(0, "").start().await?;
    let channel = tonic::transport::Channel::from_shared(format!("http://{}", cluster.address))?;
    let channel = e2e::wait::until("the master listens", || async { channel.connect().await.ok() }).await?;
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut client = ServerReflectionClient::new(channel);
    let mut answers = client.server_reflection_info(tokio_stream::iter([request])).await?.into_inner();
    let answer = answers.message().await?.context("an answer")?;
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else { panic!("{answer:?}") };
    let names: BTreeSet<String> = list.service.into_iter().map(|service| service.name).collect();
    for name in ["Scheduler", "Agent", "Operator"] {
        assert!(names.contains(&format!("proffer.v1.{name}Service")), "{names:?}");
    }
    assert!(names.contains("grpc.health.v1.Health"), "{names:?}");
    Ok(())
}

#[tokio::test]
async fn http_shows_health_metrics_and_state() -> Result<()> {
    let cluster = Plan::agents(2, "cpus:1;mem:128").start().await?;
    let mut scheduler = Scheduler::subscribe(&cluster.address, "shown").await?;
    scheduler.run(shell("t", "true")).await?;
    scheduler.reaches("t", TaskState::TaskFinished).await?;
    assert!(get(&cluster.address, "/health").await?.starts_with("HTTP/1.1 200"));
    let metrics = get(&cluster.address, "/metrics").await?;
    assert!(metrics.contains("master_agents"), "{metrics}");
    let state = get(&cluster.address, "/api/v1/state").await?;
    let body = state.split("\r\n\r\n").nth(1).context("a body")?;
    assert!(body.contains("shown") && body.contains("cpus"), "{body}");
    assert!(get(&cluster.address, "/api/v1/agents?page_size=nonsense").await?.starts_with("HTTP/1.1 400"));
    assert!(get(&cluster.address, "/nowhere").await?.starts_with("HTTP/1.1 404"));
    Ok(())
}

async fn get(address: &str, path: &str) -> Result<String> {
    let mut stream = tokio::net::TcpStream::connect(address).await.context("connect")?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.context("ask")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.context("read the answer")?;
    Ok(answer)
}
