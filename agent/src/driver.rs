//! The driver: one task that owns the core and the journal, and carries out what the core decides.
//!
//! It takes all inputs that wait, writes what the core appends in one go, and only then lets the rest leave.

use crate::{
    executors::machine::{Machine, Order},
    journal::{Journal, JournalError},
    link::LinkHandle,
    model::Model,
    outbox::Outbox,
    sandbox_gc::Retired,
};
use agent_core::{Agent, Body, Change, ConnectionId, Dismissal, Effect, Input, LinkId, config::TICK};
use agent_executor::layout::Layout;
use proffer_proto::v1;
use proto_types::{
    FrameworkId, Now,
    executing::{FromExecutor, ToExecutor},
    time::{Monotonic, Wall},
};
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tokio::{
    sync::{mpsc, oneshot},
    time::MissedTickBehavior,
};
use tonic::Status;
use tracing::{debug, info, warn};

/// Events taken at once at most: enough to write and send in large groups, few enough to answer a ping meanwhile.
const BATCH: usize = 1024;

/// Records that should outlive the machine are synced together, so long after the first at most.
const SYNC_INTERVAL: Duration = Duration::from_millis(50);

/// What reaches the driver.
#[derive(Debug)]
pub(crate) enum Event {
    /// Something for the core.
    Input(Input),
    /// A link to a master is open.
    LinkOpened(LinkId, LinkHandle),
    /// An executor's connection is open.
    ExecutorOpened(ConnectionId, mpsc::Sender<Result<v1::ExecutorEvent, Status>>),
    /// An executor said something that is wrong: it hears what, and its connection is ended.
    ExecutorConfused(ConnectionId, Status),
    /// End all tasks and executors, and say when that is done.
    EndAll(oneshot::Sender<()>),
    /// Write everything to disk and stop.
    Stop(oneshot::Sender<()>),
}

/// The parts of the driver.
pub(crate) struct Driver {
    pub(crate) agent: Agent,
    pub(crate) journal: Journal,
    pub(crate) clock: Clock,
    pub(crate) layout: Layout,
    pub(crate) model: Model,
    pub(crate) machine: Machine,
    pub(crate) retired: mpsc::Sender<Vec<Retired>>,
    pub(crate) link: Option<(LinkId, LinkHandle)>,
    pub(crate) executors: BTreeMap<ConnectionId, Connection>,
    pub(crate) syncing: Syncing,
    pub(crate) idle: Vec<oneshot::Sender<()>>,
}

/// The way to an executor.
pub(crate) struct Connection {
    events: mpsc::Sender<Result<v1::ExecutorEvent, Status>>,
    /// Whose it is, once it has said so: its tasks' sandboxes lie there.
    framework: Option<FrameworkId>,
}

/// Both clocks, as the core knows them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now(self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now { monotonic: Monotonic(self.0.elapsed()), wall: Wall(u64::try_from(wall.as_millis()).unwrap_or(u64::MAX)) }
    }
}

impl Driver {
    /// Runs until it is told to stop or the journal cannot be written.
    pub(crate) async fn run(
        mut self,
        first: Vec<Effect>,
        events: &mut mpsc::Receiver<Event>,
    ) -> Result<(), JournalError> {
        self.carry_out(first).await?;
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut batch = Vec::with_capacity(BATCH);
        let mut effects = Vec::new();
        loop {
            tokio::select! {
                biased;
                _ = tick.tick() => self.agent.handle(self.clock.now(), Input::Tick, &mut effects),
                taken = events.recv_many(&mut batch, BATCH) => if taken == 0 { return Ok(()) },
            }
            let mut stop = None;
            for event in batch.drain(..) {
                match event {
                    Event::Stop(done) => stop = Some(done),
                    event => self.on_event(event, &mut effects),
                }
            }
            self.carry_out(std::mem::take(&mut effects)).await?;
            if self.agent.is_idle() {
                for done in self.idle.drain(..) {
                    // Whoever asked may have given up waiting.
                    let _ = done.send(());
                }
            }
            if let Some(done) = stop {
                if let Err(error) = self.sync().await {
                    warn!("{}; the journal would not survive a crash of the machine", kit::exit::chain(&error));
                }
                let _ = done.send(());
                return Ok(());
            }
        }
    }

    fn on_event(&mut self, event: Event, effects: &mut Vec<Effect>) {
        let input = match event {
            Event::Input(input) => input,
            Event::LinkOpened(link, handle) => {
                self.link = Some((link, handle));
                Input::LinkOpened { link }
            }
            Event::ExecutorOpened(connection, sender) => {
                self.executors.insert(connection, Connection { events: sender, framework: None });
                return;
            }
            Event::ExecutorConfused(connection, status) => {
                self.end_connection(connection, status);
                Input::ExecutorClosed { connection }
            }
            Event::EndAll(done) => {
                self.idle.push(done);
                Input::EndAll
            }
            Event::Stop(_) => return,
        };
        match &input {
            Input::ExecutorClosed { connection } => drop(self.executors.remove(connection)),
            Input::FromExecutor { connection, message: FromExecutor::Subscribe(subscription) } => {
                if let Some(connection) = self.executors.get_mut(connection) {
                    connection.framework = Some(subscription.framework.clone());
                }
            }
            _ => {}
        }
        self.agent.handle(self.clock.now(), input, effects);
    }

