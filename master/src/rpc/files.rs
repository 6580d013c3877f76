//! Files of sandboxes: a caller's stream and the stream that an agent opens for it, joined.

use crate::{driver::Message, handle::Handle};
use futures::{Stream, StreamExt};
use master_core::{OperatorCall, OperatorReply};
use proffer_proto::{
    convert::Invalid,
    v1::{self, agent_data::Data},
};
use proto_types::{
    AgentId, FrameworkId, Principal, TaskId,
    files::{FileRequest, OpenData},
};
use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::oneshot;
use tonic::{Status, Streaming};

/// How long an agent has to open the stream that it was asked for.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);

/// Streams that agents may be asked for at once. Each that is not opened is kept for as long as that may take.
const ASKED_MAX: usize = 1024;

/// Streams that agents were asked to open.
#[derive(Debug, Default)]
pub(crate) struct Transfers {
    asked: Mutex<BTreeMap<String, oneshot::Sender<Answer>>>,
}

/// What an agent sends, and who waits for its end.
#[derive(Debug)]
struct Answer {
    data: Streaming<v1::AgentData>,
    ended: oneshot::Sender<()>,
}

pub(crate) type Chunks = Pin<Box<dyn Stream<Item = Result<v1::FileChunk, Status>> + Send>>;

impl Transfers {
    /// Joins the stream that an agent opened with whoever waits for it.
    pub(crate) fn answer(&self, token: &str, data: Streaming<v1::AgentData>) -> Result<oneshot::Receiver<()>, Status> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner).remove(token);
        let gone = || Status::not_found("data.header.token: nobody waits for this stream any more");
        let (ended, wait) = oneshot::channel();
        asked.ok_or_else(gone)?.send(Answer { data, ended }).map_err(|_| gone())?;
        Ok(wait)
    }

    /// Has the task's agent open a stream for the request, and passes on what comes.
    pub(crate) async fn read(
        &self,
        handle: &Handle,
        principal: Principal,
        mut request: v1::FileRequest,
    ) -> Result<Chunks, Status> {
        let invalid = |field: &str, error: &dyn std::error::Error| {
            Status::from(Invalid { field: field.to_owned(), message: error.to_string() })
        };
        let task = TaskId::new(&request.task_id).map_err(|error| invalid("task_id", &error))?;
        let framework = match request.framework_id.as_str() {
            "" => None,
            id => Some(FrameworkId::new(id).map_err(|error| invalid("framework_id", &error))?),
        };
        let agent = match request.agent_id.as_str() {
            "" => None,
            id => Some(AgentId::new(id).map_err(|error| invalid("agent_id", &error))?),
        };
        let located = handle.operate(principal, OperatorCall::LocateTask { framework, task, agent }).await?;
        let OperatorReply::Located { framework, agent, link } = located else {
            return Err(Status::internal("the task was not located"));
        };
        let link = link.ok_or_else(|| {
            Status::unavailable(format!("agent {agent}, where the task's files are, is not connected"))
        })?;
        request.framework_id = framework.to_string();
        let request = FileRequest::try_from(request)?;
        let (asked, token) = self.ask()?;
        let open = Message::OpenData { link, request: OpenData { token: token.name.clone(), request } };
        handle.inputs()?.send(open).await.map_err(|_| Status::unavailable("this master leads no more"))?;
        let late = || Status::unavailable(format!("agent {agent} does not send the files"));
        let answer = tokio::time::timeout(OPEN_TIMEOUT, asked).await.map_err(|_| late())?.map_err(|_| late())?;
        Ok(Box::pin(chunks(answer, agent)))
    }

    fn ask(&self) -> Result<(oneshot::Receiver<Answer>, Token<'_>), Status> {
        let (sender, receiver) = oneshot::channel();
        let name = uuid::Uuid::new_v4().to_string();
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if asked.len() == ASKED_MAX {
            return Err(Status::resource_exhausted("too many files are being asked for at once; try again later"));
        }
        asked.insert(name.clone(), sender);
        Ok((receiver, Token { name, transfers: self }))
    }
}

/// A token that is forgotten when nobody waits for its stream any more.
struct Token<'a> {
    name: String,
    transfers: &'a Transfers,
}

impl Drop for Token<'_> {
    fn drop(&mut self) {
        self.transfers.asked.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.name);
    }
}

fn chunks(answer: Answer, agent: AgentId) -> impl Stream<Item = Result<v1::FileChunk, Status>> {
    let Answer { data, ended } = answer;
    // Held by the stream: when the caller goes away it is dropped, and the agent's stream ends.
    let held = Arc::new(ended);
    data.filter_map(move |message| {
        let _held = Arc::clone(&held);
        let lost = {
            let agent = agent.clone();
            move |status: &Status| Status::unavailable(format!("agent {agent} broke off: {}", status.message()))
        };
        async move {
            match message.map(|message| message.data) {
                Ok(Some(Data::Chunk(chunk))) => Some(Ok(chunk)),
                Ok(Some(Data::Error(error))) if error.not_found => Some(Err(Status::not_found(error.message))),
                Ok(Some(Data::Error(error))) => Some(Err(Status::failed_precondition(error.message))),
                Ok(Some(Data::Header(_)) | None) => None,
                Err(status) => Some(Err(lost(&status))),
            }
        }
    })
}
