//! What the masters of a benchmark keep their registry in: a directory, or a real ZooKeeper.

use crate::figures::Figures;
use anyhow::{Context, Result};
use e2e::{
    binary::{Profile, proffer},
    cluster::{Plan, free_port},
    process::Process,
    zookeeper::Ensemble,
};
use nix::sys::signal::Signal;
use std::path::PathBuf;
use tempfile::TempDir;

/// Where registries are.
#[derive(Debug)]
pub(crate) struct Ground {
    ensemble: Option<Ensemble>,
    paths: usize,
}

impl Ground {
    /// A directory of each cluster's own, or a ZooKeeper server for all.
    ///
    /// # Errors
    /// If ZooKeeper does not start.
    pub(crate) async fn prepare(zookeeper: bool) -> Result<Self> {
        let ensemble = if zookeeper { Some(Ensemble::start(1).await?) } else { None };
        Ok(Self { ensemble, paths: 0 })
    }

    /// Where figures go that were measured there.
    pub(crate) fn figures(&self, figures: &Figures) -> Figures {
        figures.with_suffix(if self.ensemble.is_some() { "_zk" } else { "" })
    }

    /// A new cluster there, of release builds, with so many agents with these resources.
    pub(crate) fn plan(&mut self, agents: usize, resources: &str) -> Plan {
        let mut plan = Plan { profile: Profile::Release, ..Plan::agents(agents, resources) };
        if let Some(ensemble) = &self.ensemble {
            self.paths += 1;
            plan.master = vec!["--zk".to_owned(), ensemble.address(&format!("/bench{}", self.paths))];
        }
        plan
    }
}

/// Masters that a real ZooKeeper elects. They end when this is dropped.
#[derive(Debug)]
pub(crate) struct Masters {
    running: Vec<(String, Process)>,
    /// The address for agents and clients.
    pub(crate) address: String,
    flags: Vec<String>,
    binary: PathBuf,
    started: usize,
    directory: TempDir,
    _ensemble: Ensemble,
}

impl Masters {
    /// Starts so many with these flags besides.
    ///
    /// # Errors
    /// If they do not start.
    pub(crate) async fn start(count: usize, flags: &[&str]) -> Result<Self> {
        let ensemble = Ensemble::start(1).await?;
        let mut masters = Self {
            running: Vec::new(),
            address: ensemble.address("/proffer"),
            flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
            binary: proffer(Profile::Release)?,
            started: 0,
            directory: tempfile::Builder::new().prefix("proffer-bench-").tempdir().context("make a directory")?,
            _ensemble: ensemble,
        };
        for _ in 0..count {
            masters.start_one()?;
        }
        Ok(masters)
    }

    /// Starts another one.
    ///
    /// # Errors
    /// If it does not start.
    pub(crate) fn start_one(&mut self) -> Result<()> {
        let listen = format!("127.0.0.1:{}", free_port()?);
        let mut arguments = ["master", "--listen", &listen, "--zk", &self.address].map(str::to_owned).to_vec();
        arguments.extend(self.flags.iter().cloned());
        self.started += 1;
        let name = format!("master{}", self.started);
        self.running.push((listen, Process::start(&name, self.directory.path(), &self.binary, &arguments)?));
        Ok(())
    }

    /// Starts a program beside them, which ends when the returned value is dropped.
    ///
    /// # Errors
    /// If it cannot be started.
    pub(crate) fn start_beside(&self, name: &str, program: &std::path::Path, arguments: &[String]) -> Result<Process> {
        Process::start(name, self.directory.path(), program, arguments)
    }

    /// Ends the master at this address with a signal.
    ///
    /// # Errors
    /// If there is none, or it does not end.
    pub(crate) async fn end(&mut self, address: &str, signal: Signal) -> Result<()> {
        let position = self.running.iter().position(|(listen, _)| listen == address);
        let (_, mut process) = self.running.remove(position.context("the leader is none of the masters")?);
        process.signal(signal)?;
        process.ended().await?;
        Ok(())
    }

    /// The binary that they run.
    pub(crate) fn binary(&self) -> &std::path::Path {
        &self.binary
    }

    /// Where everything of them is kept.
    pub(crate) fn directory(&self) -> &std::path::Path {
        self.directory.path()
    }
}
