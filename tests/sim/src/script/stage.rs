//! The world that a script drives: what is in it, and how time passes.

use super::{
    trace::{Topic, Trace},
    words::{Words, role},
};
use crate::{
    behaviour::Behaviour,
    checker::first_unrest,
    hosts::{AgentIndex, FrameworkIndex, Host, Life, MasterIndex, SchedulerIndex},
    kernel::Event,
    record::Record,
    sabotage::Switch,
    settings::{FrameworkSettings, Settings},
    show,
    world::World,
};
use proto_types::{
    AgentInfo, Resources, constraints::OfferConstraints, resources::parse_attributes, scheduling::Wants,
};
use std::{collections::BTreeMap, time::Duration};

/// Before something new in the world begins.
const SOON: Duration = Duration::from_millis(1);

/// How long a world may take to come to rest.
const PATIENCE_SECONDS: u64 = 900;

/// Why a command cannot be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// A word is missing.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A word does not read.
    #[error("{text:?} is no {what}")]
    Value {
        /// As what it should read.
        what: &'static str,
        /// The word.
        text: String,
    },
    /// A word is too much.
    #[error("what does {0:?} mean here?")]
    Excess(String),
    /// It cannot be done now.
    #[error("{0}")]
    Impossible(&'static str),
}

/// A world that a script drives.
#[derive(Debug)]
pub struct Stage {
    pub(super) world: World,
    trace: Trace,
    sabotage: Option<Switch>,
}

impl Stage {
    /// A world of one master, and a rule that is broken in it on purpose.
    #[must_use]
    pub fn new(sabotage: Option<Switch>) -> Self {
        Self::with(Settings::scripted(), sabotage)
    }

    fn with(mut settings: Settings, sabotage: Option<Switch>) -> Self {
        settings.sabotage = sabotage;
        let trace = Trace::default();
        let world = World::new(settings, Record::new(Some(Box::new(trace.clone()))));
        Self { world, trace, sabotage }
    }

    /// The world.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Carries out one command; gives what it prints.
    ///
    /// # Errors
    /// It does not read, or cannot be done.
    pub fn carry_out(&mut self, command: &str) -> Result<String, Wrong> {
        let mut words = Words::of(command);
        let verb = words.word("a command")?;
        match verb {
            "world" => self.build(words)?,
            "agent" => self.add_agent(words)?,
            "framework" => self.add_framework(words)?,
            "run" => {
                let length = words.duration()?;
                words.end()?;
                self.world.run_for(length);
            }
            "rest" => return self.rest(words),
            "show" => return self.show(words),
            "trace" => {
                let topics = words.rest().into_iter().map(str::parse).collect::<Result<Vec<Topic>, Wrong>>()?;
                return Ok(self.trace.take(&topics));
            }
            "operator" => self.operate(words)?,
            _ if self.act(verb, &mut words)? => words.end()?,
            name => self.ask(name, words)?,
        }
        Ok(String::new())
    }

    fn build(&mut self, mut words: Words<'_>) -> Result<(), Wrong> {
        if !self.world.agents.is_empty() || !self.world.frameworks.is_empty() || self.world.kernel.event > 0 {
            return Err(Wrong::Impossible("the world stands already"));
        }
        let mut settings = Settings::scripted();
        settings.masters = words.option_value("masters")?.unwrap_or(settings.masters);
        settings.master.event_ring = words.option_value("event_ring")?.unwrap_or(settings.master.event_ring);
        if let Some(timeout) = words.option_duration("offer_timeout")? {
            settings.master.offer_timeout = timeout;
        }
        if let Some(timeout) = words.option_duration("reregistration_timeout")? {
            settings.master.reregistration_timeout = timeout;
        }
        settings.compacts = words.flag("compacts");
        settings.compact_after = words.option_value("compact_after")?.unwrap_or(settings.compact_after);
        words.end()?;
        *self = Self::with(settings, self.sabotage);
        Ok(())
    }

    fn add_agent(&mut self, mut words: Words<'_>) -> Result<(), Wrong> {
        let name = words.word("a name")?;
        let resources: Resources = words.value("resources")?;
        let attributes = words.rest().join(";");
        let attributes =
            parse_attributes(&attributes).map_err(|_| Wrong::Value { what: "attributes", text: attributes })?;
        if name != AgentIndex(self.world.agents.len() as u32).to_string() {
            return Err(Wrong::Impossible("agents are a1, a2 and so on, in this order"));
        }
        let info = AgentInfo {
            hostname: name.to_owned(),
            resources,
            attributes,
            version: "sim".to_owned(),
            ..AgentInfo::default()
        };
        let index = self.world.add_agent(info);
        self.world.kernel.after(SOON, Event::AgentStarts(index, Life(0)));
        Ok(())
    }

