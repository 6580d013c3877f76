//! The one task that owns the core: takes inputs in, and carries effects out in their order.
//!
//! It is the framework's scheduler, and so runs in the task of the framework's driver: what the master says comes as
//! calls, what others say waits in a queue until the bell is rung.

use crate::{
    api::Call,
    clock,
    machine::Machine,
    metrics::Metrics,
    probes::Probes,
    storage::{Storage, Ticket, Written},
    term::Term,
};
use coordination::objects::CommitError;
use marathon_lite_core::{
    app::{AppDefinition, PathId, Timestamp},
    events::{Event, api_post, framework_message},
    instances::app_of,
    scheduler::{Answer, Body, Command, CommitNumber, Effect, Input, Refused, RequestId, View},
};
use proffer_framework::{
    AgentId, Context, ExecutorId, FrameworkId, Offer, OfferId, Rejection, Scheduler, TaskId, TaskStatus,
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};
use tokio::sync::{mpsc, oneshot};

/// How often the core is told that time passes.
const TICK: Duration = Duration::from_millis(200);

/// The token of that timer.
const TICK_TOKEN: u64 = 1;

/// Messages taken in at one wakeup, before what the master says gets its turn.
const BATCH_MAX: usize = 256;

/// Effects that may wait for the store. With more, commands wait too: a store that is slow slows clients down and fills
/// no memory.
const HELD_MAX: usize = 100_000;

/// The key under which the shell keeps the addresses of callbacks. The core never sees it.
pub(crate) const CALLBACKS_KEY: &str = "shell/callbacks";

/// Something for the driver.
#[derive(Debug)]
pub(crate) enum Message {
    /// A client wants something.
    Command {
        /// What.
        command: Box<Command>,
        /// What is told if it is done.
        notice: Option<Notice>,
        /// Where the answer goes.
        answer: oneshot::Sender<Result<Answer, Refused>>,
    },
    /// A probe found something out.
    Input(Input),
    /// These addresses are to be kept.
    KeepCallbacks {
        /// All of them.
        urls: Vec<String>,
        /// Told once they are.
        done: oneshot::Sender<()>,
    },
}

/// What is told of a request that was done: who asked for what.
#[derive(Debug)]
pub(crate) struct Notice {
    subject: Subject,
    client: String,
    uri: String,
}

/// An event about a request: when, by whom, and where.
pub(crate) type RequestEvent = fn(Timestamp, &str, &str) -> Event;

/// What a request was about.
#[derive(Debug)]
enum Subject {
    /// These apps were made or changed.
    Apps(Vec<PathId>),
    /// This happened to a pod.
    Pod(RequestEvent),
}

impl Notice {
    /// An app was made or changed.
    pub(crate) fn app(call: &Call) -> Self {
        let below: Vec<&str> = call.segments.iter().skip(2).map(String::as_str).collect();
        let apps = match below.as_slice() {
            [] => marathon_lite_core::json::parse(&call.body).map(|body| named(&body)).unwrap_or_default(),
            parts => PathId::parse(&format!("/{}", parts.join("/"))).into_iter().collect(),
        };
        Self { subject: Subject::Apps(apps), client: call.client.clone(), uri: call.uri.clone() }
    }

    /// A pod was made, changed or removed.
    pub(crate) fn pod(call: &Call, event: RequestEvent) -> Self {
        Self { subject: Subject::Pod(event), client: call.client.clone(), uri: call.uri.clone() }
    }
}

/// The ids in a body that is an app or a list of them.
fn named(body: &Value) -> Vec<PathId> {
    let id = |app: &Value| PathId::parse(app.get("id")?.as_str()?).ok();
    match body {
        Value::Array(apps) => apps.iter().filter_map(id).collect(),
        app => id(app).into_iter().collect(),
    }
}

/// A request that is not answered yet.
struct Waiting {
    notice: Option<Notice>,
    answer: oneshot::Sender<Result<Answer, Refused>>,
}

/// The driver.
pub(crate) struct Driver<M> {
    core: M,
    term: Arc<Term>,
    messages: mpsc::Receiver<Message>,
    storage: Storage,
    probes: Probes,
    metrics: Arc<Metrics>,
    /// Effects that wait for a commit, or stand behind one that does.
    held: VecDeque<Effect>,
    /// The commits of the core that are not stored yet.
    commits: VecDeque<(Ticket, CommitNumber)>,
    /// Up to here the core's commits are stored.
    stored: CommitNumber,
    /// The last commit of the core.
    issued: CommitNumber,
    /// What is shown once the commits before are stored.
    views: VecDeque<(CommitNumber, Arc<View>)>,
    requests: BTreeMap<RequestId, Waiting>,
    next_request: u64,
    /// Shell writes that somebody waits for.
    kept: VecDeque<(Ticket, oneshot::Sender<()>)>,
    effects: Vec<Effect>,
    ticks: bool,
    /// Told why the term is over; taken when it is.
    end: Option<oneshot::Sender<CommitError>>,
}

