//! Several masters, of which a real ZooKeeper elects one, and agents.

use crate::{
    binary::{Profile, proffer},
    cluster::free_port,
    process::Process,
    proxy::Proxy,
    relatives::Remains,
    running::Running,
    wait::until,
    zookeeper::Ensemble,
};
use anyhow::{Context, Result};
use nix::sys::signal::Signal;
use serde_json::Value;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Its path in ZooKeeper.
const PATH: &str = "/proffer";

/// A cluster with several masters. Everything of it ends when this is dropped.
#[derive(Debug)]
pub struct Elected {
    agents: Vec<Process>,
    masters: Vec<Master>,
    /// What is left of them in the end.
    _remains: Remains,
    /// Its ZooKeeper.
    pub ensemble: Ensemble,
    /// Where everything else lives.
    pub directory: TempDir,
    binary: PathBuf,
}

/// A master, running or not.
#[derive(Debug)]
struct Master {
    /// Where it listens.
    address: String,
    process: Option<Process>,
    links: Option<Links>,
}

/// The links of a master.
#[derive(Debug)]
pub struct Links {
    /// On which agents, schedulers and tools reach it.
    pub front: Proxy,
    /// On which it reaches each server of ZooKeeper.
    pub zookeeper: Vec<Proxy>,
}

impl Links {
    async fn start(address: &str, ensemble: &Ensemble) -> Result<Self> {
        let front = Proxy::start(address).await?;
        let mut zookeeper = Vec::new();
        for host in ensemble.hosts() {
            zookeeper.push(Proxy::start(&host).await?);
        }
        Ok(Self { front, zookeeper })
    }
}

impl Running for Elected {
    fn home(&self) -> &Path {
        self.directory.path()
    }

    fn agent_count(&self) -> usize {
        self.agents.len()
    }

    async fn leader_address(&self) -> Result<String> {
        Ok(self.reached_at(self.leader(&[]).await?))
    }
}

/// Sandboxes are kept although the machine's disk may be as good as full.
const KEEPS: [&str; 2] = ["--gc-disk-headroom", "0"];

impl Elected {
    /// Starts so many masters and agents, with sessions that expire quickly, and waits until one leads them all.
    ///
    /// # Errors
    /// What keeps it from starting.
    pub async fn start(masters: usize, agents: usize) -> Result<Self> {
        Self::start_with(masters, agents, false).await
    }

    /// Starts such a cluster, with a proxy on each link to and from a master.
    ///
    /// # Errors
    /// What keeps it from starting.
    pub async fn start_proxied(masters: usize, agents: usize) -> Result<Self> {
        Self::start_with(masters, agents, true).await
    }

    async fn start_with(masters: usize, agents: usize, proxied: bool) -> Result<Self> {
        // Whoever asks over HTTP needs one; that there is one already is no harm.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let binary = proffer(Profile::Dev)?;
        let ensemble = Ensemble::start(3).await?;
        let directory = tempfile::Builder::new().prefix("proffer-e2e-").tempdir().context("make a directory")?;
        let remains = Remains(directory.path().to_owned());
        let mut cluster =
            Self { agents: Vec::new(), masters: Vec::new(), _remains: remains, ensemble, directory, binary };
        for index in 0..masters {
            let address = format!("127.0.0.1:{}", free_port()?);
            let links = if proxied { Some(Links::start(&address, &cluster.ensemble).await?) } else { None };
            cluster.masters.push(Master { address, process: None, links });
            cluster.start_master(index)?;
        }
        for index in 0..agents {
            let agent = cluster.start_agent(index, &cluster.address())?;
            cluster.agents.push(agent);
        }
        cluster.connected().await?;
        Ok(cluster)
    }

    /// The address for agents and clients.
    #[must_use]
    pub fn address(&self) -> String {
        self.ensemble.address(PATH)
    }

    /// The binary that it runs.
    #[must_use]
    pub fn binary(&self) -> &Path {
        &self.binary
    }

    /// A master's address.
    #[must_use]
    pub fn master(&self, index: usize) -> &str {
        &self.masters[index].address
    }

    /// Where agents and clients reach a master.
    #[must_use]
    pub fn reached_at(&self, index: usize) -> String {
        let master = &self.masters[index];
        master.links.as_ref().map_or_else(|| master.address.clone(), |links| links.front.address())
    }

