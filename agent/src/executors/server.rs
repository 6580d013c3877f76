//! Where executors connect: `ExecutorService` on the agent's Unix socket.

use crate::driver::Event;
use agent_core::{ConnectionId, Input};
use proffer_proto::v1::{
    ExecutorCall, ExecutorEvent,
    executor_service_server::{ExecutorService, ExecutorServiceServer},
};
use proto_types::executing::FromExecutor;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};
use tracing::debug;

/// Messages to an executor that may wait; one that lets more gather is too slow and connects anew.
const MESSAGES_MAX: usize = 4096;

/// An executor may report as much at once as it has tasks; but one update must fit into a record of the journal.
const MESSAGE_BYTES_MAX: usize = 32 << 20;

/// Where executors connect.
#[derive(Debug)]
struct Attachments {
    events: mpsc::Sender<Event>,
    connections: AtomicU64,
}

#[tonic::async_trait]
impl ExecutorService for Attachments {
    type AttachStream = ReceiverStream<Result<ExecutorEvent, Status>>;

    async fn attach(&self, request: Request<Streaming<ExecutorCall>>) -> Result<Response<Self::AttachStream>, Status> {
        let connection = ConnectionId(self.connections.fetch_add(1, Ordering::Relaxed));
        let (sender, receiver) = mpsc::channel(MESSAGES_MAX);
        let stopping = |_| Status::unavailable("the agent stops");
        self.events.send(Event::ExecutorOpened(connection, sender)).await.map_err(stopping)?;
        tokio::spawn(listen(connection, request.into_inner(), self.events.clone()));
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}

/// Passes on what an executor says.
async fn listen(connection: ConnectionId, mut calls: Streaming<ExecutorCall>, events: mpsc::Sender<Event>) {
    loop {
        let call = match calls.message().await {
            Ok(Some(call)) => call,
            Ok(None) => break,
            Err(status) => {
                debug!(?connection, %status, "an executor's connection broke");
                break;
            }
        };
        match FromExecutor::try_from(call) {
            Ok(message) => {
                let input = Input::FromExecutor { connection, message };
                if events.send(Event::Input(input)).await.is_err() {
                    return;
                }
            }
            Err(invalid) => {
                // It may hold good updates, too, which must not be lost: the executor has to hear of it.
                let status = Status::invalid_argument(invalid.to_string());
                let _ = events.send(Event::ExecutorConfused(connection, status)).await;
                return;
            }
        }
    }
    let _ = events.send(Event::Input(Input::ExecutorClosed { connection })).await;
}

/// What answers on the socket.
pub(crate) fn router(events: mpsc::Sender<Event>) -> axum::Router {
    let service = ExecutorServiceServer::new(Attachments { events, connections: AtomicU64::new(1) })
        .max_decoding_message_size(MESSAGE_BYTES_MAX);
    tonic::service::Routes::new(service).prepare().into_axum_router()
}
