//! An executor whose tasks another start of it has taken over ends by itself.

use agent_executor::{Options, isolation::Choice};
use executor_core::Identity;
use kit::shutdown::CancellationToken;
use proffer_proto::v1::{
    ExecutorCall, ExecutorEvent,
    executor_service_server::{ExecutorService, ExecutorServiceServer},
};
use proto_types::{ExecutorId, FrameworkId};
use std::time::Duration;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

/// An agent that has started the executor anew meanwhile.
struct Agent;

#[tonic::async_trait]
impl ExecutorService for Agent {
    type AttachStream = ReceiverStream<Result<ExecutorEvent, Status>>;

    async fn attach(&self, _: Request<Streaming<ExecutorCall>>) -> Result<Response<Self::AttachStream>, Status> {
        let (sender, receiver) = tokio::sync::mpsc::channel(1);
        let superseded = Status::failed_precondition("another start of this executor has its tasks now");
        sender.send(Err(superseded)).await.map_err(|_| Status::internal("nobody listens"))?;
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}

#[tokio::test]
async fn a_superseded_executor_ends() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("agent.sock");
    let listener = kit::listen::unix(&socket).unwrap();
    let router = tonic::service::Routes::new(ExecutorServiceServer::new(Agent)).prepare().into_axum_router();
    tokio::spawn(kit::serve::serve(listener, router, CancellationToken::new()));
    let options = Options {
        identity: Identity {
            framework: FrameworkId::new("f").unwrap(),
            executor: ExecutorId::built_in(),
            token: "old".to_owned(),
            pid: std::process::id(),
        },
        socket,
        directory: directory.path().to_owned(),
        isolation: Choice::Posix,
        docker_socket: None,
        cache: directory.path().join("cache"),
    };
    let ended = tokio::time::timeout(Duration::from_secs(20), agent_executor::run(options)).await;
    ended.expect("it must not try for ever").unwrap();
}
