//! The one task that owns the core: takes inputs in, many at a wakeup, and carries effects out.

use crate::{
    Options,
    metrics::Metrics,
    outbox::Outbox,
    queue::{Stuck, Writer},
    read_model::ReadModel,
    registry::{Registry, Written},
};
use coordination::{Fate, Tenure, Term};
use kit::shutdown::CancellationToken;
use master_core::{Absence, Body, CallId, ConnectionId, Effect, Input, LinkId, Master, OperatorReply};
use proffer_proto::convert::status;
use proto_types::{
    Now,
    files::OpenData,
    link::{RefusedReason, ToAgent},
    scheduling::{NumberedEvent, Refusal, Reply},
    time::{Monotonic, Wall},
};
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc, oneshot},
    time::{Instant, MissedTickBehavior},
};
use tonic::Status;
/// Inputs that may wait for the driver. Fuller, and whoever sends waits: that is what slows the world down to our pace.
const INPUTS_MAX: usize = 8192;

/// Inputs taken in at one wakeup, before their effects leave.
const BATCH_MAX: usize = 1024;

/// Effects that may wait for a write. With more, inputs wait until some are stored: a disk that is slow slows us down
/// and fills no memory.
const HELD_MAX: usize = 100_000;

/// The least time between two rounds of allocation under load. Shorter makes more and smaller offers, each of which costs
/// as much as a larger one; longer leaves resources idle.
const ALLOCATION_PAUSE_MIN: Duration = Duration::from_micros(500);

/// Under load a round may cost so much of the time: one part in this many.
const ALLOCATION_COST_PARTS: u32 = 10;

/// Something for the driver. Streams and calls come with where their answers go.
#[derive(Debug)]
pub(crate) enum Message {
    Link {
        link: LinkId,
        messages: Writer<LinkMessage>,
    },
    /// The first that an agent says. The turn ends when this is dropped: then the next agent may register.
    Register {
        input: Input,
        turn: OwnedSemaphorePermit,
    },
    Misunderstood {
        link: LinkId,
        message: String,
    },
    Subscribe {
        connection: ConnectionId,
        events: Writer<Arc<NumberedEvent>>,
        input: Input,
    },
    Call {
        call: CallId,
        answer: oneshot::Sender<Result<Reply, Refusal>>,
        input: Input,
    },
    Operate {
        call: CallId,
        answer: oneshot::Sender<Result<OperatorReply, Refusal>>,
        input: Input,
    },
    OpenData {
        link: LinkId,
        request: OpenData,
    },
    Input(Input),
}

/// Something for an agent.
#[derive(Debug)]
pub(crate) enum LinkMessage {
    Control(ToAgent),
    OpenData(OpenData),
}

pub(crate) struct Driver {
    core: Master,
    inputs: mpsc::Receiver<Message>,
    registry: Registry,
    tenure: Tenure,
    outbox: Outbox,
    model: Arc<ReadModel>,
    metrics: Arc<Metrics>,
    links: BTreeMap<LinkId, Writer<LinkMessage>>,
    connections: BTreeMap<ConnectionId, Writer<Arc<NumberedEvent>>>,
    calls: BTreeMap<CallId, oneshot::Sender<Result<Reply, Refusal>>>,
    operator_calls: BTreeMap<CallId, oneshot::Sender<Result<OperatorReply, Refusal>>>,
    /// Made and not yet carried out.
    effects: Vec<Effect>,
    /// Streams found closed or full while carrying effects out.
    broken: Vec<Input>,
    start: Instant,
    interval: Duration,
    next_round: Instant,
    absence: Option<Absence>,
}

