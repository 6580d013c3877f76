//! What the core decides, done: by the launcher for processes, by the engine for containers.

mod containers;
mod sweep;
#[cfg(test)]
mod tests;

use crate::{
    docker::{Engine, Rotation},
    driver::Event,
    environment::{Place, environment, with_machine},
    fetch,
    options::Options,
    probe::{Commands, Target, probe},
    processes::{self, Client},
    rotation::Rotations,
    sandbox::{self, Access},
};
use containers::Containers;
use executor_core::Input;
use nix::sys::signal::Signal;
use proto_types::{AgentId, TaskId, executing::TaskLaunch, status::ContainerStatus};
use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    sync::Arc,
};
use tokio::{sync::mpsc, task::AbortHandle};

/// The hands of the executor.
pub(crate) struct Works {
    place: Place,
    options: Options,
    events: mpsc::Sender<Event>,
    processes: Option<Client>,
    rotations: Rotations,
    containers: Containers,
    /// Tasks in containers.
    contained: BTreeMap<TaskId, Arc<TaskLaunch>>,
    /// Tasks whose sandboxes are being filled.
    fetches: BTreeMap<TaskId, AbortHandle>,
}

impl Works {
    pub(crate) fn new(options: &Options, events: mpsc::Sender<Event>) -> Self {
        let place = Place { framework: options.identity.framework.clone(), agent: None, hostname: String::new() };
        let engine = Engine::new(options.docker_socket.clone());
        let sandboxes = options.layout().sandboxes().join(place.framework.as_str());
        Self {
            containers: Containers::new(engine, place.framework.clone(), sandboxes, events.clone()),
            place,
            options: options.clone(),
            events,
            processes: None,
            rotations: Rotations::start(Rotation::default()),
            contained: BTreeMap::new(),
            fetches: BTreeMap::new(),
        }
    }

    pub(crate) fn on_subscribed(&mut self, agent: AgentId, hostname: String) {
        (self.place.agent, self.place.hostname) = (Some(agent), hostname);
        self.containers.on_subscribed();
    }

    pub(crate) fn on_disconnected(&mut self) {
        self.containers.on_disconnected();
    }

    /// Fetches what the task needs into its sandbox.
    pub(crate) fn prepare(&mut self, launch: Arc<TaskLaunch>) {
        let (events, cache) = (self.events.clone(), self.options.cache.clone());
        let task = launch.task.id.clone();
        let fetch = tokio::spawn(async move {
            let result = fill(&launch, cache).await;
            let _ = events.send(Event::Input(Input::Prepared { task: launch.task.id.clone(), result })).await;
        });
        self.fetches.insert(task, fetch.abort_handle());
    }

    /// Stops what takes time before the task runs.
    pub(crate) fn abandon(&mut self, task: &TaskId) {
        if let Some(fetch) = self.fetches.remove(task) {
            fetch.abort();
        }
        self.containers.abandon(task);
    }

    pub(crate) fn start(&mut self, launch: Arc<TaskLaunch>) {
        self.fetches.remove(&launch.task.id);
        if launch.task.container.is_some() {
            self.contained.insert(launch.task.id.clone(), Arc::clone(&launch));
            self.containers.start(&self.place, launch);
            return;
        }
        self.rotations.add(launch.task.id.clone(), launch.sandbox.clone());
        let spec = processes::spec(&self.place, &launch);
        let (client, events) = (self.processes().clone(), self.events.clone());
        tokio::spawn(async move {
            match spec {
                Ok(spec) => client.start(spec).await,
                Err(message) => {
                    let task = launch.task.id.clone();
                    let _ = events.send(Event::Input(Input::StartFailed { task, message })).await;
                }
            }
        });
    }

