//! A master for tests: it accepts everything and says what the test has it say.

use proffer_proto::v1::{
    self,
    event::Event as WireEvent,
    scheduler_service_server::{SchedulerService, SchedulerServiceServer},
};
use std::sync::{Arc, Mutex};
use tokio::{
    net::TcpListener,
    sync::{Mutex as AsyncMutex, mpsc},
};
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::{Request, Response, Status};

pub(crate) type Events = mpsc::Sender<Result<v1::Event, Status>>;
type Subscription = (v1::SubscribeRequest, Events);

/// What a master was asked for.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) accepts: usize,
    pub(crate) accepted_tasks: usize,
    pub(crate) acknowledges: usize,
    pub(crate) acknowledged: usize,
}

/// A master that listens on a port of its own.
#[derive(Debug, Clone)]
pub(crate) struct Master {
    pub(crate) address: String,
    counts: Arc<Mutex<Counts>>,
    subscriptions: Arc<AsyncMutex<mpsc::Receiver<Subscription>>>,
    accepted: Arc<AsyncMutex<mpsc::Receiver<Vec<String>>>>,
}

#[derive(Debug)]
struct Service {
    counts: Arc<Mutex<Counts>>,
    subscriptions: mpsc::Sender<Subscription>,
    accepted: mpsc::Sender<Vec<String>>,
}

impl Master {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let counts = Arc::new(Mutex::new(Counts::default()));
        let (subscriptions, received) = mpsc::channel(16);
        let (accepted, tasks) = mpsc::channel(1024);
        let service = Service { counts: Arc::clone(&counts), subscriptions, accepted };
        let server = tonic::transport::Server::builder().add_service(SchedulerServiceServer::new(service));
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        let (subscriptions, accepted) = (Arc::new(AsyncMutex::new(received)), Arc::new(AsyncMutex::new(tasks)));
        Self { address, counts, subscriptions, accepted }
    }

    pub(crate) fn counts(&self) -> Counts {
        *self.counts.lock().unwrap()
    }

    /// The next subscription.
    pub(crate) async fn subscription(&self) -> Subscription {
        self.subscriptions.lock().await.recv().await.expect("a scheduler subscribes")
    }

    /// The tasks of the next Accept.
    pub(crate) async fn accepted(&self) -> Vec<String> {
        self.accepted.lock().await.recv().await.expect("a scheduler accepts")
    }

    /// Offers so many times, some at once, and finishes what is launched.
    pub(crate) async fn offer_in_batches(self, total: usize, batch: usize) {
        let (_, events) = self.subscription().await;
        events.send(Ok(subscribed(1, "S1", false))).await.unwrap();
        let (mut number, mut offered, mut finished) = (1, 0, 0);
        while finished < total {
            while offered < total && offered < finished + 2 * batch {
                number += 1;
                let ids: Vec<String> =
                    (offered..(offered + batch).min(total)).map(|index| format!("o{index}")).collect();
                offered += ids.len();
                let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
                events.send(Ok(offers(number, &ids))).await.unwrap();
            }
            let tasks = self.accepted().await;
            finished += tasks.len();
            number += 1;
            let tasks: Vec<&str> = tasks.iter().map(String::as_str).collect();
            events.send(Ok(self::finished(number, &tasks))).await.unwrap();
        }
        // The stream stays until the scheduler ends.
        events.closed().await;
    }
}

fn event(number: u64, event: WireEvent) -> v1::Event {
    v1::Event { number, epoch: 1, event: Some(event) }
}

pub(crate) fn subscribed(number: u64, session: &str, resumed: bool) -> v1::Event {
    let subscribed = v1::Subscribed {
        framework_id: "F1".to_owned(),
        session_id: session.to_owned(),
        cluster_id: "C1".to_owned(),
        heartbeat_interval_ms: 15_000,
        resumed,
        master_version: String::new(),
    };
    event(number, WireEvent::Subscribed(subscribed))
}

pub(crate) fn offers(number: u64, ids: &[&str]) -> v1::Event {
    let cpus = v1::Resource {
        name: "cpus".to_owned(),
        value: Some(v1::resource::Value::ScalarMilli(1000)),
        ..v1::Resource::default()
    };
    let offer = |id: &&str| v1::Offer {
        id: (*id).to_owned(),
        framework_id: "F1".to_owned(),
        role: "*".to_owned(),
        agent_id: "A1".to_owned(),
        agent: Some(v1::AgentInfo { hostname: "a".to_owned(), ..v1::AgentInfo::default() }),
        resources: vec![cpus.clone()],
        unavailability: None,
    };
    event(number, WireEvent::Offers(v1::Offers { offers: ids.iter().map(offer).collect() }))
}

