//! The processes of executors: started, watched, killed. They leave the agent's session and live on without it.

use super::{command::Place, escape::Escape, process::Process};
use crate::driver::Event;
use agent_core::{Input, fact::ExecutorStart};
use agent_executor::layout::Layout;
use kit::shutdown::CancellationToken;
use nix::sys::signal::Signal;
use proto_types::{ExecutorId, FrameworkId};
use std::{
    collections::HashMap,
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::ExitStatus,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{process::Child, sync::mpsc};
use tracing::{info, warn};

/// How often a process that is not our child is looked at.
const WATCH_INTERVAL: Duration = Duration::from_millis(250);

/// Between the end of a process and the word of it: an executor that connected at the very last is heard first.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// Orders that may wait. The driver waits when there are more: one comes for each start or end of an executor.
const ORDERS_MAX: usize = 256;

/// What is to be done with a process.
#[derive(Debug)]
pub(crate) enum Order {
    Start(Box<ExecutorStart>),
    Watch { framework: FrameworkId, executor: ExecutorId, token: String },
    Kill { framework: FrameworkId, executor: ExecutorId, token: String },
}

/// How executors are started.
#[derive(Debug, Clone)]
pub(crate) struct Launcher {
    pub(crate) layout: Layout,
    pub(crate) socket: PathBuf,
    /// The built-in executor and its arguments.
    pub(crate) program: Vec<String>,
    /// Further environment of built-in executors.
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) boot_id: String,
    pub(crate) escape: Escape,
}

/// Takes orders.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    orders: mpsc::Sender<Order>,
}

/// How far the start of an executor is.
#[derive(Debug)]
enum Stage {
    /// It is being prepared; once this is cancelled it does not run any more.
    Preparing(CancellationToken),
    /// Its process runs.
    Runs(Process),
}

/// Executors whose starts or processes are known, by token.
type Known = Arc<Mutex<HashMap<String, Stage>>>;

impl Machine {
    pub(crate) fn start(launcher: Launcher, events: mpsc::Sender<Event>) -> Self {
        let (orders, mut incoming) = mpsc::channel(ORDERS_MAX);
        let known = Known::default();
        tokio::spawn(async move {
            // Orders are carried out side by side: a slow start must not keep a kill waiting. Those about one executor
            // follow each other only after its end was reported.
            while let Some(order) = incoming.recv().await {
                if let Order::Start(start) = &order {
                    // Known before the next order is looked at, which may be to kill it.
                    lock(&known).insert(start.token.clone(), Stage::Preparing(CancellationToken::new()));
                }
                tokio::spawn(carry_out(order, launcher.clone(), Arc::clone(&known), events.clone()));
            }
        });
        Self { orders }
    }

    pub(crate) async fn give(&self, order: Order) {
        let _ = self.orders.send(order).await;
    }
}

async fn carry_out(order: Order, launcher: Launcher, known: Known, events: mpsc::Sender<Event>) {
    let (framework, executor, token, message) = match order {
        Order::Start(start) => {
            let (framework, executor, token) = (start.framework.clone(), start.info.id.clone(), start.token.clone());
            let message = run(*start, &launcher, &known).await;
            (framework, executor, token, message)
        }
        Order::Watch { framework, executor, token } => {
            if let Some(Stage::Preparing(_)) = lock(&known).get(&token) {
                // This process of the agent is starting it, and will say when it ends.
                return;
            }
            let path = launcher.layout.run(&framework, &executor).join(PROCESS);
            let process = Process::load(&path, &token, &launcher.boot_id);
            if let Some(process) = process {
                lock(&known).insert(token.clone(), Stage::Runs(process));
                watch(process).await;
                end_session(process, &executor);
            }
            (framework, executor, token, "its process is gone".to_owned())
        }
        Order::Kill { framework, executor, token } => {
            // Whoever prepares or watches it says when it is dead.
            match lock(&known).get(&token) {
                Some(Stage::Preparing(stop)) => return stop.cancel(),
                Some(Stage::Runs(process)) => return process.signal(Signal::SIGKILL, !executor.is_built_in()),
                None => {}
            }
            (framework, executor, token, "its process is not known".to_owned())
        }
    };
    lock(&known).remove(&token);
    let input = Input::ExecutorExited { framework, executor, token, message };
    let _ = events.send(Event::Input(input)).await;
}

