//! A real ensemble of ZooKeeper on this machine, for a cluster with several masters.

use crate::usage;
use anyhow::{Context, Result};
use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

/// Servers: the fewest of which one may die.
const SERVERS: usize = 3;

/// Where packages put it: Debian's, then those of an unpacked release.
const JARS: [&str; 3] = ["/usr/share/java/zookeeper.jar", "/usr/share/zookeeper/lib/*", "/opt/zookeeper/lib/*"];

/// What starts a server.
const MAIN: &str = "org.apache.zookeeper.server.quorum.QuorumPeerMain";

/// Settings of an ensemble; its servers are started by their names.
#[derive(Debug)]
pub(super) struct Ensemble {
    jar: &'static str,
    servers: Vec<Server>,
}

#[derive(Debug)]
struct Server {
    port: u16,
    settings: PathBuf,
}

impl Ensemble {
    /// Writes the settings of servers on free ports, which keep their state in this directory.
    pub(super) fn prepare(directory: &Path) -> Result<Self> {
        let present = |jar: &&str| Path::new(jar.trim_end_matches("/*")).exists();
        let jar = JARS.into_iter().find(present).ok_or_else(|| {
            usage("--zk: ZooKeeper is not installed (on Debian: apt-get install zookeeper); or name one, --zk zk://HOST:PORT/PATH")
        })?;
        if std::process::Command::new("java").arg("-version").output().is_err() {
            return Err(usage("--zk: ZooKeeper needs java, which is not in the PATH"));
        }
        let mut ports = Vec::new();
        for _ in 0..SERVERS {
            ports.push([super::cluster::free_port()?, super::cluster::free_port()?, super::cluster::free_port()?]);
        }
        let mut peers = String::new();
        for (number, [_, follow, elect]) in (1..).zip(&ports) {
            writeln!(peers, "server.{number}=127.0.0.1:{follow}:{elect}")?;
        }
        let mut servers = Vec::new();
        for (number, [port, ..]) in (1..).zip(&ports) {
            let home = directory.join(name(number - 1));
            fs::create_dir_all(&home).with_context(|| home.display().to_string())?;
            fs::write(home.join("myid"), format!("{number}\n")).context("myid")?;
            let settings = home.join("zoo.cfg");
            let text = format!(
                "tickTime=2000\ninitLimit=10\nsyncLimit=5\ndataDir={}\nclientPort={port}\nclientPortAddress=127.0.0.1\n\
                 admin.enableServer=false\nmaxClientCnxns=0\nautopurge.purgeInterval=1\n{peers}",
                home.display()
            );
            fs::write(&settings, text).context("zoo.cfg")?;
            servers.push(Server { port: *port, settings });
        }
        Ok(Self { jar, servers })
    }

    /// The servers' names.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        (0..self.servers.len()).map(name)
    }

    /// The program and the arguments that start a server.
    pub(super) fn command(&self, wanted: &str) -> Option<(PathBuf, Vec<String>)> {
        let server = self.names().position(|name| name == wanted).map(|index| &self.servers[index])?;
        let settings = server.settings.display().to_string();
        let arguments = ["-Xmx256m", "-XX:+UseSerialGC", "-cp", self.jar, MAIN, &settings].map(str::to_owned);
        Some((PathBuf::from("java"), arguments.into()))
    }

    /// The address of the cluster in it.
    pub(super) fn address(&self) -> String {
        let servers: Vec<String> = self.servers.iter().map(|server| format!("127.0.0.1:{}", server.port)).collect();
        format!("zk://{}/proffer", servers.join(","))
    }
}

fn name(index: usize) -> String {
    format!("zookeeper{}", index + 1)
}

/// Whether a process of the cluster is a server of an ensemble.
pub(super) fn is_server(name: &str) -> bool {
    name.starts_with("zookeeper")
}
