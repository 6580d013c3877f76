//! What an operator may set.

use crate::{api::Shown, secrets};
use clap::{Args, ValueEnum};
use coordination::Address;
use marathon_lite_core::{
    launch::Settings,
    scheduler::{Config, SecretStore},
    support::Support,
};
use proffer_framework::MasterAddress;
use serde_json::{Value, json};
use std::{net::SocketAddr, path::PathBuf, time::Duration};

/// How marathon-lite runs.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Where it listens. Port 0 takes a free one.
    #[arg(long, env = "PROFFER_MARATHON_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// Listen on addresses that others can reach although nothing keeps them out.
    #[arg(long)]
    pub insecure: bool,
    /// How others reach it, if that is not where it listens.
    #[arg(long, env = "PROFFER_MARATHON_ADVERTISE", value_name = "HOST:PORT")]
    pub advertise: Option<String>,
    /// A master, or several separated by commas; any will do, the leader is found through it. Or the ZooKeeper that
    /// elects them: zk://[USER:PASSWORD@]HOST:PORT[,HOST:PORT ...]/PATH.
    #[arg(
        long,
        env = "PROFFER_MASTER",
        hide_env_values = true,
        default_value = "127.0.0.1:5050",
        value_name = "HOST:PORT"
    )]
    pub master: String,
    /// The ZooKeeper through which one of several instances is elected, and which keeps the apps; the path is
    /// marathon-lite's own: zk://[USER:PASSWORD@]HOST:PORT[,HOST:PORT ...]/PATH.
    #[arg(long, env = "PROFFER_MARATHON_ZK", hide_env_values = true, value_name = "ADDRESS")]
    pub zk: Option<Address>,
    /// After so much silence ZooKeeper gives the leadership to another instance. The servers may bound it.
    #[arg(long, env = "PROFFER_MARATHON_ZK_SESSION_TIMEOUT", default_value = "10s", value_name = "TIME", value_parser = positive)]
    pub zk_session_timeout: Duration,
    /// Where it keeps the apps if no ZooKeeper does.
    #[arg(long, env = "PROFFER_MARATHON_DIR", default_value = "proffer-marathon", value_name = "DIRECTORY")]
    pub dir: PathBuf,
    /// The framework's name.
    #[arg(long, env = "PROFFER_MARATHON_FRAMEWORK_NAME", default_value = "marathon", value_name = "NAME")]
    pub framework_name: String,
    /// The role whose resources apps use that name none.
    #[arg(long, env = "PROFFER_MARATHON_ROLE", default_value = "*", value_name = "ROLE")]
    pub role: String,
    /// As whom apps run that name nobody. Default: as the agent.
    #[arg(long, env = "PROFFER_MARATHON_USER", value_name = "USER")]
    pub user: Option<String>,
    /// How long apps run on while no instance of marathon-lite is there.
    #[arg(long, env = "PROFFER_MARATHON_FAILOVER_TIMEOUT", default_value = "7days", value_name = "TIME", value_parser = humantime::parse_duration)]
    pub failover_timeout: Duration,
    /// The first port that is given out as a service port.
    #[arg(long, env = "PROFFER_MARATHON_LOCAL_PORT_MIN", default_value_t = 10_000, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub local_port_min: u16,
    /// The last port that is given out as a service port.
    #[arg(long, env = "PROFFER_MARATHON_LOCAL_PORT_MAX", default_value_t = 20_000, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub local_port_max: u16,
    /// The network of apps in container networks that name none.
    #[arg(long, env = "PROFFER_MARATHON_DEFAULT_NETWORK_NAME", value_name = "NAME")]
    pub default_network_name: Option<String>,
    /// What stands before the names of the variables that tell apps their ports.
    #[arg(long, env = "PROFFER_MARATHON_ENV_VARS_PREFIX", value_name = "PREFIX")]
    pub env_vars_prefix: Option<String>,
    /// Deployments that may be under way at once.
    #[arg(long, env = "PROFFER_MARATHON_MAX_RUNNING_DEPLOYMENTS", default_value_t = 100, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_running_deployments: u32,
    /// Whether events are posted to the addresses of /v2/eventSubscriptions.
    #[arg(long, env = "PROFFER_MARATHON_EVENT_SUBSCRIBER", default_value = "http_callback", value_name = "KIND")]
    pub event_subscriber: EventSubscriber,
    /// Events that are kept for those who read slowly or come back; whoever falls behind them is disconnected.
    #[arg(long, env = "PROFFER_MARATHON_EVENTS_KEPT", default_value_t = 10_000, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    pub events_kept: u32,
    /// The largest body of a request, in bytes.
    #[arg(long, env = "PROFFER_MARATHON_BODY_BYTES_MAX", default_value_t = 16 << 20, value_name = "BYTES")]
    pub body_bytes_max: usize,
    /// How long a request may wait for the store before it is answered with 503.
    #[arg(long, env = "PROFFER_MARATHON_REQUEST_TIMEOUT", default_value = "10s", value_name = "TIME", value_parser = positive)]
    pub request_timeout: Duration,
    /// The sites whose pages may ask from a browser, separated by commas; * for all.
    #[arg(long, env = "PROFFER_MARATHON_ACCESS_CONTROL_ALLOW_ORIGIN", value_name = "ORIGIN", value_delimiter = ',')]
    pub access_control_allow_origin: Vec<String>,
    /// A TOML file with any of these settings, by their names here; flags and the environment win.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Who is told of events besides those who read the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EventSubscriber {
    /// Addresses that subscribed.
    #[value(name = "http_callback")]
    HttpCallback,
    /// Nobody.
    None,
}

