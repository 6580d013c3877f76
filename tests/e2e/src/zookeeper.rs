//! A real ensemble of ZooKeeper servers.

use crate::{cluster::free_port, process::Process, wait::until};
use anyhow::{Context, Result, ensure};
use nix::sys::signal::Signal;
use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Where Debian's package has it.
const JAR: &str = "/usr/share/java/zookeeper.jar";

/// The unit of its clocks: short, so that short sessions are allowed.
const TICK_MS: u32 = 500;

/// An ensemble. It ends when this is dropped.
#[derive(Debug)]
pub struct Ensemble {
    servers: Vec<Server>,
    directory: TempDir,
}

/// A server, running or not.
#[derive(Debug)]
struct Server {
    port: u16,
    home: PathBuf,
    process: Option<Process>,
}

impl Ensemble {
    /// Starts so many servers and waits until they serve.
    ///
    /// # Errors
    /// If they do not start.
    pub async fn start(count: usize) -> Result<Self> {
        ensure!(Path::new(JAR).exists(), "ZooKeeper is not installed: {JAR} is missing");
        let directory = tempfile::Builder::new().prefix("proffer-zookeeper-").tempdir().context("make a directory")?;
        let mut ports = Vec::new();
        for _ in 0..count {
            ports.push([free_port()?, free_port()?, free_port()?]);
        }
        let mut peers = String::new();
        if count > 1 {
            for (number, [_, follow, elect]) in (1..).zip(&ports) {
                writeln!(peers, "server.{number}=127.0.0.1:{follow}:{elect}")?;
            }
        }
        let mut servers = Vec::new();
        for (number, [port, ..]) in (1..).zip(&ports) {
            let home = directory.path().join(format!("server{number}"));
            fs::create_dir_all(&home).context("make a server's directory")?;
            fs::write(home.join("myid"), format!("{number}\n")).context("write myid")?;
            let settings = format!(
                "tickTime={TICK_MS}\ninitLimit=40\nsyncLimit=20\ndataDir={}\nclientPort={port}\n\
                 clientPortAddress=127.0.0.1\nmaxClientCnxns=0\nadmin.enableServer=false\n\
                 4lw.commands.whitelist=*\n{peers}",
                home.display()
            );
            fs::write(home.join("zoo.cfg"), settings).context("write zoo.cfg")?;
            servers.push(Server { port: *port, home, process: None });
        }
        let mut ensemble = Self { servers, directory };
        for index in 0..count {
            ensemble.start_server(index)?;
        }
        ensemble.serves().await?;
        Ok(ensemble)
    }

    /// The address of a path in it, for clients.
    #[must_use]
    pub fn address(&self, path: &str) -> String {
        format!("zk://{}{path}", self.hosts().join(","))
    }

    /// Its servers, `host:port`.
    #[must_use]
    pub fn hosts(&self) -> Vec<String> {
        self.servers.iter().map(|server| format!("127.0.0.1:{}", server.port)).collect()
    }

    /// Starts a server that does not run.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start_server(&mut self, index: usize) -> Result<()> {
        let server = &mut self.servers[index];
        let settings = server.home.join("zoo.cfg").display().to_string();
        // A small heap and a quick start: several of them run on small machines.
        let arguments =
            ["-Xmx96m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dzookeeper.fsync.warningthresholdms=9999"];
        let arguments: Vec<String> = arguments
            .into_iter()
            .chain(["-cp", JAR, "org.apache.zookeeper.server.quorum.QuorumPeerMain", &settings])
            .map(str::to_owned)
            .collect();
        server.process = Some(Process::start("zookeeper", &server.home, Path::new("java"), &arguments)?);
        Ok(())
    }

    /// Kills a server.
    ///
    /// # Errors
    /// If it does not run or does not end.
    pub async fn kill_server(&mut self, index: usize) -> Result<()> {
        let mut process = self.servers[index].process.take().context("the server does not run")?;
        process.signal(Signal::SIGKILL)?;
        process.ended().await?;
        Ok(())
    }

    /// Sends a server a signal: it is stopped, or goes on.
    ///
    /// # Errors
    /// If it does not run.
    pub fn signal(&self, index: usize, signal: Signal) -> Result<()> {
        self.servers[index].process.as_ref().context("the server does not run")?.signal(signal)
    }

    /// Which server leads the ensemble.
    pub async fn leader(&self) -> Option<usize> {
        for (index, server) in self.servers.iter().enumerate() {
            if mode(server.port).await.is_some_and(|mode| mode == "leader") {
                return Some(index);
            }
        }
        None
    }

    /// Waits until all servers that run serve.
    ///
    /// # Errors
    /// If they do not in time.
    pub async fn serves(&self) -> Result<()> {
        for server in self.servers.iter().filter(|server| server.process.is_some()) {
            until("ZooKeeper serves", || mode(server.port)).await?;
        }
        Ok(())
    }

    /// Forgets everything that was stored, as if the disks had been lost. All servers are started anew.
    ///
    /// # Errors
    /// If they do not start.
    pub async fn wipe(&mut self) -> Result<()> {
        for index in 0..self.servers.len() {
            self.kill_server(index).await?;
            fs::remove_dir_all(self.servers[index].home.join("version-2")).context("wipe")?;
        }
        for index in 0..self.servers.len() {
            self.start_server(index)?;
        }
        self.serves().await
    }

    /// Where it keeps everything.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }
}

impl Drop for Ensemble {
    fn drop(&mut self) {
        for process in self.servers.iter().filter_map(|server| server.process.as_ref()) {
            // One that is stopped would not hear that it is to end.
            let _ = process.signal(Signal::SIGKILL);
        }
    }
}

/// Whether a server leads, follows or stands alone; none while it does not serve.
async fn mode(port: u16) -> Option<String> {
    let asked = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
        stream.write_all(b"srvr").await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        answer.lines().find_map(|line| line.strip_prefix("Mode: ").map(str::to_owned))
    };
    tokio::time::timeout(Duration::from_secs(2), asked).await.ok()?
}