    /// The links of a master.
    ///
    /// # Errors
    /// If the cluster was started without proxies.
    pub fn links(&self, index: usize) -> Result<&Links> {
        self.masters[index].links.as_ref().context("the cluster has no proxies")
    }

    /// Starts a master that does not run.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start_master(&mut self, index: usize) -> Result<()> {
        let master = &self.masters[index];
        let zk = match &master.links {
            Some(links) => {
                let hosts: Vec<String> = links.zookeeper.iter().map(Proxy::address).collect();
                format!("zk://{}{PATH}", hosts.join(","))
            }
            None => self.address(),
        };
        let advertise = self.reached_at(index);
        let own = ["master", "--listen", &master.address, "--advertise", &advertise, "--zk", &zk];
        // Whatever is amiss is noticed quickly.
        let short = ["--zk-session-timeout", "3s", "--ping-interval", "300ms", "--ping-misses", "5"];
        let arguments: Vec<String> = own.into_iter().chain(short).map(str::to_owned).collect();
        let process = Process::start(&format!("master{index}"), self.directory.path(), &self.binary, &arguments)?;
        self.masters[index].process = Some(process);
        Ok(())
    }

    /// Sends a master a signal.
    ///
    /// # Errors
    /// If it does not run.
    pub fn signal_master(&self, index: usize, signal: Signal) -> Result<()> {
        self.masters[index].process.as_ref().context("the master does not run")?.signal(signal)
    }

    /// Has a master stand still until it gets SIGCONT.
    ///
    /// # Errors
    /// If it does not run.
    pub async fn stop_master(&self, index: usize) -> Result<()> {
        self.masters[index].process.as_ref().context("the master does not run")?.stop().await
    }

    /// Sends a master a signal that ends it, and waits for its end.
    ///
    /// # Errors
    /// If it does not run or does not end.
    pub async fn end_master(&mut self, index: usize, signal: Signal) -> Result<()> {
        let mut process = self.masters[index].process.take().context("the master does not run")?;
        process.signal(signal)?;
        process.ended().await?;
        Ok(())
    }

    /// What a master says that leads; none: it does not lead, or does not answer.
    pub async fn told(&self, index: usize, path: &str) -> Option<Value> {
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().ok()?;
        let asked = client.get(format!("http://{}{path}", self.master(index))).send();
        let answer = tokio::time::timeout(std::time::Duration::from_secs(2), asked).await.ok()?.ok()?;
        if !answer.status().is_success() {
            return None;
        }
        serde_json::from_slice(&answer.bytes().await.ok()?).ok()
    }

    /// Waits until one of the masters leads besides those that are left out.
    ///
    /// # Errors
    /// If none does in time.
    pub async fn leader(&self, but: &[usize]) -> Result<usize> {
        until("a master leads", || async {
            for index in (0..self.masters.len()).filter(|index| !but.contains(index)) {
                if self.told(index, "/api/v1/cluster").await.is_some() {
                    return Some(index);
                }
            }
            None
        })
        .await
    }

    /// Kills an agent's process. Its executors and tasks run on.
    ///
    /// # Errors
    /// If it does not end.
    pub async fn kill_agent(&mut self, index: usize) -> Result<()> {
        self.agents[index].signal(Signal::SIGKILL)?;
        self.agents[index].ended().await?;
        Ok(())
    }

    /// Starts an agent that was killed, as one of the cluster that has this address.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn restart_agent(&mut self, index: usize, address: &str) -> Result<()> {
        self.agents[index] = self.start_agent(index, address)?;
        Ok(())
    }

    /// An agent's process.
    #[must_use]
    pub fn agent(&self, index: usize) -> &Process {
        &self.agents[index]
    }

    fn start_agent(&self, index: usize, master: &str) -> Result<Process> {
        let home = self.directory.path().join(format!("agent{index}")).display().to_string();
        let arguments = ["agent", "--master", master, "--listen", "127.0.0.1:0", "--stop-tasks", "--dir", &home];
        let arguments: Vec<String> =
            arguments.into_iter().chain(["--resources", "cpus:4;mem:4096"]).chain(KEEPS).map(str::to_owned).collect();
        Process::start(&format!("agent{index}"), self.directory.path(), &self.binary, &arguments)
    }
}

impl Drop for Elected {
    fn drop(&mut self) {
        for process in self.masters.iter().filter_map(|master| master.process.as_ref()) {
            // One that is stopped would not hear that it is to end.
            let _ = process.signal(Signal::SIGCONT);
        }
    }
}
