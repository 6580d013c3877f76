//! A cluster of real processes: one master and some agents.

use crate::{
    binary::{Profile, proffer},
    disk::Disk,
    process::Process,
    proxy::Proxy,
    relatives::Remains,
    running::Running,
};
use anyhow::{Context, Result};
use std::{
    net::TcpListener,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// What a cluster is made of.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How the binary is built.
    pub profile: Profile,
    /// Another file to run, such as a copy of the binary. None: the binary itself.
    pub binary: Option<PathBuf>,
    /// The flags of each agent, besides where it lives and which master it belongs to.
    pub agents: Vec<Vec<String>>,
    /// Flags of the master, besides where it lives and listens.
    pub master: Vec<String>,
    /// What the agents have in their environment, besides what this process has.
    pub environment: Vec<(String, String)>,
    /// What the master has in its environment, besides.
    pub master_environment: Vec<(String, String)>,
    /// Whether each agent reaches the master through a proxy of its own.
    pub proxied: bool,
    /// The size of the disk that each agent's work directory has for itself; none: it shares that of the machine.
    pub disk_mib: Option<u32>,
}

/// A running cluster. Everything of it ends when this is dropped.
#[derive(Debug)]
pub struct Cluster {
    /// The agents, by the order of the plan.
    pub agents: Vec<Process>,
    /// The master.
    pub master: Process,
    /// The master's address.
    pub address: String,
    /// The agents' links to the master, by the order of the plan, if they are proxied.
    pub links: Vec<Proxy>,
    /// What is left of them in the end.
    remains: Remains,
    /// The agents' disks, by the order of the plan, if they have their own. They go before the directory does.
    pub disks: Vec<Disk>,
    /// Where everything lives.
    pub directory: TempDir,
    plan: Plan,
    binary: PathBuf,
}

impl Plan {
    /// So many agents, each with these resources.
    #[must_use]
    pub fn agents(count: usize, resources: &str) -> Self {
        let flags = vec!["--resources".to_owned(), resources.to_owned()];
        Self {
            profile: Profile::Dev,
            binary: None,
            agents: vec![flags; count],
            master: Vec::new(),
            environment: Vec::new(),
            master_environment: Vec::new(),
            proxied: false,
            disk_mib: None,
        }
    }

    /// Starts it and waits until every agent is registered.
    ///
    /// # Errors
    /// What keeps it from starting.
    pub async fn start(self) -> Result<Cluster> {
        let binary = self.binary.clone().map_or_else(|| proffer(self.profile), Ok)?;
        let directory = tempfile::Builder::new().prefix("proffer-e2e-").tempdir().context("make a directory")?;
        let address = format!("127.0.0.1:{}", free_port()?);
        let master = start_master(&binary, &directory, &address, &self)?;
        let remains = Remains(directory.path().to_owned());
        let mut links = Vec::new();
        for _ in self.agents.iter().filter(|_| self.proxied) {
            links.push(Proxy::start(&address).await?);
        }
        let (agents, disks) = (Vec::new(), Vec::new());
        let mut cluster = Cluster { agents, master, address, links, remains, disks, directory, plan: self, binary };
        for index in 0..cluster.plan.agents.len() {
            if let Some(mib) = cluster.plan.disk_mib {
                cluster.disks.push(Disk::mount(&cluster.agent_directory(index), mib)?);
            }
            let agent = cluster.start_agent(index)?;
            cluster.agents.push(agent);
        }
        cluster.connected().await?;
        Ok(cluster)
    }
}

impl Running for Cluster {
    fn home(&self) -> &Path {
        self.directory.path()
    }

    fn agent_count(&self) -> usize {
        self.agents.len()
    }

    async fn leader_address(&self) -> Result<String> {
        Ok(self.address.clone())
    }
}

impl Cluster {
    /// The binary that it runs.
    #[must_use]
    pub fn binary(&self) -> &Path {
        &self.binary
    }

    /// The flags with which the agent of this number is started the next time.
    pub fn agent_flags(&mut self, index: usize) -> &mut Vec<String> {
        &mut self.plan.agents[index]
    }

    /// Ends its processes and keeps its directory.
    #[must_use]
    pub fn end(self) -> TempDir {
        let Self { agents, master, remains, directory, .. } = self;
        drop((agents, master));
        drop(remains);
        directory
    }

    /// Where the agent of this number keeps its work.
    #[must_use]
    pub fn agent_directory(&self, index: usize) -> PathBuf {
        self.directory.path().join(format!("agent{index}"))
    }

    /// The files of a framework's task on the agent of this number.
    #[must_use]
    pub fn sandbox(&self, index: usize, framework: &str, task: &str) -> PathBuf {
        self.agent_directory(index).join("sandboxes").join(framework).join(task)
    }

    /// Kills the master and starts it again where it was.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn restart_master(&mut self) -> Result<()> {
        self.master.signal(nix::sys::signal::Signal::SIGKILL)?;
        self.master.ended().await?;
        self.master = start_master(&self.binary, &self.directory, &self.address, &self.plan)?;
        Ok(())
    }

    /// Kills an agent's process and starts it again where it was.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn restart_agent(&mut self, index: usize) -> Result<()> {
        self.kill_agent(index).await?;
        self.agents[index] = self.start_agent(index)?;
        Ok(())
    }

    /// Kills an agent's process. Its executors and tasks run on.
    ///
    /// # Errors
    /// If it does not end.
    pub async fn kill_agent(&mut self, index: usize) -> Result<()> {
        self.agents[index].signal(nix::sys::signal::Signal::SIGKILL)?;
        self.agents[index].ended().await?;
        Ok(())
    }

    /// Starts the agent of this number.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start_agent(&self, index: usize) -> Result<Process> {
        let master = self.links.get(index).map_or_else(|| self.address.clone(), Proxy::address);
        let mut arguments: Vec<String> =
            ["agent", "--master", &master, "--listen", "127.0.0.1:0", "--stop-tasks", "--dir"]
                .map(str::to_owned)
                .into();
        arguments.push(self.agent_directory(index).display().to_string());
        arguments.extend(self.plan.agents[index].iter().cloned());
        let (name, directory) = (format!("agent{index}"), self.directory.path());
        Process::start_with(&name, directory, &self.binary, &arguments, &self.plan.environment)
    }
}

fn start_master(binary: &Path, directory: &TempDir, address: &str, plan: &Plan) -> Result<Process> {
    let home = directory.path().join("master").display().to_string();
    let mut arguments: Vec<String> = ["master", "--listen", address, "--dir", &home].map(str::to_owned).into();
    arguments.extend(plan.master.iter().cloned());
    Process::start_with("master", directory.path(), binary, &arguments, &plan.master_environment)
}

/// A port that nobody listens on now.
///
/// # Errors
/// If there is none.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("find a free port")?;
    Ok(listener.local_addr().context("read a port")?.port())
}
