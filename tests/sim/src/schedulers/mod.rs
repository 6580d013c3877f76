//! Scheduler processes: the shell around [`framework_core::Session`], and frameworks, which outlive their schedulers.

mod asking;
mod hearing;

use crate::{
    behaviour::Behaviour,
    hosts::{FrameworkIndex, Host, Life, MasterIndex, SchedulerIndex},
    kernel::Event,
    network::NetId,
    settings::FrameworkSettings,
    time::Time,
    world::World,
};
use framework_core::{Config, Effect, Input, Moment, Outcome, Session, StreamId};
use proto_types::{
    AgentId, ClusterId, FrameworkId, FrameworkInfo, Labels, Offer, OfferId, Role, SessionId, TaskId, TaskState,
};
use std::{collections::BTreeMap, time::Duration};

/// A framework: what its schedulers keep for each other.
#[derive(Debug)]
pub struct FrameworkHost {
    /// Its name.
    pub name: String,
    /// How it behaves.
    pub behaviour: Behaviour,
    /// Its role.
    pub role: Role,
    /// How long its tasks outlive its scheduler.
    pub failover_timeout: Duration,
    /// Which scheduler process is its newest.
    pub scheduler: Option<SchedulerIndex>,
    /// How many schedulers it had.
    pub incarnation: u64,
    /// Its id, if it has one.
    pub id: Option<FrameworkId>,
    /// The cluster that the id is of.
    pub cluster: Option<ClusterId>,
    /// The number of its next task.
    pub next_task: u64,
    /// Its tasks, as its schedulers saw them. Those over for a while are forgotten.
    pub tasks: BTreeMap<TaskId, Known>,
    /// Tasks that are not over, as far as it knows.
    pub active: usize,
    /// Whether it is done and has no scheduler any more.
    pub over: bool,
}

/// A task as its framework knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its state; none: it was asked for.
    pub state: Option<TaskState>,
    /// Since when.
    pub since: Time,
    /// Whether its end was asked for.
    pub killed: bool,
    /// Where it was asked for; none: it was met elsewhere.
    pub agent: Option<AgentId>,
}

/// A scheduler process.
#[derive(Debug)]
pub struct SchedulerHost {
    /// Of which framework.
    pub framework: FrameworkIndex,
    /// Which start of it.
    pub life: Life,
    /// Its session, while the process runs.
    pub session: Option<Session>,
    /// Which scheduler of the framework it is.
    pub incarnation: u64,
    /// The offers it holds, and since when.
    pub offers: BTreeMap<OfferId, (Offer, Time)>,
    /// Whether its subscription stands.
    pub subscribed: bool,
    /// Whether it suppressed offers.
    pub suppressed: bool,
    /// How its session ended.
    pub outcome: Option<Outcome>,
    /// The master's session with it.
    pub master_session: Option<SessionId>,
    streams: BTreeMap<StreamId, NetId>,
    master: Option<MasterIndex>,
    tick_at: Time,
    acts: bool,
    /// Whether it has yet to ask about the tasks of its predecessors.
    asks: bool,
}

impl FrameworkHost {
    /// A framework that has not begun.
    #[must_use]
    pub fn new(name: String, behaviour: Behaviour, role: Role, failover_timeout: Duration) -> Self {
        Self {
            name,
            behaviour,
            role,
            failover_timeout,
            scheduler: None,
            incarnation: 0,
            id: None,
            cluster: None,
            next_task: 0,
            tasks: BTreeMap::new(),
            active: 0,
            over: false,
        }
    }

    /// How it describes itself.
    pub(crate) fn info(&self) -> FrameworkInfo {
        FrameworkInfo {
            id: self.id.clone(),
            name: self.name.clone(),
            user: None,
            roles: vec![self.role.clone()],
            failover_timeout: self.failover_timeout,
            webui_url: String::new(),
            hostname: String::new(),
            labels: Labels::new(),
        }
    }

    /// A task id of its own, never used before.
    pub fn new_task(&mut self, now: Time, agent: &AgentId) -> TaskId {
        self.next_task += 1;
        let id = TaskId::new(format!("{}.{}", self.name, self.next_task))
            .unwrap_or_else(|_| unreachable!("a name and a number make an id"));
        self.enter(id.clone(), now, Some(agent.clone()));
        id
    }

