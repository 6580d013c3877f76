//! The engine: starts, watches, signals and removes containers.

use super::{
    creation::{self, SANDBOX_LABEL},
    ending::{self, Exit},
    error::{Error, lacks_image, status},
    follow::Follow,
    logs::{Output, Rotation},
    pull,
};
use bollard::{
    API_DEFAULT_VERSION, Docker,
    models::{ContainerCreateBody, ContainerSummary, ContainerSummaryStateEnum},
    query_parameters::{
        CreateContainerOptionsBuilder, KillContainerOptionsBuilder, ListContainersOptionsBuilder,
        RemoveContainerOptionsBuilder,
    },
};
use kit::shutdown::CancellationToken;
use proto_types::{TaskInfo, container};
use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{OnceCell, OwnedSemaphorePermit, Semaphore, oneshot},
    time::{sleep, timeout},
};

/// Where the engine listens if nobody says otherwise.
const SOCKET: &str = "/var/run/docker.sock";
/// Containers created and started at once: more only queue within the engine.
const STARTS: usize = 8;
const PULLS: usize = 4;
/// Creating and starting may take long on a busy machine.
const SLOW: Duration = Duration::from_secs(120);
const QUICK: Duration = Duration::from_secs(30);
/// Between tries to remove a container: soon at first, because the engine may be removing it already.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LAST_PAUSE: Duration = Duration::from_secs(30);
/// How long the end of a container waits for the end of its output.
const LAST_OUTPUT: Duration = Duration::from_secs(30);

/// A Docker engine. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    socket: PathBuf,
    rotation: Rotation,
    docker: OnceCell<Docker>,
    starts: Arc<Semaphore>,
    pulls: Arc<Semaphore>,
    follows: Mutex<HashMap<String, Follow>>,
}

/// A container to start.
#[derive(Debug, Clone)]
pub struct Spec {
    /// Its name, unique on this machine.
    pub name: String,
    /// The task that it is.
    pub task: Arc<TaskInfo>,
    /// What of the task concerns containers.
    pub docker: container::Docker,
    /// Its environment, the command's own included.
    pub environment: Vec<(String, String)>,
    /// The sandbox, by its absolute path.
    pub sandbox: PathBuf,
    /// As whom: one of this machine's users or of the image's. None: the image's choice.
    pub user: Option<String>,
    /// Labels by which the container is found again.
    pub labels: Vec<(String, String)>,
}

/// A container that was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    /// Its id.
    pub id: String,
    /// Its main process; 0: not asked for.
    pub pid: u32,
    /// Its address, if it has one of its own.
    pub ip_address: Option<String>,
}

/// A container that was started earlier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its id.
    pub id: String,
    /// Whether it runs.
    pub running: bool,
    /// How it ended; none: it runs or never ran.
    pub exit: Option<Exit>,
    /// Its address, if it has one of its own.
    pub ip_address: Option<String>,
}

/// Why a container was not launched.
enum Failure {
    /// Its image is not here.
    LacksImage(String),
    /// Anything else.
    Other(Error),
}

impl Engine {
    /// The engine at this socket; none: the usual one. Nothing is asked of it yet.
    #[must_use]
    pub fn new(socket: Option<PathBuf>) -> Self {
        Self::with_rotation(socket, Rotation::default())
    }

