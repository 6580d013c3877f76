//! Container tasks, through the engine.

use super::sweep::{Left, Sweep};
use crate::{
    docker::{Engine, Exit as ContainerExit, SANDBOX, SANDBOX_LABEL, Spec},
    driver::Event,
    environment::{Place, environment},
};
use executor_core::{Adoption, Exit, Input};
use kit::shutdown::CancellationToken;
use nix::sys::signal::Signal;
use proto_types::{
    FrameworkId, ResourceName, TaskId, container::Container, executing::TaskLaunch, status::ContainerStatus,
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{sync::mpsc, task::JoinSet};

/// The label that says whose a container is.
pub(super) const FRAMEWORK: &str = "proffer.framework";
/// The label that says which task it is.
pub(super) const TASK: &str = "proffer.task";
/// The label that says which agent's it was when it was started; for people, as an agent's id may change.
const AGENT: &str = "proffer.agent";

/// How long containers have to be removed when the executor ends.
const FAREWELL: Duration = Duration::from_secs(10);

/// The tasks that are not done with, with their containers as soon as there are any.
pub(super) type Known = Arc<Mutex<BTreeMap<TaskId, Option<String>>>>;

/// The container tasks of an executor.
pub(super) struct Containers {
    engine: Engine,
    events: mpsc::Sender<Event>,
    known: Known,
    /// By which starts are told that nobody wants them any more.
    starts: BTreeMap<TaskId, CancellationToken>,
    removals: JoinSet<()>,
    sweep: Sweep,
}

impl Containers {
    pub(super) fn new(engine: Engine, framework: FrameworkId, sandboxes: PathBuf, events: mpsc::Sender<Event>) -> Self {
        let known = Known::default();
        let left = Left { engine: engine.clone(), framework, sandboxes, known: Arc::clone(&known) };
        Self { engine, events, known, starts: BTreeMap::new(), removals: JoinSet::new(), sweep: Sweep::new(left) }
    }

    pub(super) fn on_subscribed(&mut self) {
        self.sweep.on_subscribed();
    }

    pub(super) fn on_disconnected(&mut self) {
        self.sweep.on_disconnected();
    }

    pub(super) fn docker(&self) -> Result<bollard::Docker, String> {
        self.engine.docker().map_err(|error| error.to_string())
    }

    /// Stops a start as long as only its image is waited for.
    pub(super) fn abandon(&mut self, task: &TaskId) {
        if let Some(start) = self.starts.remove(task) {
            start.cancel();
        }
    }

    pub(super) fn start(&mut self, place: &Place, launch: Arc<TaskLaunch>) {
        let unwanted = CancellationToken::new();
        self.starts.insert(launch.task.id.clone(), unwanted.clone());
        let (engine, events, known) = (self.engine.clone(), self.events.clone(), Arc::clone(&self.known));
        lock(&known).insert(launch.task.id.clone(), None);
        let spec = spec(place, &launch);
        tokio::spawn(async move {
            let task = launch.task.id.clone();
            let progress = {
                let (events, task) = (events.clone(), task.clone());
                move |message: String| {
                    // Progress is worth nothing when there is no room for it.
                    let _ = events.try_send(Event::Input(Input::Progress { task: task.clone(), message }));
                }
            };
            if let Err(message) = super::make_sandbox(&launch).await {
                let _ = events.send(Event::Input(Input::StartFailed { task, message })).await;
                return;
            }
            let input = match engine.start(&spec, &progress, &unwanted).await {
                Ok(started) => {
                    lock(&known).insert(task.clone(), Some(started.id.clone()));
                    let container = ContainerStatus {
                        container_id: started.id.clone(),
                        pid: started.pid,
                        ip_address: started.ip_address,
                    };
                    let _ = events.send(Event::Input(Input::Started { task: task.clone(), container })).await;
                    exited(&engine, &launch, &started.id).await
                }
                Err(error) => Input::StartFailed { task, message: kit::exit::chain(&error) },
            };
            let _ = events.send(Event::Input(input)).await;
        });
    }

    /// Finds a task's container by its labels.
    pub(super) fn adopt(&self, place: &Place, launch: Arc<TaskLaunch>) {
        let (engine, events, known) = (self.engine.clone(), self.events.clone(), Arc::clone(&self.known));
        lock(&known).insert(launch.task.id.clone(), None);
        let wanted = lasting_labels(place, &launch);
        tokio::spawn(async move {
            let task = launch.task.id.clone();
            let found = loop {
                match engine.find(&wanted).await {
                    Ok(found) => break found,
                    Err(error) => {
                        // As long as the engine says nothing, nothing is known.
                        tracing::warn!(error = %kit::exit::chain(&error), %task, "cannot look for a container");
                        tokio::time::sleep(Duration::from_secs(1)).await;
                    }
                }
            };
            let adopted = |adoption| Input::Adopted { task: task.clone(), adoption };
            let input = match found {
                None => adopted(Adoption::Lost("its executor ended before its container was made".to_owned())),
                Some(found) => {
                    lock(&known).insert(task.clone(), Some(found.id.clone()));
                    if found.running {
                        let container = ContainerStatus {
                            container_id: found.id.clone(),
                            pid: 0,
                            ip_address: found.ip_address.clone(),
                        };
                        let _ = events.send(Event::Input(adopted(Adoption::Running(container)))).await;
                        exited(&engine, &launch, &found.id).await
                    } else {
                        let unknown = || Exit::Unknown("its container was made and never ran".to_owned());
                        let exit = found.exit.map_or_else(unknown, |exit| exit_of(&launch, &exit));
                        adopted(Adoption::Exited(exit))
                    }
                }
            };
            let _ = events.send(Event::Input(input)).await;
        });
    }

    pub(super) fn signal(&self, task: &TaskId, signal: Signal) {
        let Some(id) = lock(&self.known).get(task).cloned().flatten() else { return };
        let (engine, task) = (self.engine.clone(), task.clone());
        tokio::spawn(async move {
            if let Err(error) = engine.signal(&id, signal.as_str()).await {
                tracing::warn!(error = %kit::exit::chain(&error), %task, %signal, "cannot signal a container");
            }
        });
    }

    pub(super) fn release(&mut self, task: &TaskId) {
        while self.removals.try_join_next().is_some() {}
        self.starts.remove(task);
        let Some(id) = lock(&self.known).remove(task).flatten() else { return };
        let engine = self.engine.clone();
        self.removals.spawn(async move { engine.remove_at_last(&id).await });
    }

    /// Waits until what was to be removed is removed.
    pub(super) async fn end(&mut self) {
        let _ = tokio::time::timeout(FAREWELL, async { while self.removals.join_next().await.is_some() {} }).await;
    }
}

pub(super) fn lock(known: &Known) -> std::sync::MutexGuard<'_, BTreeMap<TaskId, Option<String>>> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

fn labels(place: &Place, launch: &TaskLaunch) -> Vec<(String, String)> {
    let agent = place.agent.as_ref().map(|agent| (AGENT.to_owned(), agent.to_string()));
    lasting_labels(place, launch).into_iter().chain(agent).collect()
}

/// Those by which a container is found again, also if its agent got another id meanwhile.
fn lasting_labels(place: &Place, launch: &TaskLaunch) -> Vec<(String, String)> {
    let own = [
        (FRAMEWORK, place.framework.to_string()),
        (TASK, launch.task.id.to_string()),
        (SANDBOX_LABEL, launch.sandbox.display().to_string()),
    ];
    own.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn spec(place: &Place, launch: &Arc<TaskLaunch>) -> Spec {
    let Container::Docker(docker) = launch.task.container.clone().unwrap_or_else(|| unreachable!("only containers"));
    let environment = environment(place, launch, Path::new(SANDBOX));
    // Names of containers are narrower than ids of tasks; the labels say which task it is.
    let readable: String = launch
        .task
        .id
        .as_str()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "_.-".contains(c) { c } else { '_' })
        .collect();
    Spec {
        name: format!("proffer-{}-{}", place.framework, readable),
        task: Arc::clone(&launch.task),
        docker,
        environment: environment.into_iter().collect(),
        sandbox: launch.sandbox.clone(),
        user: launch.task.command.user.clone(),
        labels: labels(place, launch),
    }
}

async fn exited(engine: &Engine, launch: &TaskLaunch, id: &str) -> Input {
    let exit = match engine.wait(id).await {
        Ok(exit) => exit_of(launch, &exit),
        Err(error) => Exit::Unknown(format!("exit code unknown: {}", kit::exit::chain(&error))),
    };
    Input::Exited { task: launch.task.id.clone(), exit }
}

fn exit_of(launch: &TaskLaunch, exit: &ContainerExit) -> Exit {
    if exit.oom_killed {
        let limit = launch.task.resources.scalar(&ResourceName::Mem);
        return Exit::OutOfMemory(format!("it used more than its {limit} MiB of memory"));
    }
    if !exit.error.is_empty() {
        return Exit::Unknown(exit.error.clone());
    }
    let code = i32::try_from(exit.code).unwrap_or(-1);
    // The engine tells of a signal as a shell does.
    match code {
        129..=159 => Exit::Signal(code - 128),
        _ => Exit::Code(code),
    }
}