    /// It asks for this task.
    pub fn enter(&mut self, id: TaskId, now: Time, agent: Option<AgentId>) {
        if self.tasks.insert(id, Known { state: None, since: now, killed: false, agent }).is_none() {
            self.active += 1;
        }
    }

    /// It sees a task in a state.
    fn see(&mut self, task: &TaskId, state: TaskState, now: Time) {
        let known = self.tasks.entry(task.clone()).or_insert_with(|| {
            self.active += 1;
            Known { state: None, since: now, killed: false, agent: None }
        });
        let was_over = known.state.is_some_and(TaskState::is_terminal);
        if was_over {
            return;
        }
        (known.state, known.since) = (Some(state), now);
        if state.is_terminal() || state == TaskState::Unknown {
            known.state = Some(state);
            self.active -= 1;
            if state == TaskState::Unknown {
                self.tasks.remove(task);
            }
        }
    }

    /// The launch of a task was refused.
    fn refused(&mut self, task: &TaskId) {
        if self.tasks.remove(task).is_some_and(|known| !known.state.is_some_and(TaskState::is_terminal)) {
            self.active -= 1;
        }
    }

    /// Forgets what is long over.
    fn trim(&mut self, now: Time) {
        if self.tasks.len() > 2 * self.active + 256 {
            let old = |known: &Known| {
                known.state.is_some_and(TaskState::is_terminal) && now - known.since > Duration::from_secs(60)
            };
            self.tasks.retain(|_, known| !old(known));
        }
    }

    /// Its id is dead: it begins anew.
    fn begin_anew(&mut self) {
        (self.id, self.cluster) = (None, None);
        self.tasks.clear();
        self.active = 0;
    }
}

impl World {
    /// A scheduler process.
    pub(crate) fn scheduler(&self, index: SchedulerIndex) -> &SchedulerHost {
        &self.schedulers[index.0 as usize]
    }

    pub(crate) fn scheduler_mut(&mut self, index: SchedulerIndex) -> &mut SchedulerHost {
        &mut self.schedulers[index.0 as usize]
    }

    /// A framework.
    pub(crate) fn framework(&self, index: FrameworkIndex) -> &FrameworkHost {
        &self.frameworks[index.0 as usize]
    }

    pub(crate) fn framework_mut(&mut self, index: FrameworkIndex) -> &mut FrameworkHost {
        &mut self.frameworks[index.0 as usize]
    }

    /// One more framework joins the world. It has no scheduler yet.
    pub fn add_framework(&mut self, framework: FrameworkSettings) -> FrameworkIndex {
        let FrameworkSettings { name, role, behaviour, failover_timeout } = framework;
        self.frameworks.push(FrameworkHost::new(name, behaviour, role, failover_timeout));
        FrameworkIndex(self.frameworks.len() as u32 - 1)
    }

    /// Gives a framework another scheduler, of a higher incarnation.
    pub(crate) fn on_scheduler_takes_over(&mut self, framework: FrameworkIndex) {
        if self.framework(framework).over {
            return;
        }
        // Nobody can take over from a scheduler that has no id yet.
        let present = self.framework(framework).scheduler;
        let nameless = self.framework(framework).id.is_none();
        if nameless && present.is_some_and(|present| self.scheduler(present).session.is_some()) {
            return self.kernel.after(Duration::from_secs(1), Event::SchedulerTakesOver(framework));
        }
        let index = SchedulerIndex(self.schedulers.len() as u32);
        let host = self.framework_mut(framework);
        host.incarnation += 1;
        host.scheduler = Some(index);
        let incarnation = host.incarnation;
        self.schedulers.push(SchedulerHost {
            framework,
            life: Life(0),
            session: None,
            incarnation,
            offers: BTreeMap::new(),
            subscribed: false,
            suppressed: false,
            outcome: None,
            master_session: None,
            streams: BTreeMap::new(),
            master: None,
            tick_at: Time::NEVER,
            acts: false,
            asks: true,
        });
        self.on_scheduler_starts(index, Life(0));
    }

