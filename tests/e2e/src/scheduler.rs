//! A scheduler without the SDK: the contract as any language sees it.

use crate::{history::Log, wait::PATIENCE};
use anyhow::{Context, Result, bail};
use proffer_proto::v1::{
    AcceptRequest, AcknowledgeRequest, Acknowledgement, Command, Event, Filters, FrameworkInfo, KillRequest, Launch,
    Offer, OfferAcceptance, Operation, ReconcileQuery, ReconcileRequest, Resource, SubscribeRequest, Subscribed,
    TaskInfo, TaskState, TaskStatus, TaskVerdict, event, operation, reconciliation, resource,
    scheduler_service_client::SchedulerServiceClient,
};
use std::collections::VecDeque;
use tonic::{Streaming, transport::Channel};

/// A subscribed scheduler.
#[derive(Debug)]
pub struct Scheduler {
    /// For calls of all kinds.
    pub client: SchedulerServiceClient<Channel>,
    /// What the master said first.
    pub subscribed: Subscribed,
    /// The epoch of the master that it is subscribed at.
    pub epoch: u64,
    /// What it writes down.
    pub log: Log,
    events: Streaming<Event>,
    offers: Vec<Offer>,
    updates: VecDeque<TaskStatus>,
    requests: u64,
}

/// An amount of a resource.
#[must_use]
pub fn scalar(name: &str, milli: u64) -> Resource {
    let value = Some(resource::Value::ScalarMilli(milli));
    Resource { name: name.to_owned(), value, ..Resource::default() }
}

/// A task that runs a line of shell with a tenth of a cpu.
#[must_use]
pub fn shell(id: &str, line: &str) -> TaskInfo {
    let command = Command { value: line.to_owned(), shell: true, ..Command::default() };
    TaskInfo {
        id: id.to_owned(),
        resources: vec![scalar("cpus", 100), scalar("mem", 16_000)],
        command: Some(command),
        ..TaskInfo::default()
    }
}

/// A launch of these tasks.
#[must_use]
pub fn launch(tasks: Vec<TaskInfo>) -> Operation {
    Operation { operation: Some(operation::Operation::Launch(Launch { executor: None, tasks })) }
}

impl Scheduler {
    /// Registers a framework of this name at the master.
    ///
    /// # Errors
    /// If the master does not take it.
    pub async fn subscribe(master: &str, name: &str) -> Result<Self> {
        let framework = FrameworkInfo { name: name.to_owned(), ..FrameworkInfo::default() };
        Self::subscribe_with(master, SubscribeRequest { framework: Some(framework), ..Default::default() }).await
    }

    /// Subscribes with this request.
    ///
    /// # Errors
    /// If the master does not take it.
    pub async fn subscribe_with(master: &str, request: SubscribeRequest) -> Result<Self> {
        Self::subscribe_logging(master, request, Log::default()).await
    }

    /// Subscribes with this request, and goes on with the log of another scheduler.
    ///
    /// # Errors
    /// If the master does not take it.
    pub async fn subscribe_logging(master: &str, request: SubscribeRequest, log: Log) -> Result<Self> {
        let channel = Channel::from_shared(format!("http://{master}")).context("address of the master")?;
        let channel = channel.connect().await.context("connect to the master")?;
        let mut client = SchedulerServiceClient::new(channel);
        let mut events = client.subscribe(request).await.context("subscribe")?.into_inner();
        let first = events.message().await.context("read the first event")?.context("the stream ended at once")?;
        let epoch = first.epoch;
        let Some(event::Event::Subscribed(subscribed)) = first.event else { bail!("the first event is {first:?}") };
        let (offers, updates) = (Vec::new(), VecDeque::new());
        Ok(Self { client, subscribed, epoch, log, events, offers, updates, requests: 0 })
    }

    /// The session, for calls.
    #[must_use]
    pub fn session(&self) -> String {
        self.subscribed.session_id.clone()
    }

    /// Waits for an offer.
    ///
    /// # Errors
    /// If none comes in time.
    pub async fn offer(&mut self) -> Result<Offer> {
        let arrives = async {
            while self.offers.is_empty() {
                self.read().await?;
            }
            anyhow::Ok(())
        };
        // Heartbeats come for ever.
        tokio::time::timeout(PATIENCE, arrives).await.context("no offer in time")?.context("wait for an offer")?;
        Ok(self.offers.remove(0))
    }

    /// Waits for the next update, and acknowledges it.
    ///
    /// # Errors
    /// If none comes in time.
    pub async fn update(&mut self) -> Result<TaskStatus> {
        let arrives = async {
            while self.updates.is_empty() {
                self.read().await?;
            }
            anyhow::Ok(())
        };
        tokio::time::timeout(PATIENCE, arrives).await.context("no update in time")?.context("wait for an update")?;
        let status = self.updates.pop_front().context("an update was just there")?;
        let (task_id, sequence) = (status.task_id.clone(), status.sequence);
        let acknowledgements = vec![Acknowledgement { task_id, sequence }];
        let request = AcknowledgeRequest { session_id: self.session(), acknowledgements };
        self.client.acknowledge(request).await.context("acknowledge")?;
        Ok(status)
    }

