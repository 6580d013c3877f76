//! The conversation with agents.

use super::{
    files::Transfers,
    principal::{Action, authorise, principal},
    streams::{Farewell, Watched},
};
use crate::{
    driver::{LinkMessage, Message},
    handle::Handle,
};
use futures::{Stream, StreamExt};
use master_core::{Input, LinkId};
use proffer_proto::{
    convert::status,
    v1::{self, agent_service_server::AgentService},
};
use proto_types::{
    Epoch, Principal,
    link::{FromAgent, RefusedReason, ToAgent},
};
use std::{pin::Pin, sync::Arc};
use tokio::sync::mpsc;
use tonic::{Request, Response, Status, Streaming};

/// Messages that may wait for an agent to read them. Fuller, and its link is ended; it comes back with all it has.
const MESSAGES_MAX: usize = 4096;

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
        let (messages, receiver) = mpsc::channel(MESSAGES_MAX);
        let opened = Message::Link { link, messages: messages.clone() };
        inputs.send(opened).await.map_err(|_| status::not_leader(None))?;
        let farewell = Farewell::new(inputs.clone(), Input::AgentLinkClosed { link });
        tokio::spawn(listen(link, principal, request.into_inner(), inputs, messages));
        let messages = Watched::new(None, receiver, farewell);
        Ok(Box::pin(messages.map(move |message| Ok(write(epoch, message)))))
    }
}

/// Reads what an agent says until it ends or says something that cannot be understood.
async fn listen(
    link: LinkId,
    principal: Principal,
    mut stream: Streaming<v1::AgentMessage>,
    inputs: mpsc::Sender<Message>,
    messages: mpsc::Sender<LinkMessage>,
) {
    while let Some(Ok(message)) = stream.next().await {
        match FromAgent::try_from(message) {
            Ok(message) => {
                let input = Input::Agent { link, principal: principal.clone(), message };
                if inputs.send(Message::Input(input)).await.is_err() {
                    return;
                }
            }
            Err(invalid) => {
                tracing::warn!(link = link.0, %invalid, "an agent says what cannot be understood");
                let refused = ToAgent::Refused { reason: RefusedReason::Invalid, message: invalid.to_string() };
                let _ = messages.send(LinkMessage::Control(refused)).await;
                break;
            }
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
        let mut data = request.into_inner();
        let header = data.message().await?.and_then(|first| first.data);
        let Some(v1::agent_data::Data::Header(header)) = header else {
            return Err(Status::invalid_argument("data: the first message must be a header"));
        };
        let ended = self.transfers.answer(&header.token, data)?;
        // The stream to the agent says nothing; that it ends says that nobody wants more.
        Ok(Response::new(Box::pin(futures::stream::once(ended).filter_map(|_| async { None }))))
    }
}