    fn add_framework(&mut self, mut words: Words<'_>) -> Result<(), Wrong> {
        let name = words.word("a name")?.to_owned();
        let role = role(words.option("role").unwrap_or("*"))?;
        let failover_timeout = words.option_duration("failover")?.unwrap_or(Duration::from_secs(120));
        let minimum: Resources = words.option_value("minimum")?.unwrap_or_default();
        let behaviour = words.option("behaviour").map(behaviour).transpose()?;
        let suppressed = if words.flag("suppressed") { vec![role.clone()] } else { Vec::new() };
        words.end()?;
        let constraints = OfferConstraints { groups: Vec::new(), minimum: minimum.quantities() };
        let wants =
            Wants { suppressed, constraints: BTreeMap::from([(role.clone(), constraints)]), ..Wants::default() };
        let behaviour = behaviour.unwrap_or(Behaviour::Scripted(wants));
        let index = self.world.add_framework(FrameworkSettings { name, role, behaviour, failover_timeout });
        self.world.kernel.after(SOON, Event::SchedulerTakesOver(index));
        Ok(())
    }

    /// Time passes until everything has found its place. That it does not is a violation.
    fn rest(&mut self, words: Words<'_>) -> Result<String, Wrong> {
        words.end()?;
        let mut unrest = None;
        for _ in 0..PATIENCE_SECONDS {
            self.world.run_for(Duration::from_secs(1));
            unrest = first_unrest(&self.world);
            if unrest.is_none() {
                break;
            }
        }
        if let Some(unrest) = unrest {
            self.world.checker.violate(unrest.invariant, format!("{} (no rest)", unrest.detail));
        }
        self.world.check_everything();
        Ok(String::new())
    }

    fn show(&self, mut words: Words<'_>) -> Result<String, Wrong> {
        let what = words.word("what to show")?;
        words.end()?;
        Ok(match what {
            "masters" => show::masters(&self.world),
            "agents" => show::agents(&self.world),
            "schedulers" => show::schedulers(&self.world),
            "tasks" => show::tasks(&self.world),
            "offers" => show::offers(&self.world),
            "log" => show::log(&self.world),
            "state" => show::state(&self.world),
            other => return Err(Wrong::Excess(other.to_owned())),
        })
    }

    /// A host by its name: `m1`, `a1`, `s1`, or a framework, which stands for its newest scheduler.
    pub(super) fn host(&self, name: &str) -> Result<Host, Wrong> {
        let unknown = || Wrong::Value { what: "host in this world", text: name.to_owned() };
        if let Ok(framework) = self.framework(name) {
            return self.world.framework(framework).scheduler.map(Host::Scheduler).ok_or_else(unknown);
        }
        if name == "zookeeper" {
            return Ok(Host::ZooKeeper);
        }
        let (kind, number) = name.split_at_checked(1).ok_or_else(unknown)?;
        let index = number.parse::<u32>().ok().and_then(|number| number.checked_sub(1)).ok_or_else(unknown)?;
        let (host, count) = match kind {
            "m" => (Host::Master(MasterIndex(index)), self.world.masters.len()),
            "a" => (Host::Agent(AgentIndex(index)), self.world.agents.len()),
            "s" => (Host::Scheduler(SchedulerIndex(index)), self.world.schedulers.len()),
            _ => return Err(unknown()),
        };
        if (index as usize) < count { Ok(host) } else { Err(unknown()) }
    }

    pub(super) fn agent(&self, name: &str) -> Result<AgentIndex, Wrong> {
        match self.host(name)? {
            Host::Agent(index) => Ok(index),
            Host::Master(_) | Host::Scheduler(_) | Host::ZooKeeper => {
                Err(Wrong::Value { what: "agent", text: name.to_owned() })
            }
        }
    }

    pub(super) fn master(&self, name: &str) -> Result<MasterIndex, Wrong> {
        match self.host(name)? {
            Host::Master(index) => Ok(index),
            Host::Agent(_) | Host::Scheduler(_) | Host::ZooKeeper => {
                Err(Wrong::Value { what: "master", text: name.to_owned() })
            }
        }
    }

    pub(super) fn framework(&self, name: &str) -> Result<FrameworkIndex, Wrong> {
        let position = self.world.frameworks.iter().position(|framework| framework.name == name);
        let index = position.ok_or_else(|| Wrong::Value { what: "command or framework", text: name.to_owned() })?;
        Ok(FrameworkIndex(index as u32))
    }
}

/// Reads `greedy:4`, `declining` and the like.
fn behaviour(text: &str) -> Result<Behaviour, Wrong> {
    let wrong = || Wrong::Value { what: "behaviour", text: text.to_owned() };
    let (name, number) = text.split_once(':').unwrap_or((text, "4"));
    let number: usize = number.parse().map_err(|_| wrong())?;
    Ok(match name {
        "greedy" => Behaviour::Greedy { tasks: number },
        "picky" => Behaviour::Picky,
        "declining" => Behaviour::Declining,
        "batch" => Behaviour::Batch { burst: number },
        "gang" => Behaviour::Gang { size: number },
        "killing" => Behaviour::Killing { tasks: number },
        "hoarding" => Behaviour::Hoarding,
        "bringing" => Behaviour::Bringing { tasks: number },
        "grouping" => Behaviour::Grouping { tasks: number },
        "careless" => Behaviour::Careless { tasks: number },
        _ => return Err(wrong()),
    })
}
