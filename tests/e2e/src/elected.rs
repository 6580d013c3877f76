//! Several masters, of which a real ZooKeeper elects one, and agents.

use crate::{
    binary::{Profile, proffer},
    cluster::free_port,
    process::Process,
    relatives::Remains,
    wait::until,
    zookeeper::Ensemble,
};
use anyhow::{Context, Result};
use nix::sys::signal::Signal;
use serde_json::Value;
use std::path::PathBuf;
use tempfile::TempDir;

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

#[derive(Debug)]
struct Master {
    address: String,
    process: Option<Process>,
}

impl Elected {
    /// Starts so many masters and agents, with sessions that expire quickly, and waits until one leads them all.
    ///
    /// # Errors
    /// What keeps it from starting.
    pub async fn start(masters: usize, agents: usize) -> Result<Self> {
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
            cluster.masters.push(Master { address, process: None });
            cluster.start_master(index)?;
        }
        for index in 0..agents {
            let agent = cluster.start_agent(index)?;
            cluster.agents.push(agent);
        }
        cluster.registered(agents).await?;
        Ok(cluster)
    }

    /// The address for agents and clients.
    #[must_use]
    pub fn address(&self) -> String {
        self.ensemble.address("/proffer")
    }

    /// The binary that it runs.
    #[must_use]
    pub fn binary(&self) -> &std::path::Path {
        &self.binary
    }

    /// A master's address.
    #[must_use]
    pub fn master(&self, index: usize) -> &str {
        &self.masters[index].address
    }

    /// Starts a master that does not run.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start_master(&mut self, index: usize) -> Result<()> {
        let (zk, address) = (self.address(), self.masters[index].address.clone());
        let arguments = ["master", "--listen", &address, "--zk", &zk, "--zk-session-timeout", "3s"];
        let arguments = arguments.map(str::to_owned);
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

    /// Waits until the leader has so many agents.
    ///
    /// # Errors
    /// If it has not in time.
    pub async fn registered(&self, count: usize) -> Result<usize> {
        until(&format!("{count} agents are registered"), || async {
            for index in 0..self.masters.len() {
                let Some(agents) = self.told(index, "/api/v1/agents").await else { continue };
                let connected = agents["agents"].as_array()?.iter().filter(|agent| agent["state"] == "CONNECTED");
                if connected.count() == count {
                    return Some(index);
                }
            }
            None
        })
        .await
    }

    fn start_agent(&self, index: usize) -> Result<Process> {
        let home = self.directory.path().join(format!("agent{index}")).display().to_string();
        let master = self.address();
        let arguments = ["agent", "--master", &master, "--listen", "127.0.0.1:0", "--stop-tasks", "--dir", &home];
        let arguments: Vec<String> =
            arguments.into_iter().chain(["--resources", "cpus:4;mem:4096"]).map(str::to_owned).collect();
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
