//! A cluster of processes of this machine, from its start to its end.

use super::{
    containers,
    family::{Ended, Family},
    shares::shares,
    start::{last_words, start},
};
use crate::usage;
use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;
use proffer_framework::{MasterAddress, operator::Operator};
use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    time::Duration,
};
use tempfile::TempDir;
use tokio::{
    signal::unix::{SignalKind, signal},
    time::{Instant, sleep},
};

/// The master's port if nobody says otherwise.
const PORT_DEFAULT: u16 = 5050;
/// How long the cluster may take until every agent is registered.
const START_PATIENCE: Duration = Duration::from_secs(60);
/// How long agents may take to end their tasks, and the master to end.
const END_PATIENCE: Duration = Duration::from_secs(25);
/// How long killed processes may take to be gone.
const KILL_PATIENCE: Duration = Duration::from_secs(5);
/// How often it is looked whether the agents are registered.
const LOOK: Duration = Duration::from_millis(50);
/// How long it takes until a role that died is started again.
const RESTART_WAIT: Duration = Duration::from_secs(1);
/// The master's name among the processes.
const MASTER: &str = "master";

/// What is started.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// How many agents.
    pub(crate) agents: u16,
    /// Where; none: in a temporary directory.
    pub(crate) directory: Option<PathBuf>,
    /// The master's port; 0: a free one.
    pub(crate) port: u16,
}

/// A cluster of processes of this machine. It must be ended with [`Cluster::end`].
#[derive(Debug)]
pub(crate) struct Cluster {
    directory: PathBuf,
    /// Removed when this is dropped.
    _temporary: Option<TempDir>,
    address: MasterAddress,
    port: u16,
    resources: Vec<String>,
    family: Family,
}

/// Requests to end: Ctrl-C and the polite signal.
#[derive(Debug)]
pub(crate) struct Interrupts {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

impl Interrupts {
    /// From now on such signals end nothing by themselves.
    pub(crate) fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}

impl Cluster {
    /// Makes the directories; nothing runs yet.
    pub(crate) fn prepare(plan: Plan) -> Result<Self> {
        let (directory, temporary) = match plan.directory {
            Some(directory) => {
                std::fs::create_dir_all(&directory)
                    .map_err(|error| usage(format!("--dir: {}: {error}", directory.display())))?;
                let directory = directory.canonicalize().context("--dir")?;
                (directory, None)
            }
            None => {
                let temporary =
                    tempfile::Builder::new().prefix("proffer-").tempdir().context("make a temporary directory")?;
                (temporary.path().canonicalize().context("the temporary directory")?, Some(temporary))
            }
        };
        let port = if plan.port == 0 { free_port()? } else { plan.port };
        let address = format!("127.0.0.1:{port}").parse::<MasterAddress>()?;
        let resources = shares(plan.agents, &directory)?;
        let family = Family::found().context("adopt orphans")?;
        Ok(Self { directory, _temporary: temporary, address, port, resources, family })
    }

    pub(crate) fn address(&self) -> &MasterAddress {
        &self.address
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(crate) fn has_default_port(&self) -> bool {
        self.port == PORT_DEFAULT
    }

    /// The agents' names and resources.
    pub(crate) fn agents(&self) -> impl Iterator<Item = (String, &str)> {
        self.resources.iter().enumerate().map(|(index, resources)| (agent_name(index), resources.as_str()))
    }

    /// Starts the master and the agents and waits until all are registered.
    pub(crate) async fn start(&mut self) -> Result<()> {
        self.start_role(MASTER)?;
        for index in 0..self.resources.len() {
            self.start_role(&agent_name(index))?;
        }
        let deadline = Instant::now() + START_PATIENCE;
        let mut operator = Operator::new(self.address.clone());
        loop {
            tokio::select! {
                ended = self.family.ended() => return Err(self.failed_to_start(&ended)),
                () = sleep(LOOK) => {}
            }
            let registered = operator.cluster().await.map_or(0, |cluster| cluster.agents_connected);
            if registered as usize >= self.resources.len() {
                return Ok(());
            }
            if Instant::now() >= deadline {
                let words = last_words(MASTER, &self.directory);
                bail!(
                    "{registered} of {} agents registered in time; the master said last: {words}",
                    self.resources.len()
                );
            }
        }
    }

    fn failed_to_start(&self, ended: &Ended) -> anyhow::Error {
        let words = last_words(&ended.name, &self.directory);
        let words = words.trim_start_matches("proffer: ");
        if ended.code == Some(i32::from(kit::exit::USAGE)) {
            return usage(format!("the {}: {words}", ended.name));
        }
        anyhow::anyhow!("the {} ended with {}: {words}", ended.name, ended.how)
    }

    /// Keeps the cluster up until it is to end: whatever dies is started again.
    pub(crate) async fn run(&mut self, interrupts: &mut Interrupts) {
        loop {
            let ended = tokio::select! {
                ended = self.family.ended() => ended,
                () = interrupts.next() => return,
            };
            let words = last_words(&ended.name, &self.directory);
            eprintln!("proffer: the {} ended with {} ({words}); starting it again", ended.name, ended.how);
            tokio::select! {
                () = sleep(RESTART_WAIT) => {}
                () = interrupts.next() => return,
            }
            if let Err(error) = self.start_role(&ended.name) {
                eprintln!("proffer: {error:#}");
                return;
            }
        }
    }

    /// Ends everything: tasks and executors with their agents, then the master, then whatever is left, and containers
    /// when nobody is left who could start another. A further request to end makes short work of it.
    pub(crate) async fn end(&mut self, interrupts: &mut Interrupts) {
        tokio::select! {
            () = self.end_politely() => {}
            () = interrupts.next() => {}
        }
        self.family.kill_all(KILL_PATIENCE).await;
        containers::remove(&self.directory).await;
    }

    async fn end_politely(&mut self) {
        let is_agent = |name: &str| name != MASTER;
        self.family.signal(Signal::SIGTERM, is_agent);
        if !self.family.gone(END_PATIENCE, is_agent).await {
            eprintln!("proffer: agents do not end; killing them");
        }
        if self.family.has(MASTER) {
            self.family.signal(Signal::SIGTERM, |name| name == MASTER);
            self.family.gone(KILL_PATIENCE, |name| name == MASTER).await;
        }
    }

    fn start_role(&mut self, name: &str) -> Result<()> {
        let home = self.directory.join(name).display().to_string();
        let arguments: Vec<String> = match name {
            MASTER => ["master", "--listen", self.address.as_str(), "--dir", &home].map(str::to_owned).into(),
            agent => {
                let index = self.agents().position(|(name, _)| name == agent).unwrap_or_default();
                let listen = "127.0.0.1:0";
                let resources = self.resources[index].as_str();
                let master = self.address.as_str();
                ["agent", "--master", master, "--listen", listen, "--dir", &home, "--hostname", agent]
                    .into_iter()
                    .chain(["--resources", resources, "--stop-tasks"])
                    .map(str::to_owned)
                    .collect()
            }
        };
        let pid = start(name, &self.directory, &arguments)?;
        self.family.add(pid, name.to_owned());
        Ok(())
    }
}

fn agent_name(index: usize) -> String {
    format!("agent{}", index + 1)
}

/// A port that is free now.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("find a free port")?;
    Ok(listener.local_addr().context("find a free port")?.port())
}
