//! Streams and calls over gRPC.

use crate::connect::describe;
use framework_core::{CallEnd, CallId, Input, StreamEnd, StreamId};
use proffer_proto::{
    convert::{
        Invalid,
        scheduling::Request,
        status::{Problem, read},
    },
    v1::{self, scheduler_service_client::SchedulerServiceClient},
};
use proto_types::{
    SessionId,
    scheduling::{Call, NumberedEvent, Refusal, Reply, Subscribe},
};
use std::time::Duration;
use tokio::{sync::mpsc, time::timeout};
use tonic::{Code, Status, transport::Channel};

/// How long an answer may take before the call counts as lost. The master writes to its log before some answers.
const CALL_PATIENCE: Duration = Duration::from_secs(30);
/// The largest message taken. The master sends at most 1 MiB; the rest is for what it may not be able to split.
const MESSAGE_BYTES_MAX: usize = 16 << 20;

pub(crate) fn client(channel: Channel) -> SchedulerServiceClient<Channel> {
    SchedulerServiceClient::new(channel)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX)
}

/// Opens an event stream and hands its events on until it ends.
pub(crate) async fn follow(
    mut client: SchedulerServiceClient<Channel>,
    stream: StreamId,
    subscribe: Subscribe,
    inputs: mpsc::Sender<Input>,
) {
    let end = match client.subscribe(v1::SubscribeRequest::from(subscribe)).await {
        Err(status) => stream_end(&status),
        Ok(response) => {
            let mut events = response.into_inner();
            loop {
                let event = match events.message().await {
                    Ok(Some(event)) => event,
                    Ok(None) => break StreamEnd::Broken("the master ended the stream".to_owned()),
                    Err(status) => break stream_end(&status),
                };
                let event = match NumberedEvent::try_from(event) {
                    Ok(event) => event,
                    Err(invalid) => break StreamEnd::Broken(format!("the master sent what it must not: {invalid}")),
                };
                if inputs.send(Input::Event { stream, event }).await.is_err() {
                    return;
                }
            }
        }
    };
    // Without a driver nobody is interested.
    let _ = inputs.send(Input::StreamEnded { stream, end }).await;
}

/// Makes a call and hands on how it ended.
pub(crate) async fn call(
    client: SchedulerServiceClient<Channel>,
    call: CallId,
    request: (SessionId, Call),
    inputs: mpsc::Sender<Input>,
) {
    let end = match timeout(CALL_PATIENCE, make(client, request.into())).await {
        Err(_) => CallEnd::Lost(format!("no answer within {} s", CALL_PATIENCE.as_secs())),
        Ok(Err(status)) => call_end(&status),
        Ok(Ok(Err(invalid))) => CallEnd::Lost(format!("the master answered what it must not: {invalid}")),
        Ok(Ok(Ok(reply))) => CallEnd::Reply(reply),
    };
    // Without a driver nobody is interested.
    let _ = inputs.send(Input::CallEnded { call, end }).await;
}

async fn make(mut client: SchedulerServiceClient<Channel>, request: Request) -> Result<Result<Reply, Invalid>, Status> {
    Ok(match request {
        Request::Accept(request) => Reply::try_from(client.accept(request).await?.into_inner()),
        Request::Decline(request) => Reply::try_from(client.decline(request).await?.into_inner()),
        Request::Revive(request) => Reply::try_from(client.revive(request).await?.into_inner()),
        Request::Suppress(request) => Reply::try_from(client.suppress(request).await?.into_inner()),
        Request::Kill(request) => Reply::try_from(client.kill(request).await?.into_inner()),
        Request::Acknowledge(request) => Reply::try_from(client.acknowledge(request).await?.into_inner()),
        Request::Reconcile(request) => Reply::try_from(client.reconcile(request).await?.into_inner()),
        Request::SendMessage(request) => Reply::try_from(client.send_message(request).await?.into_inner()),
        Request::UpdateFramework(request) => Reply::try_from(client.update_framework(request).await?.into_inner()),
        Request::Teardown(request) => Reply::try_from(client.teardown(request).await?.into_inner()),
        Request::Explain(request) => Reply::try_from(client.explain(request).await?.into_inner()),
    })
}

fn stream_end(status: &Status) -> StreamEnd {
    match read(status) {
        Some(Problem::NotLeader { leader }) => StreamEnd::NotLeader(leader),
        Some(Problem::TooSlow) => StreamEnd::TooSlow,
        Some(Problem::Refused(refusal)) => StreamEnd::Refused(refusal),
        None => StreamEnd::Broken(describe(status)),
    }
}

fn call_end(status: &Status) -> CallEnd {
    match read(status) {
        Some(Problem::NotLeader { leader }) => CallEnd::NotLeader(leader),
        Some(Problem::Refused(refusal)) => CallEnd::Refused(refusal),
        // It is larger than a message may be, and would be the next time.
        None if status.code() == Code::OutOfRange => {
            CallEnd::Refused(Refusal::Invalid { field: String::new(), message: describe(status) })
        }
        Some(Problem::TooSlow) | None => CallEnd::Lost(describe(status)),
    }
}
