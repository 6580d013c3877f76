//! The way from the services to whoever leads now.

use crate::{driver::Message, read_model::ReadModel};
use arc_swap::ArcSwapOption;
use coordination::Sighting;
use master_core::{CallId, ConnectionId, Input, LinkId, OperatorCall, OperatorReply};
use proffer_proto::convert::status;
use proto_types::{
    Principal, SessionId,
    scheduling::{Call, Refusal, Reply},
};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use tokio::sync::{mpsc, oneshot, watch};
use tonic::Status;

/// Names links, connections and calls, and passes what they say to the present term.
#[derive(Debug)]
pub(crate) struct Handle {
    term: ArcSwapOption<Term>,
    /// Who leads if this master does not; none: nobody else can.
    leader: Option<watch::Receiver<Sighting>>,
    /// Where this master is.
    address: String,
    numbers: AtomicU64,
}

#[derive(Debug)]
struct Term {
    inputs: mpsc::Sender<Message>,
    model: Arc<ReadModel>,
}

impl Handle {
    pub(crate) fn new(leader: Option<watch::Receiver<Sighting>>, address: String) -> Self {
        Self { term: ArcSwapOption::empty(), leader, address, numbers: AtomicU64::new(0) }
    }

    pub(crate) fn lead(&self, inputs: mpsc::Sender<Message>, model: Arc<ReadModel>) {
        self.term.store(Some(Arc::new(Term { inputs, model })));
    }

    pub(crate) fn step_down(&self) {
        self.term.store(None);
    }

    /// What lists are answered from.
    pub(crate) fn model(&self) -> Result<Arc<ReadModel>, Status> {
        self.term.load().as_ref().map(|term| Arc::clone(&term.model)).ok_or_else(|| self.not_leader())
    }

    /// The way into the present term.
    pub(crate) fn inputs(&self) -> Result<mpsc::Sender<Message>, Status> {
        self.term.load().as_ref().map(|term| term.inputs.clone()).ok_or_else(|| self.not_leader())
    }

    /// Whether this master leads.
    pub(crate) fn leads(&self) -> bool {
        self.term.load().is_some()
    }

    /// Where another master leads, as far as is known.
    pub(crate) fn leader(&self) -> Option<String> {
        let sighting = self.leader.as_ref()?.borrow();
        let leader = sighting.leader.as_ref()?;
        // What it said of itself before it stepped down leads nobody anywhere.
        (leader.address != self.address).then(|| leader.address.clone())
    }

    /// What callers of a master that does not lead hear.
    fn not_leader(&self) -> Status {
        status::not_leader(self.leader().as_deref())
    }

    /// Inputs that wait for the driver.
    pub(crate) fn waiting(&self) -> usize {
        self.term.load().as_ref().map_or(0, |term| term.inputs.max_capacity() - term.inputs.capacity())
    }

    pub(crate) fn next_link(&self) -> LinkId {
        LinkId(self.next())
    }

    pub(crate) fn next_connection(&self) -> ConnectionId {
        ConnectionId(self.next())
    }

    fn next(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// A scheduler's call and its reply.
    pub(crate) async fn call(&self, principal: Principal, session: SessionId, body: Call) -> Result<Reply, Status> {
        let call = CallId(self.next());
        let (answer, reply) = oneshot::channel();
        let input = Input::Call { call, principal, session, body };
        self.ask(Message::Call { call, answer, input }, reply).await
    }

    /// An operator's call and its reply.
    pub(crate) async fn operate(&self, principal: Principal, body: OperatorCall) -> Result<OperatorReply, Status> {
        let call = CallId(self.next());
        let (answer, reply) = oneshot::channel();
        let input = Input::Operate { call, principal, body };
        self.ask(Message::Operate { call, answer, input }, reply).await
    }

    async fn ask<T>(&self, message: Message, reply: oneshot::Receiver<Result<T, Refusal>>) -> Result<T, Status> {
        self.inputs()?.send(message).await.map_err(|_| self.not_leader())?;
        match reply.await {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(refusal)) => Err(status::refused(&refusal)),
            Err(_) => Err(self.not_leader()),
        }
    }
}