    /// The same with output rotated otherwise.
    #[must_use]
    pub fn with_rotation(socket: Option<PathBuf>, rotation: Rotation) -> Self {
        let shared = Shared {
            socket: socket.unwrap_or_else(|| PathBuf::from(SOCKET)),
            rotation,
            docker: OnceCell::new(),
            starts: Arc::new(Semaphore::new(STARTS)),
            pulls: Arc::new(Semaphore::new(PULLS)),
            follows: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The client for calls that are not here. Before the first call through this type it speaks the newest version of
    /// the interface that it knows, afterwards the one that both know.
    ///
    /// # Errors
    /// If there is no socket.
    pub fn docker(&self) -> Result<Docker, Error> {
        if let Some(docker) = self.shared.docker.get() {
            return Ok(docker.clone());
        }
        let socket = self.shared.socket.to_string_lossy();
        Docker::connect_with_unix(&socket, SLOW.as_secs(), API_DEFAULT_VERSION)
            .map_err(|error| Error::of("be reached", &error))
    }

    /// Starts a container. The output goes to the sandbox from then on. Once it is unwanted it is not waited for its image
    /// or its turn; what the engine has begun goes on, so that nothing runs of which nobody knows.
    ///
    /// # Errors
    /// If it does not run afterwards; then nothing of it is left.
    pub async fn start(
        &self,
        spec: &Spec,
        progress: &(dyn Fn(String) + Send + Sync),
        unwanted: &CancellationToken,
    ) -> Result<Started, Error> {
        let docker = self.ready().await?;
        let body = self.prepare(spec).await?;
        if spec.docker.force_pull {
            unless(unwanted, self.pull(&docker, &spec.docker.image, false, progress)).await?;
        }
        let (name, image) = (&spec.name, &spec.docker.image);
        let mut launched = self.launch(&docker, name, body.clone(), unwanted).await;
        if let Err(Failure::LacksImage(_)) = launched {
            unless(unwanted, self.pull(&docker, image, true, progress)).await?;
            launched = self.launch(&docker, name, body, unwanted).await;
        }
        let id = launched.map_err(|failure| match failure {
            Failure::LacksImage(reason) => Error::MissingImage { image: image.clone(), reason },
            Failure::Other(error) => error,
        })?;
        self.follow(&docker, &id, spec.sandbox.clone());
        if matches!(spec.docker.network, container::Network::Host | container::Network::None) {
            return Ok(Started { id, pid: 0, ip_address: None });
        }
        // It runs, address or not.
        let state = ending::state(&docker, &id).await.ok();
        let (pid, ip_address) = state.map_or((0, None), |state| (state.pid, state.ip_address));
        Ok(Started { id, pid, ip_address })
    }

    /// Waits until a container has ended and its output is in the files.
    ///
    /// # Errors
    /// If there is no such container. An engine that does not answer is waited for.
    pub async fn wait(&self, id: &str) -> Result<Exit, Error> {
        let docker = self.ready_at_last().await;
        let exit = ending::exit(&docker, id).await;
        let complete = self.follows().get(id).map(Follow::complete);
        if let Some(mut complete) = complete
            && timeout(LAST_OUTPUT, complete.wait_for(|complete| *complete)).await.is_err()
        {
            tracing::warn!(container = id, "the last output is not there yet");
        }
        exit
    }

    /// Sends a signal such as `SIGTERM` to a container. One that has ended gets none.
    ///
    /// # Errors
    /// If the engine does not answer or knows neither container nor signal.
    pub async fn signal(&self, id: &str, signal: &str) -> Result<(), Error> {
        let docker = self.ready().await?;
        let options = KillContainerOptionsBuilder::default().signal(signal).build();
        let answer = call(QUICK, docker.kill_container(id, Some(options))).await?;
        answer.or_else(|error| match status(&error) {
            Some(404) => Err(Error::Gone(id.to_owned())),
            Some(409) => Ok(()),
            _ => Err(Error::of("signal the container", &error)),
        })
    }

    /// Removes a container, ended or not, with its unnamed volumes. One that is gone is fine.
    ///
    /// # Errors
    /// If the engine does not answer or cannot, or already removes it.
    pub async fn remove(&self, id: &str) -> Result<(), Error> {
        let docker = self.ready().await?;
        remove(&docker, id).await?;
        self.follows().remove(id);
        Ok(())
    }

    /// Removes a container for as long as it takes: an engine that cannot now is asked again.
    pub async fn remove_at_last(&self, id: &str) {
        remove_at_last(&self.ready_at_last().await, id).await;
        self.follows().remove(id);
    }

    /// Looks for a container with all these labels, and takes up following its output.
    ///
    /// # Errors
    /// If the engine does not answer.
    pub async fn find(&self, labels: &[(String, String)]) -> Result<Option<Found>, Error> {
        let docker = self.ready().await?;
        let mut listed = self.list(labels).await?;
        // Should there be several, the one that runs, or else the youngest.
        listed.sort_by_key(|found| (found.state == Some(ContainerSummaryStateEnum::RUNNING), found.created));
        let Some(found) = listed.pop() else { return Ok(None) };
        let id = found.id.unwrap_or_default();
        let state = match ending::state(&docker, &id).await {
            Err(Error::Gone(_)) => return Ok(None),
            other => other?,
        };
        let sandbox = found.labels.unwrap_or_default().remove(SANDBOX_LABEL);
        if let Some(sandbox) = sandbox.filter(|_| !state.created) {
            self.follow(&docker, &id, PathBuf::from(sandbox));
        }
        let exit = (!state.running && !state.created).then_some(state.exit);
        Ok(Some(Found { id, running: state.running, exit, ip_address: state.ip_address }))
    }

    /// The containers with all these labels, ended ones too.
    pub(crate) async fn list(&self, labels: &[(String, String)]) -> Result<Vec<ContainerSummary>, Error> {
        let docker = self.ready().await?;
        let labels = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let filters = HashMap::from([("label".to_owned(), labels)]);
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        let listed = call(QUICK, docker.list_containers(Some(options))).await?;
        listed.map_err(|error| Error::of("list containers", &error))
    }

    async fn ready(&self) -> Result<Docker, Error> {
        let agree = || async {
            let docker = self.docker()?;
            let agreed = call(QUICK, docker.negotiate_version()).await?;
            agreed.map_err(|error| Error::of("be reached", &error))
        };
        self.shared.docker.get_or_try_init(agree).await.cloned()
    }

    async fn ready_at_last(&self) -> Docker {
        loop {
            match self.ready().await {
                Ok(docker) => return docker,
                Err(error) => tracing::warn!(%error, "waiting for the engine"),
            }
            sleep(Duration::from_secs(1)).await;
        }
    }

    /// Everything on disk that a container needs.
    async fn prepare(&self, spec: &Spec) -> Result<ContainerCreateBody, Error> {
        let (owned, rotation) = (spec.clone(), self.shared.rotation);
        let work = move || {
            // Made now, so that a sandbox that cannot be written fails the start and not the output.
            Output::open(&owned.sandbox, rotation)
                .map_err(|source| Error::Output { path: owned.sandbox.clone(), source })?;
            creation::body(&owned)
        };
        let prepared = tokio::task::spawn_blocking(work).await;
        prepared.unwrap_or_else(|error| {
            Err(Error::Output { path: spec.sandbox.clone(), source: std::io::Error::other(error) })
        })
    }

    /// Creates and starts, to the end even if the caller gives up: then the container is removed at once.
    async fn launch(
        &self,
        docker: &Docker,
        name: &str,
        body: ContainerCreateBody,
        unwanted: &CancellationToken,
    ) -> Result<String, Failure> {
        let permit = unless(unwanted, self.permit(&self.shared.starts)).await.map_err(Failure::Other)?;
        let (answer, launched) = oneshot::channel();
        let (docker, name) = (docker.clone(), name.to_owned());
        tokio::spawn(async move {
            let launched = create_and_start(&docker, &name, body).await;
            drop(permit);
            if let Err(Ok(unwanted)) = answer.send(launched) {
                discard(&docker, &unwanted).await;
            }
        });
        launched.await.unwrap_or_else(|error| Err(Failure::Other(Error::Unreachable(error.to_string()))))
    }

    async fn pull(
        &self,
        docker: &Docker,
        image: &str,
        missing: bool,
        progress: &(dyn Fn(String) + Send + Sync),
    ) -> Result<(), Error> {
        let _permit = self.permit(&self.shared.pulls).await?;
        Box::pin(pull::pull(docker, image, missing, progress)).await
    }

    async fn permit(&self, of: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Error> {
        of.clone().acquire_owned().await.map_err(|error| Error::Unreachable(error.to_string()))
    }

    fn follow(&self, docker: &Docker, id: &str, sandbox: PathBuf) {
        let new = || Follow::new(docker.clone(), id.to_owned(), sandbox, self.shared.rotation);
        self.follows().entry(id.to_owned()).or_insert_with(new);
    }

    fn follows(&self) -> std::sync::MutexGuard<'_, HashMap<String, Follow>> {
        self.shared.follows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn create_and_start(docker: &Docker, name: &str, body: ContainerCreateBody) -> Result<String, Failure> {
    let options = CreateContainerOptionsBuilder::default().name(name).build();
    let id = match call(SLOW, Box::pin(docker.create_container(Some(options), body))).await {
        Ok(Ok(created)) => created.id,
        Ok(Err(error)) if lacks_image(&error) => {
            return Err(Failure::LacksImage("it was pulled but is not there".to_owned()));
        }
        Ok(Err(error)) if status(&error).is_some() => {
            return Err(Failure::Other(Error::of("create the container", &error)));
        }
        // Nobody knows whether it is there.
        Ok(Err(error)) => {
            discard(docker, name).await;
            return Err(Failure::Other(Error::of("create the container", &error)));
        }
        Err(late) => {
            discard(docker, name).await;
            return Err(Failure::Other(late));
        }
    };
    let started = call(SLOW, docker.start_container(&id, None)).await;
    match started.and_then(|answer| answer.map_err(|error| Error::of_start(&error))) {
        Ok(()) => Ok(id),
        Err(error) => {
            discard(docker, &id).await;
            Err(Failure::Other(error))
        }
    }
}

/// Removes a container that nobody wants: now, or else when the engine can. What it was asked for it may still do later.
async fn discard(docker: &Docker, id: &str) {
    if let Err(error) = remove(docker, id).await {
        tracing::warn!(container = id, %error, "a container that nobody wants is left for now");
        let (docker, id) = (docker.clone(), id.to_owned());
        tokio::spawn(async move { remove_at_last(&docker, &id).await });
    }
}

async fn remove_at_last(docker: &Docker, id: &str) {
    let mut pause = FIRST_PAUSE;
    while let Err(error) = remove(docker, id).await {
        tracing::warn!(container = id, %error, "a container is to be removed; the engine is asked again");
        sleep(pause).await;
        pause = (pause * 2).min(LAST_PAUSE);
    }
}

async fn remove(docker: &Docker, id: &str) -> Result<(), Error> {
    let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
    let answer = call(SLOW, docker.remove_container(id, Some(options))).await?;
    answer.or_else(|error| match status(&error) {
        // Gone already.
        Some(404) => Ok(()),
        _ => Err(Error::of("remove the container", &error)),
    })
}

/// Does it as long as it is wanted.
async fn unless<T>(unwanted: &CancellationToken, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    unwanted.run_until_cancelled(work).await.unwrap_or(Err(Error::Unwanted))
}

async fn call<T>(limit: Duration, answer: impl Future<Output = T>) -> Result<T, Error> {
    timeout(limit, answer).await.map_err(|_| Error::late(limit))
}
