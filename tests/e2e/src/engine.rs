//! A Docker engine of a test's own, to be killed and hung.

use crate::{process::Process, relatives, wait::until};
use anyhow::{Context, Result};
use bollard::{API_DEFAULT_VERSION, Docker};
use nix::sys::signal::Signal;
use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// Seconds that a client waits for the engine's answer.
const CLIENT_TIMEOUT: u64 = 60;

/// A running engine, without a network of its own. It ends, with its containers, when this is dropped.
#[derive(Debug)]
pub struct Engine {
    process: Process,
    directory: PathBuf,
    keeps_containers: bool,
}

impl Engine {
    /// Starts an engine that keeps everything below this directory, and waits until it answers. Containers may outlive its
    /// process, as an operator may choose.
    ///
    /// # Errors
    /// If it does not start, such as without root or `dockerd`.
    pub async fn start(directory: &Path, keeps_containers: bool) -> Result<Self> {
        std::fs::create_dir_all(directory).context("make a directory for an engine")?;
        // Settings of the machine's own engine are not for this one.
        std::fs::write(directory.join("config.json"), "{}").context("write the engine's settings")?;
        let process = start(directory, keeps_containers)?;
        let engine = Self { process, directory: directory.to_owned(), keeps_containers };
        engine.answers().await?;
        Ok(engine)
    }

    /// Its socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.directory.join("docker.sock")
    }

    /// A client of it.
    ///
    /// # Errors
    /// If the socket cannot be used.
    pub fn client(&self) -> Result<Docker> {
        let socket = self.socket().display().to_string();
        Docker::connect_with_unix(&socket, CLIENT_TIMEOUT, API_DEFAULT_VERSION).context("connect to an engine")
    }

    async fn answers(&self) -> Result<()> {
        until("the engine answers", || async { self.client().ok()?.ping().await.ok() }).await.map(|_| ())
    }

    /// Sends its process a signal.
    ///
    /// # Errors
    /// If it is gone.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        self.process.signal(signal)
    }

    /// Ends it by this signal and starts it again.
    ///
    /// # Errors
    /// If it does not end, or not start.
    pub async fn restart(&mut self, signal: Signal) -> Result<()> {
        self.process.signal(signal)?;
        self.process.ended().await?;
        // A killed engine leaves it behind, and a new one may take another process for the old one.
        let _ = std::fs::remove_file(self.directory.join("pid"));
        self.process = start(&self.directory, self.keeps_containers)?;
        self.answers().await
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = self.process.signal(Signal::SIGCONT);
        let host = format!("unix://{}", self.socket().display());
        let docker = |arguments: &[&str]| Command::new("docker").args(["-H", &host]).args(arguments).output();
        if let Ok(listed) = docker(&["ps", "--all", "--quiet"]) {
            for id in String::from_utf8_lossy(&listed.stdout).split_whitespace() {
                let _ = docker(&["rm", "--force", "--volumes", id]);
            }
        }
        relatives::kill_all_told(&self.directory);
    }
}

fn start(directory: &Path, keeps_containers: bool) -> Result<Process> {
    let path = |name: &str| directory.join(name).display().to_string();
    // What it mounts, and its network, are seen by itself and its containers alone, and gone with them. An engine that
    // is to have no bridge removes the one that it finds, which is that of the machine's own engine.
    let mut arguments: Vec<String> = [
        "--net",
        "--mount",
        "--propagation",
        "private",
        "dockerd",
        "--config-file",
        &path("config.json"),
        "--data-root",
        &path("data"),
        "--exec-root",
        &path("exec"),
        "--pidfile",
        &path("pid"),
        "--host",
        &format!("unix://{}", path("docker.sock")),
        "--storage-driver",
        "vfs",
        "--bridge=none",
        "--iptables=false",
        "--ip6tables=false",
    ]
    .map(str::to_owned)
    .into();
    arguments.extend(keeps_containers.then(|| "--live-restore".to_owned()));
    Process::start("dockerd", directory, Path::new("unshare"), &arguments)
}