    /// Writes what is appended, then lets the rest leave, in order for each recipient.
    async fn carry_out(&mut self, effects: Vec<Effect>) -> Result<(), JournalError> {
        let (mut must, mut should) = (false, false);
        for effect in &effects {
            if let Body::Append(_, fact) = &effect.body {
                self.journal.add(fact)?;
                must |= fact.must_be_synced();
                should |= fact.should_be_synced();
            }
        }
        self.journal.flush()?;
        if must {
            self.sync().await?;
        } else if should {
            self.sync_soon();
        }
        if self.journal.is_large() {
            self.journal.rotate(&self.agent.image())?;
        }
        let mut outbox = Outbox::default();
        let mut changes: Vec<Change> = Vec::new();
        let (mut orders, mut retired) = (Vec::new(), Vec::new());
        for effect in effects {
            match effect.body {
                Body::Append(..) => {}
                Body::ToMaster(link, message) => {
                    if self.link.as_ref().is_some_and(|(present, _)| *present == link) {
                        outbox.add_for_master(message);
                    }
                }
                Body::CloseLink(link, why) => {
                    self.send_to_master(std::mem::take(&mut outbox.master));
                    self.close_link(link, why);
                }
                Body::ToExecutor(connection, message) => outbox.add_for_executor(connection, message),
                Body::CloseExecutor(connection, why) => {
                    if let Some(queue) = outbox.executors.remove(&connection) {
                        self.send_to_executor(connection, queue.messages);
                    }
                    self.dismiss(connection, &why);
                }
                Body::StartExecutor(start) => orders.push(Order::Start(start)),
                Body::WatchExecutor { framework, executor, token } => {
                    orders.push(Order::Watch { framework, executor, token });
                }
                Body::KillExecutor { framework, executor, token } => {
                    orders.push(Order::Kill { framework, executor, token });
                }
                Body::RetireSandbox(key) => retired.push(Retired(key)),
                Body::Changed(change) => changes.push(change),
            }
        }
        // Before an executor is made its directory, it is known that it may live: nobody takes the directory for a dead
        // one's.
        self.model.apply(changes);
        for order in orders {
            self.machine.give(order).await;
        }
        for (connection, queue) in outbox.executors {
            self.send_to_executor(connection, queue.messages);
        }
        self.send_to_master(outbox.master);
        if !retired.is_empty() {
            // A sandbox that is not marked is kept from when it was last written, which is a little early at worst.
            let _ = self.retired.try_send(retired);
        }
        Ok(())
    }

    fn send_to_master(&mut self, messages: Vec<proto_types::link::FromAgent>) {
        for message in messages {
            let Some((link, handle)) = &self.link else { return };
            if handle.messages.try_send(message.into()).is_err() {
                debug!(?link, "the master reads too slowly or is gone; the link is closed");
                self.link = None;
            }
        }
    }

    fn close_link(&mut self, link: LinkId, why: agent_core::Closed) {
        let present = self.link.as_ref().is_some_and(|(present, _)| *present == link);
        if !present {
            return;
        }
        if let Some((_, handle)) = self.link.take() {
            let _ = handle.close.send(why);
        }
    }

    fn send_to_executor(&mut self, connection: ConnectionId, messages: Vec<ToExecutor>) {
        for mut message in messages {
            let Some(known) = self.executors.get(&connection) else { return };
            if let (ToExecutor::Launch { tasks, .. }, Some(framework)) = (&mut message, &known.framework) {
                for launch in tasks {
                    launch.sandbox = self.layout.sandbox(framework, &launch.task.id);
                }
            }
            if known.events.try_send(Ok(message.into())).is_err() {
                warn!(?connection, "an executor reads too slowly or is gone; its connection is closed");
                self.executors.remove(&connection);
            }
        }
    }

    fn dismiss(&mut self, connection: ConnectionId, why: &Dismissal) {
        let status = match why {
            Dismissal::Superseded => Status::failed_precondition("another start of this executor has its tasks now"),
            Dismissal::Unknown => Status::not_found("the agent does not know this executor"),
            Dismissal::Confused(how) => Status::invalid_argument(*how),
            Dismissal::Replaced => Status::aborted("a newer connection of this executor took the place of this one"),
        };
        self.end_connection(connection, status);
    }

    fn end_connection(&mut self, connection: ConnectionId, status: Status) {
        let Some(known) = self.executors.remove(&connection) else { return };
        info!(?connection, %status, "an executor's connection is ended");
        let _ = known.events.try_send(Err(status));
    }

    async fn sync(&self) -> Result<(), JournalError> {
        let file = self.journal.file();
        let synced = tokio::task::spawn_blocking(move || file.sync_data()).await;
        synced.unwrap_or_else(|broken| Err(broken.into())).map_err(|error| self.journal.unsynced(error))
    }

    fn sync_soon(&self) {
        let file = self.journal.file();
        self.syncing.request(file);
    }
}

/// Syncs a file in groups, off the driver's task.
#[derive(Debug, Clone)]
pub(crate) struct Syncing(mpsc::Sender<Arc<std::fs::File>>);

impl Syncing {
    pub(crate) fn start() -> Self {
        let (sender, mut wanted) = mpsc::channel::<Arc<std::fs::File>>(1);
        tokio::spawn(async move {
            while let Some(file) = wanted.recv().await {
                tokio::time::sleep(SYNC_INTERVAL).await;
                let _ = tokio::task::spawn_blocking(move || file.sync_data()).await;
            }
        });
        Self(sender)
    }

    /// Asks for a sync; one that waits will do for this one too.
    fn request(&self, file: Arc<std::fs::File>) {
        let _ = self.0.try_send(file);
    }
}
