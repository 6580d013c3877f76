//! How a framework is described and started.

use crate::{
    Error, Handle, MasterAddress, Scheduler,
    driver::Driver,
    handle::Command,
    identity::{IdFile, Identity, Keeper},
};
use framework_core::{Config, TASKS_MAX};
use proto_types::{
    FrameworkInfo, Labels, Role,
    constraints::OfferConstraints,
    framework::FAILOVER_TIMEOUT_DEFAULT,
    scheduling::{Credit, Wants},
};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::sync::mpsc;

/// A framework that is ready to run.
#[derive(Debug)]
pub struct Framework {
    config: Config,
    keeper: Option<Keeper>,
    /// The incarnation was chosen, and not by the clock.
    chosen: bool,
    handle: Handle,
    commands: mpsc::Receiver<Command>,
}

/// Describes a framework.
#[derive(Debug, Clone)]
pub struct Builder {
    name: String,
    masters: Vec<String>,
    roles: Vec<String>,
    user: Option<String>,
    failover_timeout: Duration,
    webui_url: String,
    labels: Labels,
    suppressed: Vec<String>,
    constraints: BTreeMap<String, OfferConstraints>,
    credit: Credit,
    id_file: Option<PathBuf>,
    #[cfg(feature = "zookeeper")]
    id_address: Option<String>,
    incarnation: Option<u64>,
    explicit_acknowledgements: bool,
    connect_timeout: Option<Duration>,
    tasks_max: usize,
}

impl Framework {
    /// Begins to describe a framework of this name.
    pub fn builder(name: impl Into<String>) -> Builder {
        Builder {
            name: name.into(),
            masters: Vec::new(),
            roles: Vec::new(),
            user: None,
            failover_timeout: FAILOVER_TIMEOUT_DEFAULT,
            webui_url: String::new(),
            labels: Labels::new(),
            suppressed: Vec::new(),
            constraints: BTreeMap::new(),
            credit: Credit::default(),
            id_file: None,
            #[cfg(feature = "zookeeper")]
            id_address: None,
            incarnation: None,
            explicit_acknowledgements: false,
            connect_timeout: None,
            tasks_max: TASKS_MAX,
        }
    }

    /// A handle for other tasks.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Runs the scheduler until it stops, its framework is torn down, or it cannot go on.
    ///
    /// # Errors
    /// Why it cannot go on.
    pub async fn run<S: Scheduler>(mut self, scheduler: &mut S) -> Result<(), Error> {
        if let Some(keeper) = &self.keeper
            && let Some(Identity { framework, cluster, incarnation }) = keeper.ask().await?
        {
            self.config.framework.id = Some(framework);
            self.config.cluster = Some(cluster);
            if !self.chosen {
                self.config.incarnation = self.config.incarnation.max(incarnation + 1);
            }
        }
        Box::pin(Driver::run(self.config, self.keeper, self.handle, self.commands, scheduler)).await
    }
}

impl Builder {
    /// Where a master is, `host:port`, or several, separated by commas. Default: 127.0.0.1:5050. Any will do: they know
    /// who leads. With the feature `zookeeper` also where they are elected, `zk://host:port[,host:port ...]/path`.
    #[must_use]
    pub fn master(mut self, addresses: impl Into<String>) -> Self {
        self.masters.push(addresses.into());
        self
    }

    /// The roles that it wants offers for. Default: `*`.
    #[must_use]
    pub fn roles<R: Into<String>>(mut self, roles: impl IntoIterator<Item = R>) -> Self {
        self.roles = roles.into_iter().map(Into::into).collect();
        self
    }

    /// As whom its tasks run. Default: as the agent.
    #[must_use]
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// How long its tasks outlive its scheduler. Default: one hour.
    #[must_use]
    pub fn failover_timeout(mut self, timeout: Duration) -> Self {
        self.failover_timeout = timeout;
        self
    }

    /// Where people find it.
    #[must_use]
    pub fn webui_url(mut self, url: impl Into<String>) -> Self {
        self.webui_url = url.into();
        self
    }