impl Driver {
    pub(crate) fn new(
        options: &Options,
        term: Term,
        model: Arc<ReadModel>,
        metrics: Arc<Metrics>,
    ) -> (Self, mpsc::Sender<Message>) {
        let (sender, inputs) = mpsc::channel(INPUTS_MAX);
        let start = Instant::now();
        let core = Master::recover(options.core(), term.cluster, term.epoch, term.changes, now(start));
        let mut driver = Self {
            core,
            inputs,
            registry: Registry::new(term.log),
            tenure: term.tenure,
            outbox: Outbox::new(),
            model,
            metrics,
            links: BTreeMap::new(),
            connections: BTreeMap::new(),
            calls: BTreeMap::new(),
            operator_calls: BTreeMap::new(),
            effects: Vec::new(),
            broken: Vec::new(),
            start,
            interval: options.allocation_interval,
            next_round: start,
            absence: None,
        };
        // What the registry holds is shown before anybody hears that this master leads.
        driver.tick();
        driver.carry_out();
        (driver, sender)
    }

    /// Works until asked to stop, or until a write ends the term. When this returns, the log is closed, everybody who
    /// waits for an answer is told that this master leads no more, and so is every stream.
    pub(crate) async fn run(mut self, stop: &CancellationToken) -> Result<(), Fate> {
        let ended = self.work(stop).await;
        let Self { registry, inputs, links, connections, calls, operator_calls, .. } = self;
        drop((inputs, links, connections, calls, operator_calls));
        registry.close().await;
        ended
    }

    async fn work(&mut self, stop: &CancellationToken) -> Result<(), Fate> {
        let mut ticks = tokio::time::interval(master_core::config::TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut batch = Vec::with_capacity(BATCH_MAX);
        loop {
            let wants_round = self.core.wants_allocation();
            let next_round = self.next_round;
            let takes_inputs = self.outbox.held() < HELD_MAX;
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                written = self.registry.written() => self.on_written(written)?,
                fate = self.tenure.ended() => return Err(fate),
                // While inputs wait, time stands still for the core: the next tick is late, and it knows what that means.
                _ = ticks.tick(), if takes_inputs => self.tick(),
                count = self.inputs.recv_many(&mut batch, BATCH_MAX), if takes_inputs => {
                    if count == 0 {
                        return Ok(());
                    }
                    self.metrics.inputs.inc_by(count as u64);
                }
                () = tokio::time::sleep_until(next_round), if wants_round => {}
            }
            if !self.tenure.holds() {
                // It stood still for so long that another may lead: what waits is not for it any more. The term ends here
                // whatever ZooKeeper answers late.
                return Err(Fate::Lost("this master stood still for longer than its lease".into()));
            }
            batch.drain(..).for_each(|message| self.on_message(message));
            if self.core.wants_allocation() && Instant::now() >= self.next_round {
                self.allocate();
            }
            self.carry_out();
        }
    }

    fn on_message(&mut self, message: Message) {
        match message {
            Message::Register { input, turn } => {
                self.on_message(Message::Input(input));
                drop(turn);
            }
            Message::Input(input) => {
                match &input {
                    // It was read while the link was being closed; nobody could answer it.
                    Input::Agent { link, .. } if !self.links.contains_key(link) => return,
                    Input::AgentLinkClosed { link } => self.close_link(*link),
                    Input::SchedulerClosed { connection, .. } => self.close_connection(*connection, None),
                    _ => {}
                }
                self.handle(input);
            }
            Message::Link { link, messages } => drop(self.links.insert(link, messages)),
            Message::Subscribe { connection, events, input } => {
                self.connections.insert(connection, events);
                self.handle(input);
            }
            Message::Call { call, answer, input } => {
                self.calls.insert(call, answer);
                self.handle(input);
            }
            Message::Operate { call, answer, input } => {
                self.operator_calls.insert(call, answer);
                self.handle(input);
            }
            Message::OpenData { link, request } => self.send_agent(link, LinkMessage::OpenData(request)),
            Message::Misunderstood { link, message } => {
                let refused = ToAgent::Refused { reason: RefusedReason::Invalid, message };
                self.send_agent(link, LinkMessage::Control(refused));
                self.close_link(link);
                self.handle(Input::AgentLinkClosed { link });
            }
        }
    }

    fn handle(&mut self, input: Input) {
        self.core.handle(now(self.start), input, &mut self.effects);
    }

