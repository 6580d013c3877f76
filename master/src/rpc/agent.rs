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
use tokio::sync::{Semaphore, mpsc};
use tonic::{Request, Response, Status, Streaming};

/// How long an agent may take to say whose data it sends.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// Agents that register at once. After a failover all come with all their tasks; those that wait for their turn wait in
/// the network, and whoever else says something meanwhile is heard soon.
pub(crate) const REGISTRATIONS_MAX: usize = 64;

/// An agent that has not said who it is after so long in its turn goes on without: it keeps nobody waiting.
const TURN_MAX: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Agents {
    pub(crate) handle: Arc<Handle>,
    /// Whose turn it is to register.
    pub(crate) turns: Arc<Semaphore>,
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
        let speaker = Speaker { link, principal, stream: request.into_inner(), inputs, turns: Arc::clone(&self.turns) };
        // When our half of the link ends, nobody needs to hear the other any more.
        tokio::spawn(dropped.run_until_cancelled_owned(speaker.listen()));
        Ok(Box::pin(messages.map(move |message| Ok(write(epoch, message?)))))
    }
}

/// The agent's half of a link.
struct Speaker {
    link: LinkId,
    principal: Principal,
    stream: Streaming<v1::AgentMessage>,
    inputs: mpsc::Sender<Message>,
    turns: Arc<Semaphore>,
}

impl Speaker {
    /// Passes on what the agent says until it ends or says something that cannot be understood.
    async fn listen(mut self) {
        let Ok(turn) = Arc::clone(&self.turns).acquire_owned().await else { return };
        let mut next = match tokio::time::timeout(TURN_MAX, self.hear()).await {
            Ok(first) => first.map(|input| Message::Register { input, turn }),
            Err(_) => {
                drop(turn);
                self.hear().await.map(Message::Input)
            }
        };
        while let Ok(message) = next {
            if self.inputs.send(message).await.is_err() {
                return;
            }
            next = self.hear().await.map(Message::Input);
        }
        if let Err(last) = next {
            let _ = self.inputs.send(last).await;
        }
    }

    /// The next that the agent says, or the last that the driver is told of the link.
    async fn hear(&mut self) -> Result<Input, Message> {
        match self.stream.next().await {
            Some(Ok(message)) => self.understand(message),
            Some(Err(_)) | None => Err(Message::Input(Input::AgentLinkClosed { link: self.link })),
        }
    }

    fn understand(&self, message: v1::AgentMessage) -> Result<Input, Message> {
        let (link, principal) = (self.link, self.principal.clone());
        match FromAgent::try_from(message) {
            Ok(message) => Ok(Input::Agent { link, principal, message }),
            Err(invalid) => {
                tracing::warn!(link = link.0, %invalid, "an agent says what cannot be understood");
                Err(Message::Misunderstood { link, message: invalid.to_string() })
            }
        }
    }
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