    pub(crate) fn adopt(&mut self, launch: Arc<TaskLaunch>) {
        if launch.task.container.is_some() {
            self.contained.insert(launch.task.id.clone(), Arc::clone(&launch));
            self.containers.adopt(&self.place, launch);
            return;
        }
        self.rotations.add(launch.task.id.clone(), launch.sandbox.clone());
        let (client, events) = (self.processes().clone(), self.events.clone());
        tokio::spawn(async move {
            let adoption = processes::adopt(&client, &launch).await;
            let _ = events.send(Event::Input(Input::Adopted { task: launch.task.id.clone(), adoption })).await;
        });
    }

    pub(crate) fn signal(&mut self, task: &TaskId, hard: bool) {
        let signal = if hard { Signal::SIGKILL } else { Signal::SIGTERM };
        if self.contained.contains_key(task) {
            self.containers.signal(task, signal);
            return;
        }
        let (client, task) = (self.processes().clone(), task.clone());
        tokio::spawn(async move { client.signal(&task, signal as i32).await });
    }

    pub(crate) fn probe(&self, launch: Arc<TaskLaunch>, container: ContainerStatus) {
        let Some(check) = launch.task.health_check.clone() else { return };
        let (target, events) = (self.target(&launch, &container), self.events.clone());
        tokio::spawn(async move {
            let asked = async {
                match target {
                    Ok(target) => probe(&check.probe, &target).await,
                    Err(message) => Err(message),
                }
            };
            let result = if check.timeout.is_zero() {
                asked.await
            } else {
                let late = |_| Err(format!("no answer within {} s", check.timeout.as_secs_f64()));
                tokio::time::timeout(check.timeout, asked).await.unwrap_or_else(late)
            };
            let _ = events.send(Event::Input(Input::Probed { task: launch.task.id.clone(), result })).await;
        });
    }

    /// Where the task is asked how it is.
    fn target(&self, launch: &TaskLaunch, container: &ContainerStatus) -> Result<Target, String> {
        let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let address = container.ip_address.as_ref().and_then(|text| text.parse().ok()).unwrap_or(local);
        let commands = if launch.task.container.is_some() {
            Commands::Container { docker: self.containers.docker()?, id: container.container_id.clone() }
        } else {
            let sandbox = launch.sandbox.clone();
            let environment = with_machine(environment(&self.place, launch, &sandbox), &sandbox);
            let user = launch.task.command.user.clone().or_else(|| launch.user.clone());
            Commands::Process { sandbox, environment: environment.into_iter().collect(), user }
        };
        Ok(Target { address, commands })
    }

    /// The task's agent knows its end: nothing of it is needed any more.
    pub(crate) fn release(&mut self, task: &TaskId) {
        self.fetches.remove(task);
        if self.contained.remove(task).is_some() {
            self.containers.release(task);
        } else if let Some(client) = self.processes.clone() {
            self.rotations.remove(task);
            let task = task.clone();
            tokio::spawn(async move { client.forget(&task).await });
        }
    }

    /// No task is left: ends what served them.
    pub(crate) async fn end(&mut self) {
        self.containers.end().await;
        if let Some(client) = self.processes.take() {
            client.end().await;
        }
    }

    fn processes(&mut self) -> &Client {
        let (isolation, events) = (self.options.isolation, &self.events);
        self.processes.get_or_insert_with(|| Client::new(isolation, events.clone()))
    }
}

async fn fill(launch: &TaskLaunch, cache: PathBuf) -> Result<(), String> {
    let owner = make_sandbox(launch).await?.owner();
    let fetched = fetch::fetch(&launch.task.command.uris, &launch.sandbox, owner, &cache).await;
    fetched.map_err(|error| kit::exit::chain(&error))
}

/// Makes a task's sandbox, if it is not there. Neither the fetched files nor the engine must make it: it would be root's.
async fn make_sandbox(launch: &TaskLaunch) -> Result<Access, String> {
    let (sandbox, access) = (launch.sandbox.clone(), Access::to(launch)?);
    let failed = |error| format!("cannot make the sandbox {}: {error}", launch.sandbox.display());
    let made = tokio::task::spawn_blocking(move || sandbox::make(&sandbox, access)).await;
    made.unwrap_or_else(|error| Err(io::Error::other(error))).map_err(failed)?;
    Ok(access)
}