    /// Waits until the task is in this state; fails at once if it ends in another.
    ///
    /// # Errors
    /// If it does not get there.
    pub async fn reaches(&mut self, task: &str, state: TaskState) -> Result<TaskStatus> {
        loop {
            let status = self.update().await?;
            if status.task_id != task {
                continue;
            }
            if status.state() == state {
                return Ok(status);
            }
            let over = [TaskState::TaskFinished, TaskState::TaskFailed, TaskState::TaskKilled, TaskState::TaskDropped];
            if over.contains(&status.state()) {
                bail!(
                    "task {task} ended {} instead of {}: {}",
                    status.state().as_str_name(),
                    state.as_str_name(),
                    status.message
                );
            }
        }
    }

    /// Accepts the offer with these operations; what is left over is offered again at once.
    ///
    /// # Errors
    /// The status, if the request as a whole is refused.
    pub async fn accept(
        &mut self,
        offer: &Offer,
        operations: Vec<Operation>,
    ) -> Result<Vec<TaskVerdict>, tonic::Status> {
        self.accept_all(vec![(offer, operations)], false).await
    }

    /// Accepts each offer with its operations, all of them or none.
    ///
    /// # Errors
    /// The status, if the request as a whole is refused.
    pub async fn accept_gang(
        &mut self,
        parts: Vec<(&Offer, Vec<Operation>)>,
    ) -> Result<Vec<TaskVerdict>, tonic::Status> {
        self.accept_all(parts, true).await
    }

    async fn accept_all(
        &mut self,
        parts: Vec<(&Offer, Vec<Operation>)>,
        all_or_nothing: bool,
    ) -> Result<Vec<TaskVerdict>, tonic::Status> {
        self.requests += 1;
        let filters = Some(Filters { refuse_ms: Some(0) });
        let part = |(offer, operations): (&Offer, Vec<Operation>)| {
            self.log.launches(self.epoch, offer, &operations);
            OfferAcceptance { offer_ids: vec![offer.id.clone()], operations, filters }
        };
        let request = AcceptRequest {
            session_id: self.session(),
            request_id: format!("{}-{}", self.session(), self.requests),
            accepts: parts.into_iter().map(part).collect(),
            all_or_nothing,
        };
        let verdicts = self.client.accept(request).await?.into_inner().verdicts;
        self.log.answered(&self.subscribed.framework_id, &verdicts);
        Ok(verdicts)
    }

    /// Asks what became of tasks, each with the agent that it was launched on, and writes down which are gone: of all
    /// others updates tell.
    ///
    /// # Errors
    /// If the master does not take the call.
    pub async fn reconcile(&mut self, tasks: Vec<ReconcileQuery>) -> Result<()> {
        let request = ReconcileRequest { session_id: self.session(), tasks, after_task_id: String::new() };
        let answers = self.client.reconcile(request).await.context("reconcile")?.into_inner().answers;
        let statuses = answers.into_iter().filter_map(|answer| match answer.answer {
            Some(reconciliation::Answer::Status(status)) if status.state() == TaskState::TaskGone => Some(status),
            _ => None,
        });
        let statuses: Vec<TaskStatus> = statuses.collect();
        self.log.sees(&self.subscribed.framework_id, &self.subscribed.session_id, &statuses);
        Ok(())
    }

    /// Has a task killed.
    ///
    /// # Errors
    /// If the master does not take the call, or does not know the task.
    pub async fn kill(&mut self, task: &str) -> Result<()> {
        let request = KillRequest { session_id: self.session(), task_ids: vec![task.to_owned()], grace_ms: None };
        let unknown = self.client.kill(request).await.context("kill")?.into_inner().unknown;
        anyhow::ensure!(unknown.is_empty(), "the task to be killed is not known: {unknown:?}");
        Ok(())
    }

    /// Runs one task on the next offer.
    ///
    /// # Errors
    /// If it is not accepted.
    pub async fn run(&mut self, task: TaskInfo) -> Result<()> {
        let offer = self.offer().await?;
        let verdicts = self.accept(&offer, vec![launch(vec![task])]).await.context("accept")?;
        match verdicts.into_iter().find_map(|verdict| verdict.rejection) {
            Some(rejection) => bail!("refused: {}: {}", rejection.field, rejection.message),
            None => Ok(()),
        }
    }

    async fn read(&mut self) -> Result<()> {
        let event = tokio::time::timeout(PATIENCE, self.events.message()).await.context("no event in time")?;
        let event = event.context("read an event")?.context("the stream ended")?;
        match event.event {
            Some(event::Event::Offers(offers)) => {
                self.log.offered(event.epoch, &offers.offers);
                self.offers.extend(offers.offers);
            }
            Some(event::Event::Rescinded(gone)) => self.offers.retain(|offer| !gone.offer_ids.contains(&offer.id)),
            Some(event::Event::Updates(updates)) => {
                let framework = &self.subscribed.framework_id;
                self.log.sees(framework, &self.subscribed.session_id, &updates.statuses);
                self.updates.extend(updates.statuses);
            }
            _ => {}
        }
        Ok(())
    }
}
