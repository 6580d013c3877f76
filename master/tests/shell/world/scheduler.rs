//! A scheduler: an event stream and its calls.

use proffer_proto::v1::{
    self, event::Event as WireEvent, operation::Operation as WireOperation,
    scheduler_service_client::SchedulerServiceClient,
};
use tonic::{Status, Streaming, transport::Channel};

pub(crate) struct Scheduler {
    pub(crate) id: String,
    pub(crate) session: String,
    pub(crate) resumed: bool,
    pub(crate) last: u64,
    pub(crate) epoch: u64,
    events: Streaming<v1::Event>,
    pub(crate) client: SchedulerServiceClient<Channel>,
}

/// A framework of this name; with an id, the one that was subscribed before.
pub(crate) fn framework(id: &str, name: &str) -> v1::SubscribeRequest {
    let info = v1::FrameworkInfo {
        id: id.to_owned(),
        name: name.to_owned(),
        roles: vec!["*".to_owned()],
        failover_timeout_ms: Some(3_600_000),
        ..v1::FrameworkInfo::default()
    };
    v1::SubscribeRequest { framework: Some(info), ..v1::SubscribeRequest::default() }
}

impl Scheduler {
    pub(crate) async fn subscribe(channel: &Channel, request: v1::SubscribeRequest) -> Result<Self, Status> {
        let mut client = SchedulerServiceClient::new(channel.clone());
        let mut events = client.subscribe(request).await?.into_inner();
        let first = events.message().await?.unwrap();
        let Some(WireEvent::Subscribed(subscribed)) = first.event else { panic!("not subscribed: {first:?}") };
        Ok(Self {
            id: subscribed.framework_id,
            session: subscribed.session_id,
            resumed: subscribed.resumed,
            last: first.number,
            epoch: first.epoch,
            events,
            client,
        })
    }

    /// The next event besides heartbeats; nothing: the stream ended.
    pub(crate) async fn event(&mut self) -> Result<Option<WireEvent>, Status> {
        while let Some(event) = self.events.message().await? {
            self.last = event.number;
            match event.event.unwrap() {
                WireEvent::Heartbeat(_) => {}
                event => return Ok(Some(event)),
            }
        }
        Ok(None)
    }

    pub(crate) async fn offered(&mut self) -> Vec<v1::Offer> {
        match self.event().await.unwrap() {
            Some(WireEvent::Offers(offers)) => offers.offers,
            other => panic!("no offers: {other:?}"),
        }
    }

    /// Launches a task of one cpu on the offer.
    pub(crate) async fn launch(&mut self, offer: &v1::Offer, task: &str) -> v1::TaskVerdict {
        let cpu = v1::Resource {
            name: "cpus".to_owned(),
            value: Some(v1::resource::Value::ScalarMilli(1000)),
            ..v1::Resource::default()
        };
        let command = v1::Command { value: "true".to_owned(), ..v1::Command::default() };
        let task = v1::TaskInfo {
            id: task.to_owned(),
            name: task.to_owned(),
            resources: vec![cpu],
            command: Some(command),
            ..v1::TaskInfo::default()
        };
        let request_id = format!("launch {}", task.id);
        let launch = WireOperation::Launch(v1::Launch { executor: None, tasks: vec![task] });
        let acceptance = v1::OfferAcceptance {
            offer_ids: vec![offer.id.clone()],
            operations: vec![v1::Operation { operation: Some(launch) }],
            filters: Some(v1::Filters { refuse_ms: Some(0) }),
        };
        let accept = v1::AcceptRequest {
            session_id: self.session.clone(),
            request_id,
            accepts: vec![acceptance],
            all_or_nothing: false,
        };
        self.client.accept(accept).await.unwrap().into_inner().verdicts.remove(0)
    }

    /// Wants no more offers.
    pub(crate) async fn suppress(&mut self) {
        let request = v1::SuppressRequest { session_id: self.session.clone(), roles: Vec::new() };
        self.client.suppress(request).await.unwrap();
    }

    pub(crate) async fn acknowledge(&mut self, status: &v1::TaskStatus) {
        let known = v1::Acknowledgement { task_id: status.task_id.clone(), sequence: status.sequence };
        let request = v1::AcknowledgeRequest { session_id: self.session.clone(), acknowledgements: vec![known] };
        self.client.acknowledge(request).await.unwrap();
    }
}