    fn tick(&mut self) {
        self.handle(Input::Tick);
        let absence = self.core.mass_absence();
        if let Some(absence) = absence.filter(|_| self.absence.is_none()) {
            let (missing, agents) = (absence.missing, absence.agents);
            tracing::warn!(missing, agents, "many agents are missing at once: they are marked unreachable one by one");
        }
        self.absence = absence;
    }

    fn allocate(&mut self) {
        let begin = Instant::now();
        self.handle(Input::Allocate);
        let cost = begin.elapsed();
        self.metrics.on_round(self.core.last_round(), cost);
        let pause = self.interval.max(ALLOCATION_PAUSE_MIN).max(cost * ALLOCATION_COST_PARTS);
        self.next_round = begin + pause;
    }

    fn on_written(&mut self, written: Written) -> Result<(), Fate> {
        match written {
            Written::Failed(fate) => return Err(fate),
            Written::Stored { index, took, wants_compaction } => {
                self.metrics.on_written(took);
                for effect in self.outbox.release(index) {
                    self.deliver(effect);
                }
                if wants_compaction {
                    let core = &self.core;
                    self.registry.compact(|| core.snapshot());
                }
            }
        }
        Ok(())
    }

    /// Sends what may leave, starts writing what must be stored, and takes in what broke on the way.
    fn carry_out(&mut self) {
        loop {
            for effect in std::mem::take(&mut self.effects) {
                if let Some(effect) = self.outbox.push(effect) {
                    self.deliver(effect);
                }
            }
            if self.broken.is_empty() {
                break;
            }
            for input in std::mem::take(&mut self.broken) {
                self.handle(input);
            }
        }
        self.registry.flush();
        self.model.publish();
        self.metrics.show_queues(self.outbox.held(), self.registry.pending());
    }

    fn deliver(&mut self, effect: Effect) {
        match effect.body {
            Body::Append(index, change) => self.registry.append(index, change),
            Body::ToAgent(link, message) => self.send_agent(link, LinkMessage::Control(message)),
            Body::CloseLink(link) => self.close_link(link),
            Body::ToScheduler(connection, event) => self.send_scheduler(connection, event),
            Body::RefuseSubscription(connection, refusal) => {
                self.close_connection(connection, Some(status::refused(&refusal)));
            }
            Body::CloseConnection(connection) => self.close_connection(connection, None),
            Body::Reply(call, reply) => {
                if let Some(answer) = self.calls.remove(&call) {
                    let _ = answer.send(reply);
                }
            }
            Body::OperatorReply(call, reply) => {
                if let Some(answer) = self.operator_calls.remove(&call) {
                    let _ = answer.send(reply);
                }
            }
            Body::Changed(change) => self.model.apply(change),
        }
    }

    fn send_agent(&mut self, link: LinkId, message: LinkMessage) {
        let Some(messages) = self.links.get(&link) else { return };
        if let Err(stuck) = messages.push(message) {
            // It is gone, or reads so slowly that it is as good as gone; it comes back with all it has.
            tracing::warn!(link = link.0, ?stuck, "a link to an agent is cut off");
            self.links.remove(&link);
            self.broken.push(Input::AgentLinkClosed { link });
        }
    }

    fn send_scheduler(&mut self, connection: ConnectionId, event: Arc<NumberedEvent>) {
        let Some(events) = self.connections.get(&connection) else { return };
        self.metrics.events.inc();
        if let Err(stuck) = events.push(event) {
            tracing::warn!(connection = connection.0, ?stuck, "a scheduler's stream is cut off");
            self.connections.remove(&connection);
            self.broken.push(Input::SchedulerClosed { connection, too_slow: stuck == Stuck::Full });
        }
    }

    fn close_link(&mut self, link: LinkId) {
        if let Some(messages) = self.links.remove(&link) {
            messages.close(None);
        }
    }

    fn close_connection(&mut self, connection: ConnectionId, reason: Option<Status>) {
        if let Some(events) = self.connections.remove(&connection) {
            events.close(reason);
        }
    }
}

fn now(start: Instant) -> Now {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Now { monotonic: Monotonic(start.elapsed()), wall: Wall(u64::try_from(wall.as_millis()).unwrap_or(u64::MAX)) }
}
