//! What a simulation is made of. Together with the seed it says everything that happens.

use crate::{
    behaviour::Behaviour,
    chance::Chance,
    faults::{FaultKind, parse_kinds, print_kinds},
    network::Quality,
    sabotage::Switch,
};
use proto_types::{AgentInfo, Attributes, Role, resources::parse_attributes};
use std::{collections::BTreeSet, time::Duration};

/// What a simulation is made of.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where chance begins.
    pub seed: u64,
    /// How many agents there are.
    pub agents: u32,
    /// How many master processes there are.
    pub masters: u32,
    /// How long faults last. After it the world has to come to rest.
    pub length: Duration,
    /// Which faults happen.
    pub faults: BTreeSet<FaultKind>,
    /// The frameworks.
    pub frameworks: Vec<FrameworkSettings>,
    /// A rule that is broken on purpose.
    pub sabotage: Option<Switch>,
    /// What the operator of the masters set.
    pub master: master_core::Config,
    /// What the operator of the agents set.
    pub agent: agent_core::Config,
    /// How long the world may take to come to rest.
    pub rest_within: Duration,
    /// How good the network is while there are faults.
    pub quality: Quality,
    /// How long a write takes.
    pub disk: (Duration, Duration),
    /// How long an executor takes for anything.
    pub executor_delay: (Duration, Duration),
    /// How long a scheduler takes to decide.
    pub think_time: (Duration, Duration),
    /// After so much silence ZooKeeper ends a master's session.
    pub session_timeout: Duration,
    /// Between two faults of a kind, in the mean, in a world of one.
    pub fault_mean: Duration,
    /// Whether frameworks that are removed come again as new ones.
    pub frameworks_return: bool,
    /// Whether leaders sometimes replace the log by a snapshot.
    pub compacts: bool,
    /// After how many entries of a log in ZooKeeper they do.
    pub compact_after: u64,
    /// How many bytes an entry of a log in ZooKeeper has at most, about.
    pub entry_bytes: usize,
    /// At how many records an agent begins its journal anew.
    pub journal_limit: usize,
    /// Whether the operator limits a role and changes weights.
    pub limits: bool,
    /// How often the operator changes a weight; none: never.
    pub operator_every: Option<Duration>,
}

/// A framework of a simulation.
#[derive(Debug, Clone)]
pub struct FrameworkSettings {
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// How it behaves.
    pub behaviour: Behaviour,
    /// How long its tasks outlive its scheduler.
    pub failover_timeout: Duration,
}

fn role(text: &str) -> Role {
    Role::new(text).unwrap_or_else(|_| Role::any())
}

impl Settings {
    /// A world of so many agents with frameworks of every kind.
    #[must_use]
    pub fn large(seed: u64, agents: u32, masters: u32, length: Duration, faults: BTreeSet<FaultKind>) -> Self {
        let tasks = (agents as usize * 2 / 3).max(4);
        let cast = vec![
            ("greedy", "prod", Behaviour::Greedy { tasks: 2 * tasks }),
            ("picky", "prod/big", Behaviour::Picky),
            ("declining", "test", Behaviour::Declining),
            ("batch", "batch", Behaviour::Batch { burst: tasks }),
            ("gang", "batch/mpi", Behaviour::Gang { size: 3 }),
            ("killing", "prod", Behaviour::Killing { tasks }),
            ("hoarding", "test/slow", Behaviour::Hoarding),
            ("bringing", "own", Behaviour::Bringing { tasks: tasks / 2 }),
            ("grouping", "own", Behaviour::Grouping { tasks: tasks / 2 }),
            ("careless", "test", Behaviour::Careless { tasks: tasks / 2 }),
            ("quitting", "test", Behaviour::Quitting { after: length / 2 }),
        ];
        let mut settings = Self::base(seed, agents, length, faults);
        settings.masters = masters;
        settings.frameworks = cast.into_iter().map(|(name, of, behaviour)| framework(name, of, behaviour)).collect();
        if agents > 100 {
            // Faults hit one of many: a large world has more of them in the same time, but not in proportion.
            settings.fault_mean = Duration::from_secs(120);
            settings.think_time = (Duration::from_millis(50), Duration::from_millis(500));
        }
        settings
    }

