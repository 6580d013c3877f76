//! The conversation with agents.

use super::{
    farewell::watched,
    files::Transfers,
    principal::{Action, authorise, principal},
};
use crate::{
    driver::{LinkMessage, Message},
    handle::Handle,
    queue::queue,
};
use futures::{Stream, StreamExt};
use master_core::{Input, LinkId};
use proffer_proto::{
    convert::status,
    v1::{self, agent_service_server::AgentService},
};
use proto_types::{Epoch, Principal, link::FromAgent};
use std::{pin::Pin, sync::Arc, time::Duration};
use tokio::sync::mpsc;
use tonic::{Request, Response, Status, Streaming};

/// How long an agent may take to say whose data it sends.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct Agents {
    pub(crate) handle: Arc<Handle>,
    pub(crate) transfers: Arc<Transfers>,
}

type Messages = Pin<Box<dyn Stream<Item = Result<v1::MasterMessage, Status>> + Send>>;
type Nothing = Pin<Box<dyn Stream<Item = Result<v1::MasterData, Status>> + Send>>;

impl Agents {
    async fn linked(&self, request: Request<Streaming<v1::AgentMessage>>) -> Result<Messages, Status> {
        let principal = principal(&request)?;
        authorise(&principal, Action::Serve)?;
        let (inputs, link) = (self.handle.inputs()?, self.handle.next_link());
        let epoch = self.handle.model()?.epoch;
        let (messages, reader) = queue();
        let dropped = reader.dropped();
        inputs.send(Message::Link { link, messages }).await.map_err(|_| status::not_leader(None))?;
        let messages = watched(reader, inputs.clone(), Input::AgentLinkClosed { link });
        // When our half of the link ends, nobody needs to hear the other any more.
        tokio::spawn(dropped.run_until_cancelled_owned(listen(link, principal, request.into_inner(), inputs)));
        Ok(Box::pin(messages.map(move |message| Ok(write(epoch, message?)))))
    }
}

/// Reads what an agent says until it ends or says something that cannot be understood.
async fn listen(
    link: LinkId,
    principal: Principal,
    mut stream: Streaming<v1::AgentMessage>,
    inputs: mpsc::Sender<Message>,
) {
    while let Some(Ok(message)) = stream.next().await {
        let message = match FromAgent::try_from(message) {
            Ok(message) => Message::Input(Input::Agent { link, principal: principal.clone(), message }),
            Err(invalid) => {
                tracing::warn!(link = link.0, %invalid, "an agent says what cannot be understood");
                let _ = inputs.send(Message::Misunderstood { link, message: invalid.to_string() }).await;
                return;
            }
        };
        if inputs.send(message).await.is_err() {
            return;
        }
    }
    let _ = inputs.send(Message::Input(Input::AgentLinkClosed { link })).await;
}

fn write(epoch: Epoch, message: LinkMessage) -> v1::MasterMessage {
    match message {
        LinkMessage::Control(message) => v1::MasterMessage::from((epoch, message)),
        LinkMessage::OpenData(request) => v1::MasterMessage::from((epoch, request)),
    }
}

#[tonic::async_trait]
impl AgentService for Agents {
    type LinkStream = Messages;
    type DataStream = Nothing;

    async fn link(&self, request: Request<Streaming<v1::AgentMessage>>) -> Result<Response<Messages>, Status> {
        Ok(Response::new(self.linked(request).await?))
    }

    async fn data(&self, request: Request<Streaming<v1::AgentData>>) -> Result<Response<Nothing>, Status> {
        authorise(&principal(&request)?, Action::Serve)?;
        let mut data = request.into_inner();
        let late = |_| Status::deadline_exceeded("data: no header came");
        let header = tokio::time::timeout(HEADER_TIMEOUT, data.message()).await.map_err(late)??;
        let header = header.and_then(|first| first.data);
        let Some(v1::agent_data::Data::Header(header)) = header else {
            return Err(Status::invalid_argument("data: the first message must be a header"));
        };
        let ended = self.transfers.answer(&header.token, data)?;
        // The stream to the agent says nothing; that it ends says that nobody wants more.
        Ok(Response::new(Box::pin(futures::stream::once(ended).filter_map(|_| async { None }))))
    }
}
