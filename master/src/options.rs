//! What an operator may set.

use clap::Args;
use coordination::Address;
use std::{net::SocketAddr, path::PathBuf, time::Duration};

/// How a master runs.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Where it listens, for gRPC and HTTP. Port 0 takes a free one.
    #[arg(long, env = "PROFFER_MASTER_LISTEN", default_value = "127.0.0.1:5050", value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// Listen on addresses that others can reach although nothing keeps them out.
    #[arg(long)]
    pub insecure: bool,
    /// How others reach it, if that is not where it listens.
    #[arg(long, env = "PROFFER_MASTER_ADVERTISE", value_name = "HOST:PORT")]
    pub advertise: Option<String>,
    /// The ZooKeeper through which one of several masters is elected, and which keeps the registry:
    /// zk://[USER:PASSWORD@]HOST:PORT[,HOST:PORT ...]/PATH.
    #[arg(long, env = "PROFFER_ZK", hide_env_values = true, value_name = "ADDRESS")]
    pub zk: Option<Address>,
    /// After so much silence ZooKeeper gives the leadership to another master. The servers may bound it.
    #[arg(long, env = "PROFFER_ZK_SESSION_TIMEOUT", default_value = "10s", value_name = "TIME", value_parser = positive)]
    pub zk_session_timeout: Duration,
    /// Where it keeps its registry if no ZooKeeper does.
    #[arg(long, env = "PROFFER_MASTER_DIR", default_value = "proffer-master", value_name = "DIRECTORY")]
    pub dir: PathBuf,
    /// How long a framework may hold an offer.
    #[arg(long, env = "PROFFER_MASTER_OFFER_TIMEOUT", default_value = "30s", value_name = "TIME", value_parser = positive)]
    pub offer_timeout: Duration,
    /// Between pings of an agent.
    #[arg(long, env = "PROFFER_MASTER_PING_INTERVAL", default_value = "5s", value_name = "TIME", value_parser = positive)]
    pub ping_interval: Duration,
    /// So many unanswered pings and an agent is unreachable.
    #[arg(long, env = "PROFFER_MASTER_PING_MISSES", default_value_t = 6, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    pub ping_misses: u32,
    /// How long agents have to come back after the master was away.
    #[arg(long, env = "PROFFER_MASTER_REREGISTRATION_TIMEOUT", default_value = "10m", value_name = "TIME", value_parser = humantime::parse_duration)]
    pub reregistration_timeout: Duration,
    /// How long an agent may be unreachable before it is gone for good, and its tasks with it.
    #[arg(long, env = "PROFFER_MASTER_GONE_AFTER", default_value = "14days", value_name = "TIME", value_parser = positive)]
    pub gone_after: Duration,
    /// The least time between two rounds of allocation. 0: at once after quiet, paced by their cost.
    #[arg(long, env = "PROFFER_MASTER_ALLOCATION_INTERVAL", default_value = "0s", value_name = "TIME", value_parser = humantime::parse_duration)]
    pub allocation_interval: Duration,
    /// Between heartbeats of a scheduler's event stream.
    #[arg(long, env = "PROFFER_MASTER_HEARTBEAT_INTERVAL", default_value = "15s", value_name = "TIME", value_parser = positive)]
    pub heartbeat_interval: Duration,
    /// A TOML file with any of these settings, by their names here; flags and the environment win.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

impl Options {
    pub(crate) fn core(&self) -> master_core::Config {
        master_core::Config {
            offer_timeout: self.offer_timeout,
            ping_interval: self.ping_interval,
            ping_misses: self.ping_misses,
            reregistration_timeout: self.reregistration_timeout,
            gone_after: self.gone_after,
            heartbeat_interval: self.heartbeat_interval,
            ..master_core::Config::default()
        }
    }
}

/// The shortest time between things that are done again and again: the core looks at its timers no more often.
const TIME_MIN: Duration = master_core::config::TICK;

fn positive(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if time < TIME_MIN {
        return Err(format!("must be at least {}", humantime::format_duration(TIME_MIN)));
    }
    Ok(time)
}
