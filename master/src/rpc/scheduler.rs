//! The conversation with schedulers.

use super::{
    farewell::watched,
    principal::{Action, authorise, principal},
};
use crate::{driver::Message, handle::Handle, queue::queue};
use futures::{Stream, StreamExt, stream};
use master_core::Input;
use proffer_proto::{
    convert::status,
    v1::{self, scheduler_service_server::SchedulerService},
};
use proto_types::{
    SessionId,
    scheduling::{Call, Reply, Subscribe},
};
use std::{pin::Pin, sync::Arc};
use tonic::{Request, Response, Status};

#[derive(Debug)]
pub(crate) struct Schedulers {
    pub(crate) handle: Arc<Handle>,
}

type Events = Pin<Box<dyn Stream<Item = Result<v1::Event, Status>> + Send>>;

impl Schedulers {
    async fn subscribed(&self, request: Request<v1::SubscribeRequest>) -> Result<Events, Status> {
        let principal = principal(&request)?;
        authorise(&principal, Action::Schedule)?;
        let subscribe = Subscribe::try_from(request.into_inner())?;
        let inputs = self.handle.inputs()?;
        let connection = self.handle.next_connection();
        let (events, reader) = queue();
        let input = Input::Subscribe { connection, principal, request: Box::new(subscribe) };
        let gone = || status::not_leader(None);
        inputs.send(Message::Subscribe { connection, events, input }).await.map_err(|_| gone())?;
        let mut events = Box::pin(watched(reader, inputs, Input::SchedulerClosed { connection, too_slow: false }));
        // The first answer decides between a stream and an error.
        let first = events.next().await.ok_or_else(gone)??;
        let events = stream::iter([Ok(first)]).chain(events);
        Ok(Box::pin(events.map(|event| Ok(v1::Event::from(&*event?)))))
    }

    async fn call<Q, A>(&self, request: Request<Q>) -> Result<Response<A>, Status>
    where
        (SessionId, Call): TryFrom<Q, Error = proffer_proto::convert::Invalid>,
        A: TryFrom<Reply>,
        Status: From<A::Error>,
    {
        let principal = principal(&request)?;
        authorise(&principal, Action::Schedule)?;
        let (session, call) = <(SessionId, Call)>::try_from(request.into_inner())?;
        let reply = self.handle.call(principal, session, call).await?;
        Ok(Response::new(A::try_from(reply)?))
    }
}

#[tonic::async_trait]
impl SchedulerService for Schedulers {
    type SubscribeStream = Events;

    async fn subscribe(&self, request: Request<v1::SubscribeRequest>) -> Result<Response<Events>, Status> {
        Ok(Response::new(self.subscribed(request).await?))
    }

    async fn accept(&self, request: Request<v1::AcceptRequest>) -> Result<Response<v1::AcceptResponse>, Status> {
        self.call(request).await
    }

    async fn decline(&self, request: Request<v1::DeclineRequest>) -> Result<Response<v1::DeclineResponse>, Status> {
        self.call(request).await
    }

    async fn revive(&self, request: Request<v1::ReviveRequest>) -> Result<Response<v1::ReviveResponse>, Status> {
        self.call(request).await
    }

    async fn suppress(&self, request: Request<v1::SuppressRequest>) -> Result<Response<v1::SuppressResponse>, Status> {
        self.call(request).await
    }

    async fn kill(&self, request: Request<v1::KillRequest>) -> Result<Response<v1::KillResponse>, Status> {
        self.call(request).await
    }

    async fn acknowledge(
        &self,
        request: Request<v1::AcknowledgeRequest>,
    ) -> Result<Response<v1::AcknowledgeResponse>, Status> {
        self.call(request).await
    }

    async fn reconcile(
        &self,
        request: Request<v1::ReconcileRequest>,
    ) -> Result<Response<v1::ReconcileResponse>, Status> {
        self.call(request).await
    }

    async fn send_message(
        &self,
        request: Request<v1::SendMessageRequest>,
    ) -> Result<Response<v1::SendMessageResponse>, Status> {
        self.call(request).await
    }

    async fn update_framework(
        &self,
        request: Request<v1::UpdateFrameworkRequest>,
    ) -> Result<Response<v1::UpdateFrameworkResponse>, Status> {
        self.call(request).await
    }

    async fn teardown(&self, request: Request<v1::TeardownRequest>) -> Result<Response<v1::TeardownResponse>, Status> {
        self.call(request).await
    }

    async fn explain(&self, request: Request<v1::ExplainRequest>) -> Result<Response<v1::ExplainResponse>, Status> {
        self.call(request).await
    }
}
