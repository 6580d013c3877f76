//! A cluster of processes of this machine, from its start to its end.

use super::{
    containers,
    family::{Ended, Family},
    shares::shares,
    start::{last_words, start, this_program},
    zookeeper::{Ensemble, is_server},
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
/// How the names of masters begin among the processes.
const MASTER: &str = "master";

/// What is started.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// How many agents.
    pub(crate) agents: u16,
    /// Where; none: in a temporary directory.
    pub(crate) directory: Option<PathBuf>,
    /// How many masters; several need a ZooKeeper.
    pub(crate) masters: u16,
    /// The first master's port, with those of the others after it; 0: free ones.
    pub(crate) port: u16,
    /// What elects the masters and keeps their registry; none: the directory of the only one.
    pub(crate) zookeeper: Option<ZooKeeper>,
}

/// Which ZooKeeper is used.
#[derive(Debug, Clone)]
pub(crate) enum ZooKeeper {
    /// One of three servers that is started too.
    Started,
    /// The one at this address.
    At(String),
}

/// A cluster of processes of this machine. It must be ended with [`Cluster::end`].
#[derive(Debug)]
pub(crate) struct Cluster {
    directory: PathBuf,
    /// Removed when this is dropped.
    _temporary: Option<TempDir>,
    /// For agents and clients.
    address: MasterAddress,
    /// Where masters listen.
    masters: Vec<String>,
    ensemble: Option<Ensemble>,
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
        let mut masters = Vec::new();
        for number in 0..plan.masters {
            let port = if plan.port == 0 { free_port()? } else { plan.port + number };
            masters.push(format!("127.0.0.1:{port}"));
        }
        let (ensemble, address) = match plan.zookeeper {
            None => (None, masters[0].clone()),
            Some(ZooKeeper::At(address)) => (None, address),
            Some(ZooKeeper::Started) => {
                let ensemble = Ensemble::prepare(&directory)?;
                let address = ensemble.address();
                (Some(ensemble), address)
            }
        };
        let address = address.parse::<MasterAddress>().map_err(|error| usage(format!("--zk: {error}")))?;
        let port = plan.port;
        let resources = shares(plan.agents, &directory)?;
        let family = Family::found().context("adopt orphans")?;
        Ok(Self { directory, _temporary: temporary, address, masters, ensemble, port, resources, family })
    }

    pub(crate) fn address(&self) -> &MasterAddress {
        &self.address
    }

    /// Where masters listen.
    pub(crate) fn masters(&self) -> &[String] {
        &self.masters
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(crate) fn has_default_port(&self) -> bool {
        self.port == PORT_DEFAULT && !self.address.is_elected()
    }

    /// The agents' names and resources.
    pub(crate) fn agents(&self) -> impl Iterator<Item = (String, &str)> {
        self.resources.iter().enumerate().map(|(index, resources)| (agent_name(index), resources.as_str()))
    }

    /// Starts ZooKeeper, masters and agents and waits until all agents are registered.
    pub(crate) async fn start(&mut self) -> Result<()> {
        let servers: Vec<String> = self.ensemble.iter().flat_map(Ensemble::names).collect();
        for server in servers {
            self.start_role(&server)?;
        }
        for index in 0..self.masters.len() {
            self.start_role(&master_name(index))?;
        }
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
                let words = last_words(&master_name(0), &self.directory);
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

    /// Keeps the cluster up until it is to end: whatever dies is started again, unless it has ended for good.
    pub(crate) async fn run(&mut self, interrupts: &mut Interrupts) {
        loop {
            let ended = tokio::select! {
                ended = self.family.ended() => ended,
                () = interrupts.next() => return,
            };
            let words = last_words(&ended.name, &self.directory);
            if ended.code == Some(i32::from(kit::exit::FINAL)) {
                let words = words.trim_start_matches("proffer: ");
                eprintln!("proffer: the {} has ended and is not started again: {words}", ended.name);
                continue;
            }
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
        let is_master = |name: &str| name.starts_with(MASTER);
        let is_agent = |name: &str| !is_master(name) && !is_server(name);
        self.family.signal(Signal::SIGTERM, is_agent);
        if !self.family.gone(END_PATIENCE, is_agent).await {
            eprintln!("proffer: agents do not end; killing them");
        }
        self.family.signal(Signal::SIGTERM, is_master);
        self.family.gone(KILL_PATIENCE, is_master).await;
        self.family.signal(Signal::SIGTERM, is_server);
        self.family.gone(KILL_PATIENCE, is_server).await;
    }

    fn start_role(&mut self, name: &str) -> Result<()> {
        let (program, arguments) = match self.ensemble.as_ref().and_then(|ensemble| ensemble.command(name)) {
            Some(command) => command,
            None => (this_program()?, self.arguments(name)),
        };
        let pid = start(name, &self.directory, &program, &arguments, self.election())?;
        self.family.add(pid, name.to_owned());
        Ok(())
    }

    /// What a master or an agent is started with.
    fn arguments(&self, name: &str) -> Vec<String> {
        let home = self.directory.join(name).display().to_string();
        if let Some(index) = (0..self.masters.len()).find(|index| master_name(*index) == name) {
            let listen = self.masters[index].as_str();
            return ["master", "--listen", listen, "--dir", &home].map(str::to_owned).into();
        }
        let index = self.agents().position(|(agent, _)| agent == name).unwrap_or_default();
        let resources = self.resources[index].as_str();
        let master = [("--master", self.address.as_str())].into_iter().filter(|_| self.election().is_none());
        ["agent", "--listen", "127.0.0.1:0", "--dir", &home, "--hostname", name]
            .into_iter()
            .chain(["--resources", resources, "--stop-tasks"])
            .chain(master.flat_map(|(option, address)| [option, address]))
            .map(str::to_owned)
            .collect()
    }

    /// The address of the election, if there is one.
    fn election(&self) -> Option<&str> {
        self.address.is_elected().then(|| self.address.as_str())
    }
}

fn master_name(index: usize) -> String {
    if index == 0 { MASTER.to_owned() } else { format!("{MASTER}{}", index + 1) }
}

fn agent_name(index: usize) -> String {
    format!("agent{}", index + 1)
}

/// A port that is free now.
pub(super) fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("find a free port")?;
    Ok(listener.local_addr().context("find a free port")?.port())
}
