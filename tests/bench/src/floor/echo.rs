//! What the gRPC stack does when nobody thinks: unary calls and stream messages that come straight back, between two
//! processes as between a master and its clients.

use anyhow::{Context, Result};
use futures::StreamExt;
use proffer_proto::v1::{
    AgentData, AgentMessage, MasterData, MasterMessage, Ping, Pong, agent_message,
    agent_service_client::AgentServiceClient,
    agent_service_server::{AgentService, AgentServiceServer},
    master_message,
};
use std::time::{Duration, Instant};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming, transport::Channel};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

/// Echo rates.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rates {
    /// Unary calls per second.
    pub(crate) unary: f64,
    /// Stream messages there and back per second.
    pub(crate) stream: f64,
}

impl Rates {
    /// Pairs of one unary call and one stream message there and back, per second: the least that a launch and its
    /// update take.
    #[must_use]
    pub(crate) fn pairs(self) -> f64 {
        1.0 / (1.0 / self.unary + 1.0 / self.stream)
    }
}

struct Echo;

#[tonic::async_trait]
impl AgentService for Echo {
    type LinkStream = ReceiverStream<Result<MasterMessage, Status>>;
    type DataStream = ReceiverStream<Result<MasterData, Status>>;

    async fn link(&self, request: Request<Streaming<AgentMessage>>) -> Result<Response<Self::LinkStream>, Status> {
        let (sender, receiver) = tokio::sync::mpsc::channel(64);
        let mut messages = request.into_inner();
        tokio::spawn(async move {
            while let Some(Ok(message)) = messages.next().await {
                let Some(agent_message::Message::Pong(Pong { number })) = message.message else { continue };
                let echo = MasterMessage { epoch: 1, message: Some(master_message::Message::Ping(Ping { number })) };
                if sender.send(Ok(echo)).await.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn data(&self, _: Request<Streaming<AgentData>>) -> Result<Response<Self::DataStream>, Status> {
        Err(Status::unimplemented("the echo has no data"))
    }
}

/// Serves echoes on this address until the process ends.
///
/// # Errors
/// If it cannot listen.
pub(crate) async fn serve(address: &str) -> Result<()> {
    let (_reporter, health) = tonic_health::server::health_reporter();
    tonic::transport::Server::builder()
        .tcp_nodelay(true)
        .add_service(AgentServiceServer::new(Echo))
        .add_service(health)
        .serve(address.parse().context("address of the echo")?)
        .await
        .context("serve echoes")
}

/// Measures both rates against the echo at this address.
///
/// # Errors
/// If it does not answer.
pub(crate) async fn measure(address: &str, streams: usize, time: Duration) -> Result<Rates> {
    Ok(Rates {
        unary: unary_per_second(address, time).await?,
        stream: stream_per_second(address, streams, time).await?,
    })
}

async fn connect(address: &str) -> Result<Channel> {
    let endpoint = Channel::from_shared(format!("http://{address}")).context("address of the echo")?;
    endpoint.tcp_nodelay(true).connect().await.context("connect to the echo")
}

/// Calls in flight at once: enough to keep both processes busy, as a scheduler's batches do.
const CALLS: usize = 32;

async fn unary_per_second(address: &str, time: Duration) -> Result<f64> {
    let channel = connect(address).await?;
    let start = Instant::now();
    let callers = (0..CALLS).map(|_| {
        let mut client = HealthClient::new(channel.clone());
        tokio::spawn(async move {
            let mut calls = 0_u64;
            while start.elapsed() < time {
                client.check(HealthCheckRequest { service: String::new() }).await?;
                calls += 1;
            }
            Ok::<u64, Status>(calls)
        })
    });
    let mut calls = 0;
    for caller in callers.collect::<Vec<_>>() {
        calls += caller.await.context("a caller of the echo")?.context("call the echo")?;
    }
    Ok(calls as f64 / start.elapsed().as_secs_f64())
}

async fn stream_per_second(address: &str, streams: usize, time: Duration) -> Result<f64> {
    let mut echoes = Vec::new();
    let start = Instant::now();
    for _ in 0..streams {
        let channel = connect(address).await?;
        echoes.push(tokio::spawn(stream_echoes(channel, start, time)));
    }
    let mut messages = 0;
    for echo in echoes {
        messages += echo.await.context("a stream of the echo")??;
    }
    Ok(messages as f64 / start.elapsed().as_secs_f64())
}

async fn stream_echoes(channel: Channel, start: Instant, time: Duration) -> Result<u64> {
    let (sender, receiver) = tokio::sync::mpsc::channel(4);
    let link = AgentServiceClient::new(channel).link(ReceiverStream::new(receiver)).await;
    let mut echoes = link.context("open a stream of the echo")?.into_inner();
    let mut number = 0;
    while start.elapsed() < time {
        number += 1;
        let message = Some(agent_message::Message::Pong(Pong { number }));
        sender.send(AgentMessage { message }).await.context("send to the echo")?;
        echoes.next().await.context("the echo ended")?.context("read from the echo")?;
    }
    Ok(number)
}