    /// A world of three agents and the given frameworks, for a few minutes.
    #[must_use]
    pub fn small(seed: u64, cast: Vec<(&str, &str, Behaviour)>, length: Duration, faults: BTreeSet<FaultKind>) -> Self {
        let mut settings = Self::base(seed, 3, length, faults);
        settings.frameworks = cast.into_iter().map(|(name, of, behaviour)| framework(name, of, behaviour)).collect();
        settings.fault_mean = Duration::from_secs(25);
        settings
    }

    /// A perfect world in which only what a script says happens.
    #[must_use]
    pub fn scripted() -> Self {
        let mut settings = Self::base(1, 0, Duration::from_secs(1 << 30), BTreeSet::new());
        let millisecond = (Duration::from_millis(1), Duration::from_millis(1));
        settings.quality = Quality::PERFECT;
        settings.disk = millisecond;
        settings.executor_delay = millisecond;
        settings.think_time = millisecond;
        settings.masters = 1;
        settings.compacts = false;
        settings.limits = false;
        settings.operator_every = None;
        settings.frameworks_return = false;
        settings
    }

    fn base(seed: u64, agents: u32, length: Duration, faults: BTreeSet<FaultKind>) -> Self {
        let quality = if faults.contains(&FaultKind::Network) { Quality::BAD } else { Quality::GOOD };
        Self {
            seed,
            agents,
            masters: 3,
            length,
            faults,
            frameworks: Vec::new(),
            sabotage: None,
            master: master_core::Config {
                version: "sim".to_owned(),
                gone_after: Duration::from_secs(240),
                ..master_core::Config::default()
            },
            agent: agent_core::Config::default(),
            rest_within: Duration::from_secs(900),
            quality,
            disk: (Duration::from_micros(200), Duration::from_millis(6)),
            executor_delay: (Duration::from_micros(100), Duration::from_millis(10)),
            think_time: (Duration::from_millis(1), Duration::from_millis(300)),
            session_timeout: Duration::from_secs(10),
            fault_mean: Duration::from_secs(40),
            frameworks_return: true,
            compacts: true,
            compact_after: if agents > 100 { 1000 } else { 12 },
            // Small, so that batches and snapshots have several entries in a small world too.
            entry_bytes: if agents > 100 { coordination::entry::CONTENT_BYTES_MAX } else { 600 },
            journal_limit: 400,
            limits: true,
            operator_every: Some(Duration::from_secs(7)),
        }
    }

    /// How long a write takes now.
    pub(crate) fn disk_delay(&self, chance: &mut Chance, slow: bool) -> Duration {
        let delay = chance.between(self.disk.0, self.disk.1);
        if slow { delay * 200 } else { delay }
    }

    /// Between two faults of a kind, in the mean.
    pub(crate) fn fault_interval(&self, kind: FaultKind) -> Duration {
        let per_agent = matches!(kind, FaultKind::Agent | FaultKind::Reboot | FaultKind::Cut | FaultKind::Executor);
        let rare =
            matches!(kind, FaultKind::Mass | FaultKind::Lost | FaultKind::Log | FaultKind::Clock | FaultKind::Ensemble);
        let mean = self.fault_mean;
        if per_agent && self.agents > 10 {
            return (mean * 4 / self.agents).max(Duration::from_millis(500));
        }
        if rare { mean * 5 } else { mean }
    }