impl<M: Machine> Driver<M> {
    /// A driver of this core, and where it says why the term is over.
    pub(crate) fn new(
        core: M,
        term: Arc<Term>,
        messages: mpsc::Receiver<Message>,
        storage: Storage,
        probes: Probes,
        metrics: Arc<Metrics>,
    ) -> (Self, oneshot::Receiver<CommitError>) {
        let (end, ended) = oneshot::channel();
        let driver = Self {
            core,
            term,
            messages,
            storage,
            probes,
            metrics,
            held: VecDeque::new(),
            commits: VecDeque::new(),
            stored: CommitNumber(0),
            issued: CommitNumber(0),
            views: VecDeque::new(),
            requests: BTreeMap::new(),
            next_request: 0,
            kept: VecDeque::new(),
            effects: Vec::new(),
            ticks: false,
            end: Some(end),
        };
        (driver, ended)
    }

    /// Ends the term's writing. When this returns, another term may begin.
    pub(crate) async fn close(self) {
        let Self { storage, requests, messages, .. } = self;
        drop((requests, messages));
        storage.close().await;
    }

    /// Takes one input in and carries out what may be.
    fn take(&mut self, context: &mut Context<'_>, input: Input) {
        self.handle(input);
        self.settle(context);
    }

    /// Takes an input in. What must be stored goes to the writer at once; the rest waits its turn.
    fn handle(&mut self, input: Input) {
        if self.end.is_none() {
            return;
        }
        self.metrics.inputs.inc();
        let answered = match &input {
            Input::Readiness { instance, .. } => Some(instance.clone()),
            _ => None,
        };
        self.core.handle(clock::now(), input, &mut self.effects);
        for effect in self.effects.drain(..) {
            match effect.body {
                Body::Commit(number, writes) => {
                    let ticket = self.storage.push(writes.into_iter().map(|write| (write.key, write.value)));
                    self.commits.push_back((ticket, number));
                    self.issued = number;
                }
                body => self.held.push_back(Effect { after: effect.after, body }),
            }
        }
        let view = Arc::new(self.core.view());
        if let Some(instance) = answered {
            self.end_readiness(&instance, &view);
        }
        match self.views.back_mut() {
            Some((number, last)) if *number == self.issued => *last = view,
            _ => self.views.push_back((self.issued, view)),
        }
    }

    /// Whoever is ready stays so, and is asked no more.
    fn end_readiness(&mut self, instance: &TaskId, view: &View) {
        let app = app_of(instance);
        let instances = app.and_then(|app| view.instances.get(&app));
        let waits = instances.and_then(|known| known.get(instance)).is_some_and(|known| !known.readiness.ready);
        if !waits {
            self.probes.stop_readiness(instance);
        }
    }

    /// Stores, shows and carries out all that may be.
    fn settle(&mut self, context: &mut Context<'_>) {
        while let Some(written) = self.storage.written() {
            match written {
                Written::Stored { ticket, took } => self.on_stored(ticket, took),
                Written::Failed(error) => {
                    if let Some(end) = self.end.take() {
                        // Without a receiver the term is being ended already.
                        let _ = end.send(error);
                    }
                    return;
                }
            }
        }
        if self.end.is_none() {
            return;
        }
        self.storage.flush();
        if self.storage.is_idle() {
            // Commits without any write need no storing.
            self.on_stored(self.storage.last(), Duration::ZERO);
        }
        self.show();
        while let Some(effect) = self.held.front() {
            if effect.after.is_some_and(|number| number > self.stored) {
                break;
            }
            let Some(effect) = self.held.pop_front() else { break };
            self.carry_out(context, effect.body);
        }
        self.metrics.show_queues(self.held.len(), self.requests.len());
    }

    fn on_stored(&mut self, ticket: Ticket, took: Duration) {
        if !took.is_zero() {
            self.metrics.on_commit(took);
        }
        while let Some((_, number)) = self.commits.pop_front_if(|(pushed, _)| *pushed <= ticket) {
            self.stored = number;
        }
        while let Some((_, done)) = self.kept.pop_front_if(|(pushed, _)| *pushed <= ticket) {
            let _ = done.send(());
        }
    }

    /// Shows the newest view whose commits are stored.
    fn show(&mut self) {
        let mut newest = None;
        while let Some((_, view)) = self.views.pop_front_if(|(number, _)| *number <= self.stored) {
            newest = Some(view);
        }
        if let Some(view) = newest {
            self.term.publish(view);
        }
    }

