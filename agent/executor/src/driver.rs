//! The one task that owns the core.

use crate::{
    link,
    options::{Error, Options},
    works::Works,
};
use executor_core::{Effect, Executor, Input};
use proffer_proto::v1::ExecutorCall;
use proto_types::{
    Now,
    executing::{FromExecutor, ToExecutor},
    time::{Monotonic, Wall},
};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::{sync::mpsc, time::Instant};

/// Events that may wait for the driver.
const EVENTS_MAX: usize = 4096;

/// Events taken in at one wakeup; what they cause leaves as one message.
const BATCH_MAX: usize = 512;

/// How long the driver sleeps when nothing is due.
const FOREVER: Duration = Duration::from_secs(24 * 3600);

/// How long the last message to the agent has to leave.
const FAREWELL: Duration = Duration::from_secs(1);

/// Something for the driver.
#[derive(Debug)]
pub(crate) enum Event {
    /// The link stands.
    Connected(mpsc::Sender<ExecutorCall>),
    /// It is gone.
    Disconnected,
    /// The agent's directory was removed: nobody will ask for the tasks any more.
    Abandoned,
    /// Another start of this executor has its tasks: this one ends and leaves them alone.
    Superseded,
    /// The agent said something.
    Agent(ToExecutor),
    /// A task's work came to something.
    Input(Input),
}

struct Driver {
    core: Executor,
    works: Works,
    calls: Option<mpsc::Sender<ExecutorCall>>,
    abandoned: bool,
    start: Instant,
}

/// Runs the built-in executor until its agent shuts it down or the agent's directory is removed.
///
/// # Errors
/// If its environment or directory cannot be used.
pub async fn run(options: Options) -> Result<(), Error> {
    let failed = |source| Error::Directory { path: options.directory.clone(), source };
    std::env::set_current_dir(&options.directory).map_err(failed)?;
    let (events, incoming) = mpsc::channel(EVENTS_MAX);
    let start = Instant::now();
    let driver = Driver {
        core: Executor::new(options.identity.clone(), now(start)),
        works: Works::new(&options, events.clone()),
        calls: None,
        abandoned: false,
        start,
    };
    let link = tokio::spawn(link::keep(options, events));
    driver.run(incoming).await;
    link.abort();
    Ok(())
}

impl Driver {
    async fn run(mut self, mut incoming: mpsc::Receiver<Event>) {
        let mut batch = Vec::with_capacity(BATCH_MAX);
        let mut effects = Vec::new();
        loop {
            let sleep = self.core.next_deadline().map_or(FOREVER, |due| due.since(Monotonic(self.start.elapsed())));
            let mut inputs = tokio::select! {
                count = incoming.recv_many(&mut batch, BATCH_MAX) => {
                    if count == 0 {
                        return;
                    }
                    if batch.iter().any(|event| matches!(event, Event::Superseded)) {
                        return;
                    }
                    batch.drain(..).filter_map(|event| self.input(event)).collect()
                }
                () = tokio::time::sleep(sleep) => Vec::new(),
            };
            inputs.push(Input::Tick);
            self.core.handle(now(self.start), inputs, &mut effects);
            for effect in effects.drain(..) {
                if effect == Effect::Exit {
                    self.works.end().await;
                    self.drain().await;
                    return;
                }
                self.carry_out(effect);
            }
            if self.abandoned && self.core.runs_nothing() {
                self.works.end().await;
                return;
            }
        }
    }

    fn input(&mut self, event: Event) -> Option<Input> {
        match event {
            Event::Connected(calls) => {
                self.calls = Some(calls);
                Some(Input::Connected)
            }
            Event::Disconnected => {
                self.calls = None;
                self.works.on_disconnected();
                Some(Input::Disconnected)
            }
            Event::Agent(message) => {
                if let ToExecutor::Subscribed { agent, hostname, .. } = &message {
                    self.works.on_subscribed(agent.clone(), hostname.clone());
                }
                Some(Input::FromAgent(message))
            }
            Event::Abandoned => {
                self.abandoned = true;
                Some(Input::FromAgent(ToExecutor::Shutdown { grace: None }))
            }
            Event::Superseded => None,
            Event::Input(input) => Some(input),
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::ToAgent(message) => self.tell(message),
            Effect::Prepare(launch) => self.works.prepare(launch),
            Effect::Start(launch) => self.works.start(launch),
            Effect::Adopt(launch) => self.works.adopt(launch),
            Effect::Abandon(task) => self.works.abandon(&task),
            Effect::Signal { task, hard } => self.works.signal(&task, hard),
            Effect::Probe(launch, container) => self.works.probe(launch, container),
            Effect::Release(task) => self.works.release(&task),
            Effect::Exit => {}
        }
    }

    fn tell(&mut self, message: FromExecutor) {
        // A link whose queue is full is as good as broken; it is opened again and everything is sent again.
        if self.calls.as_ref().is_some_and(|calls| calls.try_send(message.into()).is_err()) {
            self.calls = None;
        }
    }

    /// Lets the last messages leave.
    async fn drain(&mut self) {
        if let Some(calls) = self.calls.take() {
            let _ = tokio::time::timeout(FAREWELL, calls.reserve_many(calls.max_capacity())).await;
        }
    }
}

fn now(start: Instant) -> Now {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Now { monotonic: Monotonic(start.elapsed()), wall: Wall(u64::try_from(wall.as_millis()).unwrap_or(u64::MAX)) }
}
