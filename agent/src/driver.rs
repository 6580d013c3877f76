//! The driver: one task that owns the core and the journal, and carries out what the core decides.
//!
//! It takes all inputs that wait, writes what the core appends in one go, and only then lets the rest leave.

use crate::{
    executors::machine::{Machine, Order},
    gone::Gone,
    journal::{Journal, JournalError},
    link::LinkHandle,
    model::Model,
    outbox::Outbox,
    sandbox_gc::Retired,
};
use agent_core::{
    Agent, Body, Change, ConnectionId, Dismissal, Durability, Effect, Input, LinkId, LogIndex, config::TICK,
};
use agent_executor::layout::Layout;
use proffer_proto::v1;
use proto_types::{
    FrameworkId, Now,
    executing::{FromExecutor, ToExecutor},
    link::FromAgent,
    time::{Monotonic, Wall},
};
use std::{
    collections::{BTreeMap, VecDeque},
    io,
    time::{Instant, SystemTime, UNIX_EPOCH},
};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::MissedTickBehavior,
};
use tonic::Status;
use tracing::{debug, info, warn};

/// Events taken at once at most: enough to write and send in large groups, few enough to answer a ping meanwhile.
const BATCH: usize = 1024;

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
    pub(crate) durability: Durability,
    /// The sync that is under way, off the driver's task.
    pub(crate) sync: Option<JoinHandle<io::Result<()>>>,
    /// What the master is told once it is safe.
    pub(crate) held: VecDeque<Held>,
    pub(crate) idle: Vec<oneshot::Sender<()>>,
    pub(crate) gone: Gone,
}

/// A message to a master that may not be true after a crash of the machine.
pub(crate) struct Held {
    after: Option<LogIndex>,
    message: FromAgent,
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
                synced = finished(&mut self.sync) => self.on_synced(synced)?,
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
                if let Err(error) = self.sync_now().await {
                    warn!("{}; the journal would not survive a crash of the machine", kit::exit::chain(&error));
                }
                self.tell_master();
                let _ = done.send(());
                return Ok(());
            }
        }
    }

    fn on_event(&mut self, event: Event, effects: &mut Vec<Effect>) {
        let input = match event {
            Event::Input(input) => input,
            // The handle is let go of, and with it the link.
            Event::LinkOpened(..) if self.gone.has_come() => return,
            Event::LinkOpened(link, handle) => {
                self.link = Some((link, handle));
                self.held.clear();
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
        self.write(&effects).await?;
        let mut outbox = Outbox::default();
        let mut changes: Vec<Change> = Vec::new();
        let (mut orders, mut retired) = (Vec::new(), Vec::new());
        for effect in effects {
            match effect.body {
                Body::Append(..) => {}
                Body::ToMaster(link, message) => {
                    if self.link.as_ref().is_some_and(|(present, _)| *present == link) {
                        self.held.push_back(Held { after: effect.after, message });
                    }
                }
                Body::CloseLink(link, why) => {
                    self.tell_master();
                    self.gone.look(&why);
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
        self.tell_master();
        if !retired.is_empty() {
            // A sandbox that is not marked is kept from when it was last written, which is a little early at worst.
            let _ = self.retired.try_send(retired);
        }
        Ok(())
    }

    /// Writes what is appended; what everything rests on is synced too before anything leaves.
    async fn write(&mut self, effects: &[Effect]) -> Result<(), JournalError> {
        let mut must = false;
        let facts = effects.iter().filter_map(|effect| match &effect.body {
            Body::Append(_, fact) => Some(fact),
            _ => None,
        });
        for fact in facts.clone() {
            self.journal.add(fact)?;
            must |= fact.must_be_synced();
        }
        self.journal.flush()?;
        facts.for_each(|fact| self.durability.wrote(fact));
        if must {
            self.sync_now().await?;
        }
        if self.journal.is_large() {
            self.journal.rotate(&self.agent.image())?;
            self.durability.synced_all();
        }
        self.sync_aside();
        Ok(())
    }

    /// Sends the master what is safe, in order.
    fn tell_master(&mut self) {
        let safe = self.durability.safe();
        let mut outbox = Outbox::default();
        while let Some(held) = self.held.pop_front_if(|held| held.after.is_none_or(|after| after <= safe)) {
            outbox.add_for_master(held.message);
        }
        for message in outbox.master {
            let Some((link, handle)) = &self.link else { return };
            if handle.messages.try_send(message.into()).is_err() {
                debug!(?link, "the master reads too slowly or is gone; the link is closed");
                self.link = None;
                self.held.clear();
            }
        }
    }

    fn close_link(&mut self, link: LinkId, why: agent_core::Closed) {
        let present = self.link.as_ref().is_some_and(|(present, _)| *present == link);
        if !present {
            return;
        }
        self.held.clear();
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

    /// Syncs everything written so far, and waits for it.
    async fn sync_now(&mut self) -> Result<(), JournalError> {
        let synced = finished(&mut Some(self.start_sync())).await;
        synced.map_err(|error| self.journal.unsynced(error))?;
        self.durability.synced_all();
        Ok(())
    }

    /// Starts to sync what a master waits for, unless a sync is under way: all that comes meanwhile shares the next.
    fn sync_aside(&mut self) {
        if self.durability.begin_sync() {
            self.sync = Some(self.start_sync());
        }
    }

    fn start_sync(&self) -> JoinHandle<io::Result<()>> {
        let file = self.journal.file();
        tokio::task::spawn_blocking(move || file.sync_data())
    }

    fn on_synced(&mut self, synced: io::Result<()>) -> Result<(), JournalError> {
        synced.map_err(|error| self.journal.unsynced(error))?;
        self.durability.end_sync();
        self.sync_aside();
        Ok(())
    }
}

/// Waits for a sync, if one is under way; else for ever.
async fn finished(sync: &mut Option<JoinHandle<io::Result<()>>>) -> io::Result<()> {
    let Some(handle) = sync else { return std::future::pending().await };
    let synced = handle.await;
    *sync = None;
    synced.unwrap_or_else(|broken| Err(broken.into()))
}