    fn carry_out(&mut self, context: &mut Context<'_>, body: Body) {
        match body {
            // Taken out when it was made.
            Body::Commit(..) => {}
            Body::Accept(acceptance) => context.accept(acceptance),
            Body::Decline(offers, refuse) => context.decline_for(offers, refuse),
            Body::Kill(task, grace) => context.kill_all([task], grace),
            Body::Acknowledge(status) => context.acknowledge(&status),
            Body::Suppress => context.suppress(),
            Body::Revive => context.revive(),
            Body::Reconcile(queries) => context.reconcile(queries),
            Body::StartHealthProbe(task, check, probe) => self.probes.start_health(&task, check, probe),
            Body::StartReadinessProbe(task, probe) => self.probes.start_readiness(&task, probe),
            Body::StopProbes(task) => self.probes.stop(&task),
            Body::Reply(request, result) => self.reply(request, result),
            Body::Publish(event) => self.term.events().publish(&event),
        }
    }

    fn reply(&mut self, request: RequestId, result: Result<Answer, Refused>) {
        let Some(Waiting { notice, answer }) = self.requests.remove(&request) else { return };
        if let (Some(notice), Ok(Answer::Deployed { created, .. })) = (notice, &result) {
            self.tell(notice, created.as_deref());
        }
        // Whoever asked may have gone.
        let _ = answer.send(result);
    }

    fn tell(&self, notice: Notice, created: Option<&AppDefinition>) {
        let Notice { subject, client, uri } = notice;
        let (events, now) = (self.term.events(), clock::timestamp());
        match subject {
            Subject::Pod(event) => events.publish(&event(now, &client, &uri)),
            Subject::Apps(apps) => {
                let apps = created.map_or(apps, |app| vec![app.id.clone()]);
                let view = self.term.view();
                for app in apps.iter().filter_map(|id| view.root.app(id)) {
                    events.publish(&api_post(now, &client, &uri, app));
                }
            }
        }
    }

    fn on_message(&mut self, message: Message) {
        match message {
            Message::Input(input) => self.handle(input),
            Message::Command { command, notice, answer } => {
                self.next_request += 1;
                let request = RequestId(self.next_request);
                self.requests.insert(request, Waiting { notice, answer });
                self.handle(Input::Command { request, command: *command });
            }
            Message::KeepCallbacks { urls, done } => {
                let value = Value::from(urls).to_string().into_bytes();
                let ticket = self.storage.push([(CALLBACKS_KEY.to_owned(), Some(value))]);
                self.kept.push_back((ticket, done));
            }
        }
    }
}

impl<M: Machine> Scheduler for Driver<M> {
    fn subscribed(&mut self, context: &mut Context<'_>, framework: &FrameworkId, resumed: bool) {
        tracing::info!(%framework, resumed, "subscribed");
        self.take(context, Input::Subscribed { framework: framework.clone(), resumed });
    }

    fn disconnected(&mut self, context: &mut Context<'_>, message: &str) {
        tracing::warn!(message, "the subscription broke");
        self.take(context, Input::Disconnected);
    }

    fn offers(&mut self, context: &mut Context<'_>, offers: Vec<Offer>) {
        self.take(context, Input::Offers(offers));
    }

    fn rescinded(&mut self, context: &mut Context<'_>, offers: Vec<OfferId>) {
        self.take(context, Input::Rescinded(offers));
    }

    fn update(&mut self, context: &mut Context<'_>, status: TaskStatus) {
        self.take(context, Input::Update(status));
    }

    fn rejected(&mut self, context: &mut Context<'_>, task: TaskId, rejection: Rejection) {
        self.take(context, Input::Rejected { task, rejection });
    }

    fn message(&mut self, _context: &mut Context<'_>, agent: AgentId, executor: ExecutorId, data: Vec<u8>) {
        let data = String::from_utf8_lossy(&data);
        self.term.events().publish(&framework_message(clock::timestamp(), &executor, &agent, &data));
    }

    fn failure(&mut self, context: &mut Context<'_>, agent: AgentId, executor: Option<ExecutorId>, message: &str) {
        tracing::warn!(%agent, message, "a failure was reported");
        if executor.is_none() {
            self.take(context, Input::AgentLost(agent));
        }
    }

    fn timer(&mut self, context: &mut Context<'_>, _token: u64) {
        context.after(TICK, TICK_TOKEN);
        self.take(context, Input::Tick);
    }

    fn woken(&mut self, context: &mut Context<'_>) {
        if !self.ticks {
            self.ticks = true;
            context.after(TICK, TICK_TOKEN);
        }
        let mut taken = 0;
        while taken < BATCH_MAX && self.held.len() < HELD_MAX {
            let Ok(message) = self.messages.try_recv() else { break };
            self.on_message(message);
            taken += 1;
        }
        if taken == BATCH_MAX {
            context.handle().wake();
        }
        self.settle(context);
    }
}