    /// How the agent of this number describes itself.
    #[must_use]
    pub fn agent_info(index: u32) -> AgentInfo {
        let size = 4 + 4 * (index % 3);
        let resources = format!("cpus:{size};mem:{};disk:10000;ports:[31000-31019]", size * 1024);
        AgentInfo {
            hostname: format!("host{}", index + 1),
            resources: resources.parse().unwrap_or_default(),
            attributes: parse_attributes(&format!("rack:r{}", index % 4)).unwrap_or(Attributes(Vec::new())),
            version: "sim".to_owned(),
            ..AgentInfo::default()
        }
    }
}

fn framework(name: &str, of: &str, behaviour: Behaviour) -> FrameworkSettings {
    FrameworkSettings { name: name.to_owned(), role: role(of), behaviour, failover_timeout: Duration::from_secs(120) }
}

/// The line that a record begins with: enough to run the same again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Where chance begins.
    pub seed: u64,
    /// How many agents there are.
    pub agents: u32,
    /// How many masters there are; a single one keeps its log in a directory.
    pub masters: u32,
    /// How long faults last, in seconds.
    pub seconds: u64,
    /// Which faults happen.
    pub faults: BTreeSet<FaultKind>,
    /// A rule that is broken on purpose.
    pub sabotage: Option<Switch>,
}

/// Why a line is no header of a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHeader {
    /// It does not begin like one.
    #[error("this is no record of a simulation: it does not begin with {MAGIC:?}")]
    Magic,
    /// A part of it does not read.
    #[error("the header's {0:?} does not read")]
    Part(String),
}

const MAGIC: &str = "proffer-sim 1";

impl Header {
    /// The settings that it stands for.
    #[must_use]
    pub fn settings(&self) -> Settings {
        if let Some(switch) = self.sabotage {
            return switch.settings(self.seed);
        }
        Settings::large(self.seed, self.agents, self.masters, Duration::from_secs(self.seconds), self.faults.clone())
    }

    /// The line.
    #[must_use]
    pub fn print(&self) -> String {
        let sabotage = self.sabotage.map_or("none", Switch::name);
        let faults = print_kinds(&self.faults);
        let Self { seed, agents, masters, seconds, .. } = self;
        format!(
            "{MAGIC} seed={seed} agents={agents} masters={masters} seconds={seconds} faults={faults} sabotage={sabotage}"
        )
    }

    /// Reads the line.
    ///
    /// # Errors
    /// The part that does not read.
    pub fn parse(line: &str) -> Result<Self, InvalidHeader> {
        let parts = line.strip_prefix(MAGIC).ok_or(InvalidHeader::Magic)?;
        let mut header = Self { seed: 0, agents: 0, masters: 0, seconds: 0, faults: BTreeSet::new(), sabotage: None };
        for part in parts.split_whitespace() {
            let wrong = || InvalidHeader::Part(part.to_owned());
            let (name, value) = part.split_once('=').ok_or_else(wrong)?;
            match name {
                "seed" => header.seed = value.parse().map_err(|_| wrong())?,
                "agents" => header.agents = value.parse().map_err(|_| wrong())?,
                "masters" => header.masters = value.parse().map_err(|_| wrong())?,
                "seconds" => header.seconds = value.parse().map_err(|_| wrong())?,
                "faults" => header.faults = parse_kinds(value).map_err(|_| wrong())?,
                "sabotage" if value == "none" => {}
                "sabotage" => header.sabotage = Some(value.parse().map_err(|_| wrong())?),
                _ => return Err(wrong()),
            }
        }
        Ok(header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_reads_as_it_was_printed() {
        let faults = BTreeSet::from([FaultKind::Agent, FaultKind::Network]);
        let header =
            Header { seed: 7, agents: 1000, masters: 3, seconds: 3600, faults, sabotage: Some(Switch::ALL[3]) };
        assert_eq!(Header::parse(&header.print()), Ok(header));
        assert_eq!(Header::parse("something else"), Err(InvalidHeader::Magic));
        assert_eq!(Header::parse("proffer-sim 1 seed=x"), Err(InvalidHeader::Part("seed=x".to_owned())));
    }
}