pub(crate) fn finished(number: u64, tasks: &[&str]) -> v1::Event {
    let status = |task: &&str| v1::TaskStatus {
        task_id: (*task).to_owned(),
        state: v1::TaskState::TaskFinished.into(),
        sequence: 1,
        source: v1::Source::Executor.into(),
        agent_id: "A1".to_owned(),
        executor_id: "built-in".to_owned(),
        ..v1::TaskStatus::default()
    };
    event(number, WireEvent::Updates(v1::Updates { statuses: tasks.iter().map(status).collect() }))
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl SchedulerService for Service {
    type SubscribeStream = ReceiverStream<Result<v1::Event, Status>>;

    async fn subscribe(&self, request: Request<v1::SubscribeRequest>) -> Answer<Self::SubscribeStream> {
        let (events, stream) = mpsc::channel(64);
        self.subscriptions.send((request.into_inner(), events)).await.map_err(|_| Status::unavailable("over"))?;
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    async fn accept(&self, request: Request<v1::AcceptRequest>) -> Answer<v1::AcceptResponse> {
        let mut tasks = Vec::new();
        for operation in request.into_inner().accepts.into_iter().flat_map(|accept| accept.operations) {
            match operation.operation {
                Some(v1::operation::Operation::Launch(launch) | v1::operation::Operation::LaunchGroup(launch)) => {
                    tasks.extend(launch.tasks.into_iter().map(|task| task.id));
                }
                None => return Err(Status::invalid_argument("operation")),
            }
        }
        {
            let mut counts = self.counts.lock().unwrap();
            counts.accepts += 1;
            counts.accepted_tasks += tasks.len();
        }
        let verdicts = tasks.iter().map(|id| v1::TaskVerdict { task_id: id.clone(), rejection: None }).collect();
        self.accepted.send(tasks).await.map_err(|_| Status::unavailable("over"))?;
        Ok(Response::new(v1::AcceptResponse { verdicts }))
    }

    async fn acknowledge(&self, request: Request<v1::AcknowledgeRequest>) -> Answer<v1::AcknowledgeResponse> {
        let mut counts = self.counts.lock().unwrap();
        counts.acknowledges += 1;
        counts.acknowledged += request.into_inner().acknowledgements.len();
        Ok(Response::new(v1::AcknowledgeResponse {}))
    }

    async fn decline(&self, _: Request<v1::DeclineRequest>) -> Answer<v1::DeclineResponse> {
        Ok(Response::new(v1::DeclineResponse::default()))
    }

    async fn revive(&self, _: Request<v1::ReviveRequest>) -> Answer<v1::ReviveResponse> {
        Ok(Response::new(v1::ReviveResponse {}))
    }

    async fn suppress(&self, _: Request<v1::SuppressRequest>) -> Answer<v1::SuppressResponse> {
        Ok(Response::new(v1::SuppressResponse {}))
    }

    async fn kill(&self, _: Request<v1::KillRequest>) -> Answer<v1::KillResponse> {
        Ok(Response::new(v1::KillResponse::default()))
    }

    async fn reconcile(&self, _: Request<v1::ReconcileRequest>) -> Answer<v1::ReconcileResponse> {
        Ok(Response::new(v1::ReconcileResponse::default()))
    }

    async fn send_message(&self, _: Request<v1::SendMessageRequest>) -> Answer<v1::SendMessageResponse> {
        Ok(Response::new(v1::SendMessageResponse::default()))
    }

    async fn update_framework(&self, _: Request<v1::UpdateFrameworkRequest>) -> Answer<v1::UpdateFrameworkResponse> {
        Ok(Response::new(v1::UpdateFrameworkResponse {}))
    }

    async fn teardown(&self, _: Request<v1::TeardownRequest>) -> Answer<v1::TeardownResponse> {
        Ok(Response::new(v1::TeardownResponse {}))
    }

    async fn explain(&self, _: Request<v1::ExplainRequest>) -> Answer<v1::ExplainResponse> {
        Ok(Response::new(v1::ExplainResponse::default()))
    }
}