/// Starts an executor and waits for its end; says how that was.
async fn run(start: ExecutorStart, launcher: &Launcher, known: &Known) -> String {
    let (framework, executor, token) = (start.framework.clone(), start.info.id.clone(), start.token.clone());
    let stop = match lock(known).get(&token) {
        Some(Stage::Preparing(stop)) => stop.clone(),
        _ => CancellationToken::new(),
    };
    let spawned = spawn(launcher, start, &stop).await;
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => {
            let error = kit::exit::chain(&*error);
            warn!(%framework, %executor, %error, "an executor cannot be started");
            return format!("it cannot be started: {error}");
        }
    };
    let process = child.id().and_then(|pid| Process::of(i32::try_from(pid).ok()?));
    if let Some(process) = process {
        lock(known).insert(token.clone(), Stage::Runs(process));
        if stop.is_cancelled() {
            process.signal(Signal::SIGKILL, !executor.is_built_in());
        }
        launcher.escape.put(process.pid);
        let path = launcher.layout.run(&framework, &executor).join(PROCESS);
        if let Err(error) = process.save(&path, &token, &launcher.boot_id) {
            warn!(%framework, %executor, %error, "an executor's process cannot be noted; a later run of the agent will not find it");
        }
        info!(%framework, %executor, pid = process.pid, "an executor is started");
    }
    let end = match child.wait().await {
        Ok(status) => describe(status),
        Err(error) => format!("its end cannot be seen: {error}"),
    };
    if let Some(process) = process {
        end_session(process, &executor);
    }
    tokio::time::sleep(LAST_WORDS).await;
    end
}

/// What a custom executor leaves behind ends with it: its tasks are reported as over. Those of the built-in one live on.
fn end_session(process: Process, executor: &ExecutorId) {
    if !executor.is_built_in() {
        process.end_session();
    }
}

type Fault = Box<dyn std::error::Error + Send + Sync>;

/// Fetches what an executor needs, and starts it unless it is told to stop before.
async fn spawn(launcher: &Launcher, start: ExecutorStart, stop: &CancellationToken) -> Result<Child, Fault> {
    const STOPPED: &str = "it was told to end before";
    let start = Arc::new(start);
    let place = {
        let (launcher, start) = (launcher.clone(), Arc::clone(&start));
        tokio::task::spawn_blocking(move || Place::prepare(&launcher, &start)).await??
    };
    let uris = &start.info.command.uris;
    if !uris.is_empty() {
        let cache = launcher.layout.cache();
        let fetching = agent_executor::fetch::fetch(uris, place.directory(), place.owner(), &cache);
        stop.run_until_cancelled(fetching).await.ok_or(STOPPED)??;
    }
    let launcher = launcher.clone();
    let mut command = tokio::task::spawn_blocking(move || place.command(&launcher, &start)).await??;
    if stop.is_cancelled() {
        return Err(STOPPED.into());
    }
    Ok(command.spawn()?)
}

/// The file in an executor's directory that names its process.
const PROCESS: &str = "process";

/// Waits until a process that is not our child is gone.
async fn watch(process: Process) {
    while process.lives() {
        tokio::time::sleep(WATCH_INTERVAL).await;
    }
}

fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exited with {code}"),
        (None, Some(signal)) => {
            let name = Signal::try_from(signal).map_or("an unknown signal", Signal::as_str);
            format!("ended by {name}")
        }
        (None, None) => "ended".to_owned(),
    }
}

fn lock(known: &Known) -> std::sync::MutexGuard<'_, HashMap<String, Stage>> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}