    pub(crate) fn on_scheduler_starts(&mut self, index: SchedulerIndex, life: Life) {
        let host = self.scheduler(index);
        if host.life != life || host.session.is_some() {
            return;
        }
        let framework = self.framework(host.framework);
        if framework.over {
            return;
        }
        let config = Config {
            framework: framework.info(),
            cluster: framework.cluster.clone(),
            incarnation: host.incarnation,
            wants: framework.behaviour.wants(&framework.role),
            masters: (0..self.masters.len() as u32).map(|master| MasterIndex(master).to_string()).collect(),
            request_prefix: format!("{index}-{}", life.0),
            explicit_acknowledgements: false,
            tasks_max: framework_core::TASKS_MAX,
            connect_timeout: None,
        };
        let name = &config.framework.name;
        self.kernel.note(format_args!("{index} starts for {name} as incarnation {}", config.incarnation));
        let host = self.scheduler_mut(index);
        host.session = Some(Session::new(config));
        host.offers.clear();
        (host.subscribed, host.suppressed, host.outcome, host.acts, host.asks) = (false, false, None, false, true);
        host.streams.clear();
        host.tick_at = Time::NEVER;
        self.give_scheduler(index, Input::Start);
    }

    pub(crate) fn on_scheduler_ticks(&mut self, index: SchedulerIndex, life: Life) {
        let host = self.scheduler_mut(index);
        if host.life == life && host.session.is_some() {
            host.tick_at = Time::NEVER;
            self.give_scheduler(index, Input::Tick);
        }
    }

    /// The session reacts to something.
    pub(crate) fn give_scheduler(&mut self, index: SchedulerIndex, input: Input) {
        let moment = Moment {
            now: self.kernel.now.now(0).monotonic,
            jitter_permille: self.kernel.chances.backoff.below(1001) as u16,
        };
        let Some(session) = &mut self.schedulers[index.0 as usize].session else { return };
        let effects = session.handle(moment, input);
        let mut told = false;
        for effect in effects {
            told |= matches!(effect, Effect::Deliver(_));
            self.carry_out_scheduler(index, effect);
        }
        self.plan_tick(index);
        if told {
            self.plan_act(index);
        }
    }

    fn plan_tick(&mut self, index: SchedulerIndex) {
        let start = self.kernel.now.now(0).monotonic;
        let now = self.kernel.now;
        let host = &mut self.schedulers[index.0 as usize];
        let Some(deadline) = host.session.as_ref().and_then(Session::next_deadline) else { return };
        // Simulated time moves in microseconds: a tick must not come before the deadline.
        let at = now + deadline.since(start) + Duration::from_micros(1);
        if at < host.tick_at {
            host.tick_at = at;
            let life = host.life;
            self.kernel.queue.plan(at, Event::SchedulerTicks(index, life));
        }
    }

    fn scheduler_stops(&mut self, index: SchedulerIndex, outcome: Outcome) {
        self.kernel.note(format_args!("{index} stops: {outcome:?}"));
        let owner = self.scheduler(index).framework;
        let newest = self.framework(owner).scheduler == Some(index);
        let host = self.scheduler_mut(index);
        host.session = None;
        host.subscribed = false;
        host.offers.clear();
        host.life.0 += 1;
        host.outcome = Some(outcome.clone());
        self.kernel.abandon(Host::Scheduler(index), true);
        if !newest {
            return;
        }
        match outcome {
            Outcome::TornDown if !self.behaving => self.framework_mut(owner).over = true,
            Outcome::TornDown | Outcome::Removed { .. } => {
                if self.settings.frameworks_return {
                    let pause = self.kernel.chances.backoff.between(Duration::from_secs(1), Duration::from_secs(20));
                    self.kernel.after(pause, Event::SchedulerTakesOver(owner));
                } else {
                    self.framework_mut(owner).over = true;
                }
            }
            Outcome::TeardownUnconfirmed { .. } => {
                self.kernel.after(Duration::from_secs(5), Event::SchedulerTakesOver(owner));
            }
            Outcome::Asked | Outcome::NeverConnected { .. } | Outcome::Superseded { .. } | Outcome::Refused(_) => {
                self.framework_mut(owner).over = true;
            }
        }
    }

    /// The process of a scheduler is gone.
    pub(crate) fn crash_scheduler(&mut self, index: SchedulerIndex) {
        let host = self.scheduler_mut(index);
        if host.session.take().is_none() {
            return;
        }
        host.life.0 += 1;
        host.subscribed = false;
        host.offers.clear();
        host.streams.clear();
        self.kernel.note(format_args!("{index} crashes"));
        self.kernel.abandon(Host::Scheduler(index), true);
    }
}
