//! The driver runs for a term: from the reading of the journal to its end, or to a write that failed. Then what is in
//! memory may not be what is on disk; so it is dropped, and rebuilt from the journal. Tasks run on meanwhile.

use crate::{
    driver::{Clock, Driver, Event},
    executors::machine::Machine,
    gone::Gone,
    journal::{Journal, JournalError},
    model::Model,
    sandbox_gc::Retired,
};
use agent_core::{Agent, Config, Durability, Effect, Input, Recovered};
use agent_executor::layout::Layout;
use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};
use tokio::{sync::mpsc, time::Instant};
use tracing::{error, info, warn};

/// The first and the longest wait before the journal is tried again.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));

/// What outlives a term.
pub(crate) struct Terms {
    pub(crate) config: Config,
    pub(crate) layout: Layout,
    pub(crate) model: Model,
    pub(crate) machine: Machine,
    pub(crate) retired: mpsc::Sender<Vec<Retired>>,
    pub(crate) clock: Clock,
    pub(crate) boot_id: String,
    pub(crate) gone: Gone,
}

impl Terms {
    /// Reads the journal; the driver and what it does first. After trouble with the file a new one is begun: what can be
    /// read of the old one may still not be on the disk.
    pub(crate) fn begin(&self, after_trouble: bool) -> Result<(Driver, Vec<Effect>), JournalError> {
        let (mut journal, opened) = Journal::open(&self.layout.journal(), &self.boot_id)?;
        for report in &opened.reports {
            warn!("journal: {report}");
        }
        let rebooted = !opened.boot_id.is_empty() && opened.boot_id != self.boot_id;
        let nonce = format!("{:016x}{:016x}", rand::random::<u64>(), rand::random::<u64>());
        let config = Config { nonce, ..self.config.clone() };
        let incomplete = opened.incomplete;
        let recovered = Recovered { facts: opened.facts, rebooted, incomplete };
        let (agent, first) = Agent::recover(config, recovered, self.clock.now());
        if rebooted {
            info!("the machine was started since; what ran on it before has ended");
        }
        // The new file says that records are missing, and so do all that come after it.
        if rebooted || after_trouble || incomplete {
            journal.rotate(&agent.image())?;
        }
        self.gone.look_back(&agent);
        self.model.clear();
        let driver = Driver {
            agent,
            journal,
            clock: self.clock,
            layout: self.layout.clone(),
            model: self.model.clone(),
            machine: self.machine.clone(),
            retired: self.retired.clone(),
            link: None,
            executors: BTreeMap::new(),
            durability: Durability::default(),
            sync: None,
            held: VecDeque::new(),
            idle: Vec::new(),
            gone: self.gone.clone(),
        };
        Ok((driver, first))
    }

    /// Runs one term after the other, until the agent is told to stop.
    pub(crate) async fn run(self, first: (Driver, Vec<Effect>), mut events: mpsc::Receiver<Event>) {
        let mut next = first;
        loop {
            let (driver, effects) = next;
            let Err(error) = driver.run(effects, &mut events).await else { return };
            error!("{}; the agent does nothing until it can be written again", kit::exit::chain(&error));
            match self.begin_again(&mut events).await {
                Some(begun) => next = begun,
                None => return,
            }
            info!("the journal can be written again");
        }
    }

    /// Tries to begin until it succeeds. What comes meanwhile is let go of: links and executors come again, and the end
    /// of a process is found at the beginning. Only the wish to end everything is kept.
    async fn begin_again(&self, events: &mut mpsc::Receiver<Event>) -> Option<(Driver, Vec<Effect>)> {
        let mut wait = BACKOFF.0;
        let mut ending = Vec::new();
        loop {
            let due = Instant::now() + wait;
            while let Ok(event) = tokio::time::timeout_at(due, events.recv()).await {
                match event {
                    None => return None,
                    Some(Event::Stop(done)) => {
                        let _ = done.send(());
                        return None;
                    }
                    Some(Event::EndAll(done)) => ending.push(done),
                    Some(_) => {}
                }
            }
            match self.begin(true) {
                Ok((mut driver, mut first)) => {
                    if !ending.is_empty() {
                        driver.idle = ending;
                        driver.agent.handle(self.clock.now(), Input::EndAll, &mut first);
                    }
                    return Some((driver, first));
                }
                Err(error) => warn!("{}", kit::exit::chain(&error)),
            }
            wait = (wait * 2).min(BACKOFF.1);
        }
    }
}
