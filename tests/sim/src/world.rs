//! A whole cluster: masters, agents with their executors, and frameworks with their schedulers, in one queue of events.

use crate::{
    agents::AgentHost,
    checker::{Checker, first_unrest},
    coordination::Coordination,
    executors::ProcessId,
    followers::Follower,
    hosts::{AgentIndex, Host, Life, MasterIndex},
    kernel::{Event, Kernel},
    masters::{MasterHost, MasterState},
    model::ReadModel,
    network::{NetId, Packet, Side},
    record::Record,
    schedulers::{FrameworkHost, SchedulerHost},
    settings::Settings,
    time::Time,
    violation::{Invariant, Violation},
};
use framework_core::{Ticket, Unanswered};
use master_core::{Effect, Master, OperatorCall, OperatorReply};
use proto_types::{
    ClusterId, ExecutorId, FrameworkId, Rejection, ResourceName, Role, Scalar, TaskId, TaskKey,
    registry::{Fact, RegistryChange},
    resources::Limits,
    scheduling::{Refusal, Reply},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// Between two looks at everything.
const EVENTS_PER_CHECK: u64 = 10_000;

/// Up to so many agents, whoever was touched by an event is looked at after it.
const AGENTS_CHECKED_EACH_TIME: usize = 8;

/// A whole cluster.
#[derive(Debug)]
pub struct World {
    /// What everything stands on.
    pub kernel: Kernel,
    /// What the world is made of.
    pub settings: Settings,
    /// Who leads, and the log.
    pub coordination: Coordination,
    /// Master processes.
    pub masters: Vec<MasterHost>,
    /// Agents' machines.
    pub agents: Vec<AgentHost>,
    /// Frameworks.
    pub frameworks: Vec<FrameworkHost>,
    /// Scheduler processes.
    pub schedulers: Vec<SchedulerHost>,
    /// What the leader shows.
    pub model: ReadModel,
    /// Who watches.
    pub checker: Checker,
    /// How many faults there were.
    pub faults: u64,
    /// When the faults were over.
    pub healed_at: Option<Time>,
    /// When everything had found its place.
    pub rested_at: Option<Time>,
    /// What operators were answered.
    pub operator_answers: BTreeMap<u64, Result<OperatorReply, Refusal>>,
    /// What schedulers were answered.
    pub answers: BTreeMap<Ticket, Result<Reply, Unanswered>>,
    /// Why launches were refused; those of the last tasks.
    pub rejections: BTreeMap<TaskId, Rejection>,
    pub(crate) operator_calls: u64,
    pub(crate) schedulers_streams: BTreeSet<u64>,
    pub(crate) master_effects: Vec<Effect>,
    pub(crate) slow_disk: bool,
    /// Whether frameworks launch nothing new, so that the world can come to rest.
    pub(crate) behaving: bool,
    pub(crate) processes: u64,
    pub(crate) executor_connections: u64,
    pub(crate) dead_executors: BTreeMap<ProcessId, (Life, FrameworkId, ExecutorId, String)>,
    pub(crate) ends_sent: BTreeSet<TaskKey>,
    /// Those who follow in ZooKeeper who leads.
    pub(crate) followers: BTreeMap<Host, Follower>,
    /// How many campaigns there were.
    pub(crate) campaigns: u64,
    /// How many entries of the log were sealed.
    pub(crate) entries_sealed: u64,
    checked_at: u64,
}

impl World {
    /// A world at its beginning. Nothing has happened yet.
    #[must_use]
    pub fn new(settings: Settings, record: Record) -> Self {
        let (offer_timeout, ping_interval) = (settings.master.offer_timeout, settings.master.ping_interval);
        let mut world = Self {
            kernel: Kernel::new(settings.seed, settings.quality, record),
            coordination: Coordination::new(settings.masters, settings.session_timeout),
            masters: (0..settings.masters).map(|_| MasterHost::new()).collect(),
            agents: (0..settings.agents).map(|index| AgentHost::new(Settings::agent_info(index))).collect(),
            frameworks: Vec::new(),
            schedulers: Vec::new(),
            model: ReadModel::default(),
            checker: Checker::new(settings.agents as usize, offer_timeout, ping_interval),
            faults: 0,
            healed_at: None,
            rested_at: None,
            operator_answers: BTreeMap::new(),
            answers: BTreeMap::new(),
            rejections: BTreeMap::new(),
            operator_calls: 0,
            schedulers_streams: BTreeSet::new(),
            master_effects: Vec::new(),
            slow_disk: false,
            behaving: false,
            processes: 0,
            executor_connections: 0,
            dead_executors: BTreeMap::new(),
            ends_sent: BTreeSet::new(),
            followers: BTreeMap::new(),
            campaigns: 0,
            entries_sealed: 0,
            checked_at: 0,
            settings,
        };
        world.plan_beginning();
        world
    }

    fn plan_beginning(&mut self) {
        for index in 0..self.masters.len() as u32 {
            self.kernel.after(Duration::from_millis(1), Event::MasterStarts(MasterIndex(index), Life(0)));
        }
        for index in 0..self.agents.len() as u32 {
            let pause = self.kernel.chances.backoff.between(Duration::from_millis(100), Duration::from_secs(2));
            self.kernel.after(pause, Event::AgentStarts(AgentIndex(index), Life(0)));
        }
        for framework in self.settings.frameworks.clone() {
            let index = self.add_framework(framework);
            let pause = self.kernel.chances.backoff.between(Duration::from_millis(200), Duration::from_secs(3));
            self.kernel.after(pause, Event::SchedulerTakesOver(index));
        }
        if !self.settings.faults.is_empty() {
            self.plan_faults();
        }
        if let Some(every) = self.settings.operator_every {
            self.kernel.after(every, Event::OperatorActs);
        }
        let length = self.settings.length;
        self.kernel.after(length, Event::Healed);
    }

    /// Runs until everything has come to rest after the faults, something does not hold, or event `until` has happened.
    pub fn run(&mut self, until: Option<u64>) {
        while self.checker.violations.is_empty() && self.rested_at.is_none() {
            if until.is_some_and(|until| self.kernel.event >= until) || !self.step() {
                break;
            }
        }
    }

    /// Runs for so long.
    pub fn run_for(&mut self, length: Duration) {
        let end = self.kernel.now + length;
        while self.kernel.queue.next_at().is_some_and(|at| at <= end) {
            self.step();
        }
        self.kernel.now = end;
    }

    /// The next event. Says whether there was one.
    pub fn step(&mut self) -> bool {
        let Some((at, event)) = self.kernel.queue.pop() else { return false };
        self.kernel.now = at;
        self.kernel.event += 1;
        self.handle(event);
        if self.kernel.event - self.checked_at >= EVENTS_PER_CHECK {
            self.check_everything();
        }
        if !self.checker.violations.is_empty() {
            for violation in &self.checker.violations {
                self.kernel.record.note(self.kernel.now, self.kernel.event, format_args!("VIOLATION {violation}"));
            }
        }
        true
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Arrives { connection, side, packet } => self.on_arrival(connection, side, packet),
            Event::CallArrives { master, caller, packet } => self.on_call_arrives(master, caller, packet),
            Event::CallEnds { caller, result } => self.on_call_ends(caller, *result),
            Event::MasterTicks(index, life) => self.on_master_ticks(index, life),
            Event::MasterAllocates(index, life, epoch) => self.on_master_allocates(index, life, epoch),
            Event::LogFlushed(index, epoch) => self.on_log_flushed(index, epoch),
            Event::MasterWakes(index, life) => self.on_master_wakes(index, life),
            Event::MasterStarts(index, life) => self.on_master_starts(index, life),
            Event::MasterReads(index, life) => self.on_master_reads(index, life),
            Event::MasterLeads(index, life, epoch) => self.on_master_leads(index, life, epoch),
            Event::CampaignBegins(index, life) => self.on_campaign_begins(index, life),
            Event::CampaignTicks(index, life, number) => self.on_campaign_ticks(index, life, number),
            Event::CampaignConnects(index, life, number) => self.on_campaign_connects(index, life, number),
            Event::ZooKeeperServes { connection, session, turn } => {
                self.on_zookeeper_serves(connection, session, *turn)
            }
            Event::SessionExpires(session, since) => self.on_session_expires(session, since),
            Event::FollowerConnects(host, life) => self.on_follower_connects(host, life),
            Event::FollowerTicks(host, life) => self.on_follower_ticks(host, life),
            Event::AgentTicks(index, life) => self.on_agent_ticks(index, life),
            Event::JournalFlushed(index, life) => self.on_journal_flushed(index, life),
            Event::JournalSynced(index, life) => self.on_journal_synced(index, life),
            Event::AgentConnects(index, life) => self.on_agent_connects(index, life),
            Event::AgentStarts(index, life) => self.on_agent_starts(index, life),
            Event::Executor(index, process, event) => self.on_executor(index, process, event),
            Event::TaskEnds(index, key, number) => self.on_task_ends(index, &key, number),
            Event::SchedulerTicks(index, life) => self.on_scheduler_ticks(index, life),
            Event::SchedulerActs(index, life) => self.on_scheduler_acts(index, life),
            Event::SchedulerStarts(index, life) => self.on_scheduler_starts(index, life),
            Event::SchedulerTakesOver(framework) => self.on_scheduler_takes_over(framework),
            Event::OperatorActs => self.on_operator_acts(),
            Event::Fault(fault) => self.on_fault(fault),
            Event::FaultOver(fault) => self.on_fault_over(fault),
            Event::Healed => self.on_healed(),
            Event::RestCheck => self.on_rest_check(),
        }
    }

    fn on_arrival(&mut self, connection: NetId, side: Side, packet: Option<Packet>) {
        let Some((host, life)) = self.kernel.network.holder(connection, side) else { return };
        if packet.is_none() && self.kernel.network.survives(connection) {
            return;
        }
        match host {
            Host::ZooKeeper => self.on_packet_for_zookeeper(connection, packet),
            Host::Master(index) if side == Side::Client => {
                if self.master(index).life == life && !self.on_packet_for_follower(host, connection, &packet) {
                    self.on_packet_for_campaign(index, connection, packet);
                }
            }
            Host::Master(index) => {
                let there = self.master(index);
                if there.life != life || matches!(there.state, MasterState::Down) {
                    self.kernel.network.close_end(connection, side);
                    let arrivals = self.kernel.network.break_connection(
                        connection,
                        self.kernel.now,
                        &mut self.kernel.chances.network,
                    );
                    return self.kernel.arrive(arrivals);
                }
                self.on_packet_for_master(index, connection, packet);
            }
            Host::Agent(index) => {
                if self.agent(index).life == life && !self.on_packet_for_follower(host, connection, &packet) {
                    self.on_packet_for_agent(index, connection, packet);
                    self.check_agent_soon(index);
                }
            }
            Host::Scheduler(index) => {
                if self.scheduler(index).life == life {
                    self.on_packet_for_scheduler(index, connection, packet);
                }
            }
        }
    }

    fn on_rest_check(&mut self) {
        let healed = self.healed_at.unwrap_or_default();
        let Some(unrest) = first_unrest(self) else {
            self.check_everything();
            self.kernel.note(format_args!("RESTED"));
            self.rested_at = Some(self.kernel.now);
            return;
        };
        if self.kernel.now - healed >= self.settings.rest_within {
            let Violation { invariant, detail } = unrest;
            let within = crate::time::seconds(self.settings.rest_within);
            return self.checker.violate(invariant, format!("{detail} (no rest within {within} after the faults)"));
        }
        self.kernel.after(Duration::from_secs(1), Event::RestCheck);
    }

    /// Looks at an agent after an event in a small world.
    pub(crate) fn check_agent_soon(&mut self, index: AgentIndex) {
        if self.agents.len() <= AGENTS_CHECKED_EACH_TIME {
            self.check_agent(index);
        }
    }

    pub(crate) fn check_agent(&mut self, index: AgentIndex) {
        let Some(core) = &self.agents[index.0 as usize].core else { return };
        for violation in core.check() {
            let detail = format!("{index}: {}: {}", violation.rule, violation.detail);
            self.checker.violate(Invariant::TheAgentsBooksAgree, detail);
        }
    }

    /// Looks at a master after an event in a small world.
    pub(crate) fn check_master_soon(&mut self, core: &Master) {
        if self.agents.len() <= AGENTS_CHECKED_EACH_TIME {
            self.check_master(core);
        }
    }

    fn check_master(&mut self, core: &Master) {
        for violation in core.check() {
            let detail = format!("{}: {}", violation.invariant, violation.detail);
            self.checker.violate(Invariant::TheMastersBooksAgree, detail);
        }
    }

    /// Looks at everything.
    pub fn check_everything(&mut self) {
        self.checked_at = self.kernel.event;
        for index in 0..self.agents.len() as u32 {
            self.check_agent(AgentIndex(index));
        }
        let Some(leader) = self.coordination.leader else { return };
        let state = std::mem::replace(&mut self.master_mut(leader).state, MasterState::Standby);
        if let MasterState::Leading(term) = &state {
            self.check_master(&term.core);
            self.check_snapshot(&term.core, &term.cluster, leader);
        }
        self.master_mut(leader).state = state;
    }

    /// A master that is rebuilt from a snapshot of another has the same registry.
    fn check_snapshot(&mut self, core: &Master, cluster: &ClusterId, leader: MasterIndex) {
        let lasting = |changes: Vec<RegistryChange>| -> Vec<RegistryChange> {
            let away = |change: &RegistryChange| matches!(change.fact, Fact::FrameworkDisconnected { .. });
            changes.into_iter().filter(|change| !away(change)).collect()
        };
        let now = self.kernel.now.now(self.master(leader).skew_ms);
        let snapshot = core.snapshot();
        let again = Master::recover(self.settings.master.clone(), cluster.clone(), core.epoch(), snapshot.clone(), now);
        let (before, after) = (lasting(snapshot), lasting(again.snapshot()));
        if before != after {
            let first = before.iter().zip(&after).find(|(one, other)| one != other);
            let detail = format!("{} facts become {}; first {first:?}", before.len(), after.len());
            self.checker.violate(Invariant::ASnapshotRebuildsTheRegistry, detail);
        }
    }

    /// The operator changes a weight now and then, so that something is written.
    fn on_operator_acts(&mut self) {
        let Some(every) = self.settings.operator_every.filter(|_| !self.behaving) else { return };
        self.kernel.after(every, Event::OperatorActs);
        let Ok(role) = Role::new("tuned") else { return };
        let weight_milli = Some(1001 + self.operator_calls % 1000);
        self.operate(OperatorCall::UpdateRole { role, weight_milli, limit: None });
    }

    /// The operator limits a role and changes a weight.
    pub(crate) fn set_limits(&mut self) {
        if !self.settings.limits {
            return;
        }
        let Ok(role) = Role::new("prod") else { return };
        let cpus = Scalar::from_units(u64::from(self.settings.agents) * 4);
        let limit = Some(Limits::from_iter([(ResourceName::Cpus, cpus)]));
        self.operate(OperatorCall::UpdateRole { role, weight_milli: Some(2000), limit });
    }

    /// Whether all is well.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.checker.violations.is_empty()
    }
}