impl Options {
    pub(crate) fn core(&self) -> Config {
        let support = Support {
            role: self.role.clone(),
            default_network_name: self.default_network_name.clone(),
            local_port_min: self.local_port_min,
            local_port_max: self.local_port_max.max(self.local_port_min),
            ..Support::default()
        };
        let launch = Settings {
            role: self.role.clone(),
            environment_prefix: self.env_vars_prefix.clone().unwrap_or_default(),
            ..Settings::default()
        };
        let deployments_max = self.max_running_deployments as usize;
        let secrets = SecretStore::new(secrets::look_up);
        Config { support, launch, deployments_max, master: self.masters(), secrets, ..Config::default() }
    }

    /// Where the masters are, for people.
    fn masters(&self) -> String {
        let masters = MasterAddress::list(&self.master).unwrap_or_default();
        masters.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
    }

    pub(crate) fn shown(&self, bound: SocketAddr, address: &str) -> Shown {
        Shown {
            framework_name: self.framework_name.clone(),
            role: self.role.clone(),
            http_port: bound.port(),
            marathon_config: self.marathon_config(address),
            zookeeper_config: self.zookeeper_config(),
            callbacks: self.event_subscriber == EventSubscriber::HttpCallback,
            body_bytes_max: self.body_bytes_max,
            allowed_origins: self.access_control_allow_origin.clone(),
        }
    }

    /// What `/v2/info` says of the settings; clients know exactly these names.
    fn marathon_config(&self, address: &str) -> Value {
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        let mut config = json!({
            "checkpoint": true,
            "executor": "//cmd",
            "failover_timeout": self.failover_timeout.as_secs(),
            "features": ["gpu_resources", "secrets"],
            "framework_name": self.framework_name,
            "ha": self.zk.is_some(),
            "hostname": host,
            "local_port_min": self.local_port_min,
            "local_port_max": self.local_port_max,
            "master": self.masters(),
            "mesos_role": self.role,
            "task_lost_expunge_initial_delay": 0,
            "task_lost_expunge_interval": 0,
            "webui_url": format!("http://{address}"),
        });
        let set = [
            ("mesos_user", &self.user),
            ("default_network_name", &self.default_network_name),
            ("env_vars_prefix", &self.env_vars_prefix),
        ];
        for (name, value) in set {
            if let Some(value) = value {
                config[name] = value.clone().into();
            }
        }
        if !self.access_control_allow_origin.is_empty() {
            config["access_control_allow_origin"] = self.access_control_allow_origin.clone().into();
        }
        config
    }

    fn zookeeper_config(&self) -> Value {
        let timeout = u64::try_from(self.zk_session_timeout.as_millis()).unwrap_or(u64::MAX);
        json!({
            "zk": self.zk.as_ref().map(ToString::to_string).unwrap_or_default(),
            "zk_timeout": u64::try_from(self.request_timeout.as_millis()).unwrap_or(u64::MAX),
            "zk_session_timeout": timeout,
            "zk_connection_timeout": timeout,
            "zk_max_versions": 50,
        })
    }
}

/// The shortest times: below them, nothing would ever be in time.
const TIME_MIN: Duration = Duration::from_millis(100);

fn positive(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if time < TIME_MIN {
        return Err(format!("must be at least {}", humantime::format_duration(TIME_MIN)));
    }
    Ok(time)
}
