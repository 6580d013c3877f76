//! The options of `proffer agent`.

use agent_executor::isolation::Choice;
use clap::{Args, ValueEnum};
use coordination::Masters;
use std::{net::SocketAddr, path::PathBuf, time::Duration};

/// What isolates the processes of tasks from each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Isolation {
    /// Control groups where the agent may use them, else plain processes.
    #[default]
    Auto,
    /// Sessions and process groups only.
    Posix,
    /// Control groups; it is an error if the agent may not use them.
    Cgroups,
}

impl From<Isolation> for Choice {
    fn from(isolation: Isolation) -> Self {
        match isolation {
            Isolation::Auto => Self::Auto,
            Isolation::Posix => Self::Posix,
            Isolation::Cgroups => Self::Cgroups,
        }
    }
}

/// The options of an agent.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Masters, as host:port,host:port; any of them will do, the leader is found through it. Or the ZooKeeper that
    /// elects them: zk://[USER:PASSWORD@]HOST:PORT[,HOST:PORT ...]/PATH.
    #[arg(
        long = "master",
        value_name = "HOST:PORT",
        env = "PROFFER_MASTER",
        hide_env_values = true,
        default_value = "127.0.0.1:5050"
    )]
    pub masters: Masters,
    /// The work directory: the agent's id, its journal, sandboxes. One agent per directory.
    #[arg(long, value_name = "DIR", env = "PROFFER_AGENT_DIR", default_value = "/var/lib/proffer/agent")]
    pub dir: PathBuf,
    /// Resources such as `cpus:4;mem:8192;ports:[31000-32000];gpus(ml):2`. Those not named are detected.
    #[arg(long, value_name = "RESOURCES", env = "PROFFER_AGENT_RESOURCES")]
    pub resources: Option<String>,
    /// Attributes such as `rack:r1;zone:a`.
    #[arg(long, value_name = "ATTRIBUTES", env = "PROFFER_AGENT_ATTRIBUTES", default_value = "")]
    pub attributes: String,
    /// Where the agent's own HTTP (health, metrics, state) listens. Port 0: any free one.
    #[arg(long, value_name = "ADDRESS", env = "PROFFER_AGENT_LISTEN", default_value = "127.0.0.1:5051")]
    pub listen: SocketAddr,
    /// Listen on an address that other machines can reach, without anything to keep them out.
    #[arg(long)]
    pub insecure: bool,
    /// The name under which people know this machine. Default: its host name.
    #[arg(long, value_name = "NAME", env = "PROFFER_AGENT_HOSTNAME")]
    pub hostname: Option<String>,
    /// The region, for constraints.
    #[arg(long, value_name = "NAME")]
    pub region: Option<String>,
    /// The zone, for constraints.
    #[arg(long, value_name = "NAME")]
    pub zone: Option<String>,
    /// What isolates the processes of tasks.
    #[arg(long, value_enum, default_value_t)]
    pub isolation: Isolation,
    /// The Docker engine's socket.
    #[arg(long, value_name = "PATH", env = "PROFFER_DOCKER_SOCKET", default_value = "/var/run/docker.sock")]
    pub docker_socket: PathBuf,
    /// From the polite to the hard kill where a task says nothing.
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = humantime::parse_duration)]
    pub kill_grace: Duration,
    /// How long an executor may take to subscribe.
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = humantime::parse_duration)]
    pub executor_registration_timeout: Duration,
    /// How long executors of an earlier run may take to connect again.
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = humantime::parse_duration)]
    pub executor_reconnect_timeout: Duration,
    /// How long a built-in executor without tasks is kept.
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = humantime::parse_duration)]
    pub executor_idle_timeout: Duration,
    /// How long the sandbox of a task that is over is kept while there is room.
    #[arg(long, value_name = "DURATION", default_value = "7days", value_parser = humantime::parse_duration)]
    pub gc_delay: Duration,
    /// The part of the disk that is to stay free; the fuller it is, the shorter sandboxes are kept.
    #[arg(long, value_name = "PART", default_value_t = 0.1)]
    pub gc_disk_headroom: f64,
    /// How often the disk is looked at.
    #[arg(long, value_name = "DURATION", default_value = "1min", value_parser = humantime::parse_duration)]
    pub disk_watch_interval: Duration,
    /// When the agent is stopped, stop its tasks and executors too. Default: they run on.
    #[arg(long)]
    pub stop_tasks: bool,
    /// Join as a new agent where an operator marked this one as gone. Default: it ends its tasks, and then itself.
    #[arg(long)]
    pub join_anew: bool,
    /// The program and arguments of the built-in executor. Default: this program, `executor`.
    #[arg(long, hide = true, value_delimiter = ' ')]
    pub executor_program: Vec<String>,
    /// The rules that it breaks on purpose.
    #[cfg(feature = "sabotage")]
    #[arg(long, hide = true, value_delimiter = ',')]
    pub sabotage: Vec<agent_core::Switch>,
}