    /// A label, for people and tools.
    #[must_use]
    pub fn label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.insert(name.into(), value.into());
        self
    }

    /// Roles without offers until they are revived.
    #[must_use]
    pub fn suppressed<R: Into<String>>(mut self, roles: impl IntoIterator<Item = R>) -> Self {
        self.suppressed = roles.into_iter().map(Into::into).collect();
        self
    }

    /// Which offers it wants for a role.
    #[must_use]
    pub fn constraints(mut self, role: impl Into<String>, constraints: OfferConstraints) -> Self {
        self.constraints.insert(role.into(), constraints);
        self
    }

    /// How many offers and unacknowledged updates it can take at once.
    #[must_use]
    pub fn credit(mut self, offers: u32, updates: u32) -> Self {
        self.credit = Credit { offers, updates };
        self
    }

    /// Keeps the framework's id in this file, so that the next scheduler takes over its tasks. Default: every run is a
    /// framework of its own.
    #[must_use]
    pub fn id_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.id_file = Some(path.into());
        self
    }

    /// Keeps the framework's id in ZooKeeper, in the node at this address, `zk://host:port[,host:port ...]/path`, so that
    /// the next scheduler takes over its tasks wherever it runs.
    #[cfg(feature = "zookeeper")]
    #[must_use]
    pub fn id_in_zookeeper(mut self, address: impl Into<String>) -> Self {
        self.id_address = Some(address.into());
        self
    }

    /// Which scheduler of the framework this is; the higher takes over from the lower. Default: the time of the start.
    #[must_use]
    pub fn incarnation(mut self, incarnation: u64) -> Self {
        self.incarnation = Some(incarnation);
        self
    }

    /// Has the scheduler acknowledge updates itself, with [`crate::Context::acknowledge`].
    #[must_use]
    pub fn explicit_acknowledgements(mut self) -> Self {
        self.explicit_acknowledgements = true;
        self
    }

    /// Gives up if no master answers the first subscription in this time. Default: it is tried for ever.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = Some(timeout);
        self
    }

    /// How many tasks may be active at once. Default: a million.
    #[must_use]
    pub fn tasks_max(mut self, max: usize) -> Self {
        self.tasks_max = max;
        self
    }

    /// Checks the description and reads the id file.
    ///
    /// # Errors
    /// What is wrong.
    pub fn build(self) -> Result<Framework, Error> {
        let masters = self.masters()?;
        let role = |role: &String| Role::new(role).map_err(Error::Role);
        let mut roles = self.roles.iter().map(role).collect::<Result<Vec<_>, _>>()?;
        if roles.is_empty() {
            roles.push(Role::any());
        }
        let suppressed = self.suppressed.iter().map(role).collect::<Result<_, _>>()?;
        let constraints = self.constraints.iter().map(|(name, wanted)| Ok((role(name)?, wanted.clone())));
        let constraints = constraints.collect::<Result<_, Error>>()?;
        let keeper = self.keeper()?;
        let identity = match &keeper {
            Some(Keeper::File(file)) => file.read()?,
            _ => None,
        };
        let chosen = self.incarnation.is_some();
        let last = identity.as_ref().map_or(0, |identity| identity.incarnation);
        let (id, cluster) = identity.map(|identity| (identity.framework, identity.cluster)).unzip();
        let framework = FrameworkInfo {
            id,
            name: self.name,
            user: self.user,
            roles,
            failover_timeout: self.failover_timeout,
            webui_url: self.webui_url,
            hostname: hostname(),
            labels: self.labels,
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        let config = Config {
            framework,
            cluster,
            // A wall clock that was set back must not make the next scheduler the older one.
            incarnation: self.incarnation.unwrap_or(now.max(last + 1)),
            wants: Wants { suppressed, constraints, credit: self.credit },
            masters,
            request_prefix: format!("{now:x}-{:x}", rand::random::<u64>()),
            explicit_acknowledgements: self.explicit_acknowledgements,
            tasks_max: self.tasks_max,
            connect_timeout: self.connect_timeout,
        };
        let (handle, commands) = Handle::new();
        Ok(Framework { config, keeper, chosen, handle, commands })
    }

    /// Builds the framework and runs the scheduler.
    ///
    /// # Errors
    /// What is wrong with the description, or why it cannot go on.
    pub async fn run<S: Scheduler>(self, scheduler: &mut S) -> Result<(), Error> {
        self.build()?.run(scheduler).await
    }

    fn keeper(&self) -> Result<Option<Keeper>, Error> {
        #[cfg(feature = "zookeeper")]
        if let Some(address) = &self.id_address {
            return crate::identity::IdNode::new(address).map(Keeper::Node).map(Some);
        }
        Ok(self.id_file.clone().map(|path| Keeper::File(IdFile::new(path))))
    }

    fn masters(&self) -> Result<Vec<String>, Error> {
        let mut masters = Vec::new();
        for list in &self.masters {
            masters.extend(MasterAddress::list(list)?.iter().map(|master| master.as_str().to_owned()));
        }
        if masters.is_empty() {
            masters.push(MasterAddress::default().to_string());
        }
        Ok(masters)
    }
}

/// The name of this machine, for people; empty where it is not to be had.
fn hostname() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname").map(|name| name.trim().to_owned()).unwrap_or_default()
}
