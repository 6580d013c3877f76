//! From options to a running agent, and to its end.

use crate::{
    detect,
    driver::{Clock, Event},
    executors::{
        Escape,
        machine::{Launcher, Machine},
        server,
        socket::Socket,
    },
    gone::Gone,
    http,
    journal::JournalError,
    link::{Connector, data::Files},
    model::Model,
    options::Options,
    sandbox_gc::{self, Policy},
    terms::Terms,
    work_directory::{WorkDirectory, WorkDirectoryError},
};
use agent_core::Config;
use agent_executor::{
    DOCKER_SOCKET,
    isolation::{self, Isolation},
    layout::Layout,
};
use kit::shutdown::CancellationToken;
use proto_types::{
    AgentInfo,
    resources::{InvalidText, parse_attributes},
};
use std::{io, net::SocketAddr, path::PathBuf, time::Duration};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use tracing::{info, warn};

/// Events that may wait for the driver. Whoever brings more waits: links and executors are read no faster than that.
const EVENTS_MAX: usize = 4096;

/// How long tasks and executors get to end when the agent is to stop them too, beyond their grace.
const END_ALL_TIMEOUT: Duration = Duration::from_secs(15);

/// Why an agent cannot start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The work directory cannot be used.
    #[error(transparent)]
    WorkDirectory(#[from] WorkDirectoryError),
    /// The resources do not read.
    #[error("--resources")]
    Resources(#[source] InvalidText),
    /// The attributes do not read.
    #[error("--attributes")]
    Attributes(#[source] InvalidText),
    /// What is to isolate tasks cannot.
    #[error("--isolation")]
    Isolation(#[source] isolation::Error),
    /// An option has no meaning.
    #[error("{option}: {problem}")]
    Option {
        /// Which.
        option: &'static str,
        /// Why.
        problem: String,
    },
    /// The journal cannot be used.
    #[error("the journal cannot be used")]
    Journal(#[from] JournalError),
    /// There is no place for the socket for executors.
    #[error("cannot open the socket for executors")]
    Socket(#[source] io::Error),
    /// An address or a socket cannot be used.
    #[error(transparent)]
    Listen(#[from] kit::listen::Error),
    /// An operator has given the agent up; nothing of it runs any more.
    #[error(
        "{why}; its tasks have ended, and it does not join the cluster again. To have a new agent on this machine, remove \
         the work directory {}, or start it with --join-anew", .directory.display()
    )]
    Gone {
        /// How it was said.
        why: String,
        /// Its work directory.
        directory: PathBuf,
    },
}

impl AgentError {
    /// Whether the operator asked for something that cannot be: the program exits with 2.
    #[must_use]
    pub fn is_misuse(&self) -> bool {
        !matches!(self, Self::Journal(_) | Self::Gone { .. })
    }

    /// Whether an operator decided that it ends: started again as it is, it would only end again.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Gone { .. })
    }
}

/// A running agent.
pub struct Running {
    /// Where its HTTP listens.
    pub address: SocketAddr,
    /// What it shows.
    pub model: Model,
    events: mpsc::Sender<Event>,
    driver: JoinHandle<()>,
    stop: CancellationToken,
    stop_tasks: bool,
    grace: Duration,
    gone: Gone,
    _socket: Socket,
    directory: WorkDirectory,
}

/// Runs an agent until `shutdown`.
///
/// # Errors
/// It cannot start, or an operator has given it up.
pub async fn run(options: Options, shutdown: CancellationToken) -> Result<(), AgentError> {
    let running = start(options).await?;
    let ended = tokio::select! {
        () = shutdown.cancelled() => Ok(()),
        error = running.given_up() => Err(error),
    };
    running.stop().await;
    ended
}

/// Starts an agent.
///
/// # Errors
/// It cannot start.
pub async fn start(options: Options) -> Result<Running, AgentError> {
    check(&options)?;
    let directory = WorkDirectory::take(&options.dir)?;
    let layout = directory.layout().clone();
    let (listener, address) = kit::listen::tcp(options.listen, options.insecure).await?;
    let isolation = Isolation::detect(options.isolation.into()).map_err(AgentError::Isolation)?;
    let config = config(&options, &isolation, address, layout.root())?;
    info!(
        hostname = %config.info.hostname, resources = %config.info.resources, attributes = %config.info.attributes,
        isolation = %config.info.isolation, directory = %layout.root().display(), %address, "the agent starts"
    );
    let socket = Socket::of(&layout).map_err(AgentError::Socket)?;
    let executors = socket.listen()?;
    let (events, incoming) = mpsc::channel(EVENTS_MAX);
    let stop = CancellationToken::new();
    let model = Model::default();
    let policy =
        Policy { delay: options.gc_delay, headroom: options.gc_disk_headroom, interval: options.disk_watch_interval };
    let boot_id = detect::boot_id();
    let gone = Gone::new(options.join_anew);
    let terms = Terms {
        config,
        layout: layout.clone(),
        model: model.clone(),
        machine: Machine::start(
            launcher(&options, &isolation, &layout, socket.path().to_owned(), &boot_id),
            events.clone(),
        ),
        retired: sandbox_gc::start(layout.clone(), model.clone(), policy),
        clock: Clock::start(),
        boot_id,
        gone: gone.clone(),
    };
    let first = terms.begin(false)?;
    let driver = tokio::spawn(terms.run(first, incoming));
    let connector = Connector::new(options.masters, events.clone(), Files::new(layout, model.clone()));
    let (linking, given_up) = (stop.clone(), gone.clone());
    tokio::spawn(async move {
        tokio::select! {
            biased;
            () = linking.cancelled() => {}
            _ = given_up.comes() => {}
            () = connector.run() => {}
        }
    });
    tokio::spawn(kit::serve::serve(executors, server::router(events.clone()), stop.clone()));
    tokio::spawn(kit::serve::serve(listener, http::router(model.clone()), stop.clone()));
    Ok(Running {
        address,
        model,
        events,
        driver,
        stop,
        stop_tasks: options.stop_tasks,
        grace: options.kill_grace,
        gone,
        _socket: socket,
        directory,
    })
}

impl Running {
    /// Stops the agent. Tasks and executors run on, unless the options say otherwise.
    pub async fn stop(self) {
        if self.stop_tasks {
            let limit = END_ALL_TIMEOUT + self.grace;
            if tokio::time::timeout(limit, self.end_all()).await.is_err() {
                warn!("tasks or executors did not end within {limit:?}");
            }
        }
        let (done, written) = oneshot::channel();
        if self.events.send(Event::Stop(done)).await.is_ok() {
            let _ = written.await;
        }
        self.stop.cancel();
        let _ = self.driver.await;
    }

    /// Waits until an operator has given the agent up and nothing of it runs any more, however long its tasks take.
    pub async fn given_up(&self) -> AgentError {
        let why = self.gone.comes().await;
        info!("{why}; the agent ends its tasks, and then itself");
        self.end_all().await;
        AgentError::Gone { why, directory: self.directory.layout().root().to_owned() }
    }

    /// Returns when all tasks and executors have ended, or there is no driver any more.
    async fn end_all(&self) {
        loop {
            let (done, ended) = oneshot::channel();
            // A term that ends because its journal cannot be written forgets who waits; the next one is asked again.
            if self.events.send(Event::EndAll(done)).await.is_err() || ended.await.is_ok() {
                return;
            }
        }
    }
}

fn check(options: &Options) -> Result<(), AgentError> {
    if !(0.0..1.0).contains(&options.gc_disk_headroom) {
        let problem = format!("must be at least 0 and below 1, not {}", options.gc_disk_headroom);
        return Err(AgentError::Option { option: "--gc-disk-headroom", problem });
    }
    if options.disk_watch_interval.is_zero() {
        let problem = "must not be 0".to_owned();
        return Err(AgentError::Option { option: "--disk-watch-interval", problem });
    }
    Ok(())
}

fn config(
    options: &Options,
    isolation: &Isolation,
    address: SocketAddr,
    directory: &std::path::Path,
) -> Result<Config, AgentError> {
    let info = AgentInfo {
        hostname: options.hostname.clone().unwrap_or_else(detect::hostname),
        address: address.to_string(),
        resources: detect::resources(options.resources.as_deref(), directory).map_err(AgentError::Resources)?,
        attributes: parse_attributes(&options.attributes).map_err(AgentError::Attributes)?,
        region: options.region.clone(),
        zone: options.zone.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        isolation: isolation.to_string(),
    };
    Ok(Config {
        info,
        kill_grace: options.kill_grace,
        registration_timeout: options.executor_registration_timeout,
        reconnect_timeout: options.executor_reconnect_timeout,
        idle_timeout: options.executor_idle_timeout,
        #[cfg(feature = "sabotage")]
        sabotage: agent_core::Sabotage::new(options.sabotage.iter().copied()),
        ..Config::default()
    })
}

fn launcher(options: &Options, isolation: &Isolation, layout: &Layout, socket: PathBuf, boot_id: &str) -> Launcher {
    let variables = [
        (DOCKER_SOCKET, options.docker_socket.display().to_string()),
        (isolation::ISOLATION, isolation.choice().to_string()),
    ];
    Launcher {
        layout: layout.clone(),
        socket,
        program: options.executor_program.clone(),
        environment: variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        boot_id: boot_id.to_owned(),
        escape: Escape::find(),
    }
}
