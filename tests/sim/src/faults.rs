//! What breaks, and when.

use crate::{
    hosts::{AgentIndex, FrameworkIndex, Host, MasterIndex, SchedulerIndex},
    kernel::Event,
    masters::MasterState,
    world::World,
    zookeeper::Loss,
};
use std::{collections::BTreeSet, fmt, str::FromStr, time::Duration};

/// Something that breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A master process dies and comes back.
    MasterCrash(MasterIndex),
    /// A master does nothing for a while, and nobody else notices.
    MasterStall(MasterIndex),
    /// Another master is elected while the leader believes that it leads.
    Depose,
    /// ZooKeeper ends a master's session, whose client goes on with another and never learns of it.
    SessionReplaced(MasterIndex),
    /// A master is cut off from ZooKeeper and from nobody else.
    ZooKeeperCut(MasterIndex),
    /// A master is cut off from everybody but ZooKeeper.
    MasterCut(MasterIndex),
    /// A part of ZooKeeper is gone.
    EnsembleLost(Loss),
    /// A write of the leader fails: its fate is unknown, the term ends.
    LogFailure(MasterIndex),
    /// The wall clock of a master jumps.
    ClockJump(MasterIndex),
    /// An agent process dies and comes back.
    AgentCrash(AgentIndex),
    /// An agent's machine is started anew.
    AgentReboot(AgentIndex),
    /// An agent is cut off from the masters.
    AgentCut(AgentIndex),
    /// Many agents are cut off at once: so many from this one on.
    ManyCut(AgentIndex, u32),
    /// The executors on a machine die.
    ExecutorCrash(AgentIndex),
    /// A scheduler process dies, and another comes.
    SchedulerCrash(SchedulerIndex),
    /// A scheduler is cut off from the masters.
    SchedulerCut(SchedulerIndex),
    /// A scheduler is cut off, and another takes over meanwhile.
    SchedulerReplaced(FrameworkIndex),
    /// A framework's scheduler dies and none comes back.
    SchedulerLost(FrameworkIndex),
    /// All disks are slow.
    SlowDisk,
    /// An operator takes an agent out of use or back, or gives it up.
    Operated(AgentIndex),
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// The kinds of faults, as they are switched on.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum FaultKind {
            $($(#[$doc])* $variant,)*
        }

        impl FaultKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

kinds! {
    /// Messages are late, connections break, calls are lost and doubled.
    Network = "network",
    /// Masters die.
    Master = "master",
    /// Masters stall.
    Stall = "stall",
    /// Leaders are deposed without knowing it.
    Depose = "depose",
    /// Sessions end without a word.
    Session = "session",
    /// Masters are cut off from ZooKeeper, or from everybody else.
    Partition = "partition",
    /// ZooKeeper's servers die, and its answers are lost.
    Ensemble = "ensemble",
    /// Writes fail.
    Log = "log",
    /// Wall clocks jump.
    Clock = "clock",
    /// Agent processes die.
    Agent = "agent",
    /// Machines are started anew.
    Reboot = "reboot",
    /// Agents are cut off.
    Cut = "cut",
    /// Many agents are cut off at once.
    Mass = "mass",
    /// Executors die.
    Executor = "executor",
    /// Schedulers die and are replaced.
    Scheduler = "scheduler",
    /// Schedulers are cut off, and others take over meanwhile.
    Takeover = "takeover",
    /// Schedulers die for good.
    Lost = "lost",
    /// Disks are slow.
    Disk = "disk",
    /// Operators take agents out of use and back, and give some up.
    Operator = "operator",
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text names no kind of fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no kind of fault; there are all, none, {names}", names = FaultKind::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", "))]
pub struct UnknownFault(String);

impl FromStr for FaultKind {
    type Err = UnknownFault;

    fn from_str(text: &str) -> Result<Self, UnknownFault> {
        Self::ALL.iter().copied().find(|kind| kind.name() == text).ok_or_else(|| UnknownFault(text.to_owned()))
    }
}

/// Reads a list of kinds: `all`, `none`, or names with commas between.
///
/// # Errors
/// The name that names none.
pub fn parse_kinds(text: &str) -> Result<BTreeSet<FaultKind>, UnknownFault> {
    match text {
        "all" => Ok(FaultKind::ALL.iter().copied().collect()),
        "none" | "" => Ok(BTreeSet::new()),
        names => names.split(',').map(str::parse).collect(),
    }
}

/// A list of kinds as [`parse_kinds`] reads it.
#[must_use]
pub fn print_kinds(kinds: &BTreeSet<FaultKind>) -> String {
    if kinds.len() == FaultKind::ALL.len() {
        return "all".to_owned();
    }
    if kinds.is_empty() {
        return "none".to_owned();
    }
    kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(",")
}

impl World {
    /// Plans the first fault of each kind.
    pub(crate) fn plan_faults(&mut self) {
        for kind in self.settings.faults.clone() {
            self.plan_fault(kind);
        }
    }

    fn plan_fault(&mut self, kind: FaultKind) {
        let mean = self.settings.fault_interval(kind);
        let pause = self.kernel.chances.faults.waiting(mean);
        if let Some(fault) = self.draw(kind) {
            self.kernel.after(pause, Event::Fault(fault));
        }
    }

    fn draw(&mut self, kind: FaultKind) -> Option<Fault> {
        let elects = self.coordination.ensemble.is_some();
        let chance = &mut self.kernel.chances.faults;
        let master = MasterIndex(chance.below(self.masters.len() as u64) as u32);
        let agent = AgentIndex(chance.below(self.agents.len() as u64) as u32);
        let framework = FrameworkIndex(chance.below(self.frameworks.len() as u64) as u32);
        let scheduler = SchedulerIndex(0);
        Some(match kind {
            FaultKind::Network => return None,
            FaultKind::Depose | FaultKind::Session | FaultKind::Partition | FaultKind::Ensemble if !elects => {
                return None;
            }
            FaultKind::Session => Fault::SessionReplaced(master),
            FaultKind::Partition if chance.once_in(3) => Fault::MasterCut(master),
            FaultKind::Partition => Fault::ZooKeeperCut(master),
            FaultKind::Ensemble => {
                let losses = [Loss::Minority, Loss::Minority, Loss::Leader, Loss::Leader, Loss::Whole];
                Fault::EnsembleLost(losses[chance.index(losses.len())])
            }
            FaultKind::Master => Fault::MasterCrash(master),
            FaultKind::Stall => Fault::MasterStall(master),
            FaultKind::Depose => Fault::Depose,
            FaultKind::Log => Fault::LogFailure(master),
            FaultKind::Clock => Fault::ClockJump(master),
            FaultKind::Agent => Fault::AgentCrash(agent),
            FaultKind::Reboot => Fault::AgentReboot(agent),
            FaultKind::Cut => Fault::AgentCut(agent),
            FaultKind::Mass => {
                let count = self.agents.len() as u64 / 4 + chance.below(self.agents.len() as u64 / 2 + 1);
                Fault::ManyCut(agent, count as u32)
            }
            FaultKind::Executor => Fault::ExecutorCrash(agent),
            FaultKind::Scheduler if chance.once_in(2) => Fault::SchedulerCut(scheduler),
            FaultKind::Scheduler => Fault::SchedulerCrash(scheduler),
            FaultKind::Takeover => Fault::SchedulerReplaced(framework),
            FaultKind::Lost => Fault::SchedulerLost(framework),
            FaultKind::Disk => Fault::SlowDisk,
            FaultKind::Operator => Fault::Operated(agent),
        })
    }

    pub(crate) fn on_fault(&mut self, fault: Fault) {
        if self.behaving {
            return;
        }
        self.faults += 1;
        let kind = fault.kind();
        let fault = self.aim(fault);
        if self.schedulers.is_empty() && matches!(fault, Fault::SchedulerCrash(_) | Fault::SchedulerCut(_)) {
            return self.plan_fault(kind);
        }
        self.kernel.note(format_args!("FAULT {fault:?}"));
        self.strike(fault);
        self.plan_fault(kind);
    }

    /// Faults of processes hit whoever is there when they strike.
    fn aim(&mut self, fault: Fault) -> Fault {
        let leader = self.coordination.leader;
        match fault {
            Fault::MasterCrash(index) => Fault::MasterCrash(leader.unwrap_or(index)),
            Fault::MasterStall(index) => Fault::MasterStall(leader.unwrap_or(index)),
            Fault::LogFailure(index) => Fault::LogFailure(leader.unwrap_or(index)),
            Fault::SessionReplaced(index) => Fault::SessionReplaced(leader.unwrap_or(index)),
            Fault::SchedulerCrash(index) => Fault::SchedulerCrash(self.some_scheduler().unwrap_or(index)),
            Fault::SchedulerCut(index) => Fault::SchedulerCut(self.some_scheduler().unwrap_or(index)),
            other => other,
        }
    }

    fn some_scheduler(&mut self) -> Option<SchedulerIndex> {
        let newest: Vec<SchedulerIndex> = self.frameworks.iter().filter_map(|framework| framework.scheduler).collect();
        self.kernel.chances.faults.pick(&newest).copied()
    }

    fn draw_length(&mut self, low: u64, high: u64) -> Duration {
        self.kernel.chances.faults.between(Duration::from_millis(low), Duration::from_millis(high))
    }

    /// Something breaks now.
    pub fn strike(&mut self, fault: Fault) {
        match fault {
            Fault::MasterCrash(index) => {
                self.crash_master(index);
                let down = self.draw_length(500, 8_000);
                self.kernel.after(down, Event::MasterStarts(index, self.master(index).life));
            }
            Fault::MasterStall(index) => {
                let length = self.draw_length(500, 20_000);
                self.stall(index, length);
            }
            Fault::Depose => self.depose(None),
            Fault::LogFailure(index) => self.fail_log(index),
            Fault::SessionReplaced(index) => self.end_sessions_of(index, true),
            Fault::ZooKeeperCut(index) => {
                self.cut_between(Host::Master(index), Host::ZooKeeper);
                let length = self.draw_length(500, 40_000);
                self.kernel.after(length, Event::FaultOver(fault));
            }
            Fault::MasterCut(index) => {
                self.cut_master(index);
                let length = self.draw_length(500, 60_000);
                self.kernel.after(length, Event::FaultOver(fault));
            }
            Fault::EnsembleLost(loss) => self.strike_ensemble(loss),
            Fault::ClockJump(index) => {
                let jump = self.draw_length(0, 7_200_000).as_millis() as i64;
                self.master_mut(index).skew_ms = jump - 3_600_000;
            }
            Fault::AgentCrash(index) => {
                self.crash_agent(index, true);
                let down = self.draw_length(200, 20_000);
                self.kernel.after(down, Event::AgentStarts(index, self.agent(index).life));
            }
            Fault::AgentReboot(index) => {
                self.reboot_agent(index);
                let down = self.draw_length(5_000, 60_000);
                self.kernel.after(down, Event::AgentStarts(index, self.agent(index).life));
            }
            Fault::AgentCut(index) => self.cut_agents(fault, index.0, 1),
            Fault::ManyCut(first, count) => self.cut_agents(fault, first.0, count),
            Fault::ExecutorCrash(index) => {
                let processes: Vec<_> = self.agent(index).machine.executors().map(|(id, ..)| id).collect();
                for id in processes {
                    self.end_process(index, id, "it crashed");
                }
            }
            Fault::SchedulerCrash(index) => {
                self.crash_scheduler(index);
                let (framework, down) = (self.scheduler(index).framework, self.draw_length(100, 15_000));
                self.kernel.after(down, Event::SchedulerTakesOver(framework));
            }
            Fault::SchedulerCut(index) => self.cut_scheduler(fault, index),
            Fault::SchedulerReplaced(framework) => {
                let Some(old) = self.framework(framework).scheduler else { return };
                self.cut_scheduler(Fault::SchedulerCut(old), old);
                let pause = self.draw_length(100, 5_000);
                self.kernel.after(pause, Event::SchedulerTakesOver(framework));
            }
            Fault::SchedulerLost(framework) => {
                let Some(index) = self.framework(framework).scheduler else { return };
                self.crash_scheduler(index);
                let failover = self.framework(framework).failover_timeout;
                let pause = failover + self.draw_length(60_000, 120_000);
                self.kernel.after(pause, Event::SchedulerTakesOver(framework));
            }
            Fault::Operated(index) => {
                self.operate_on(index);
                let length = self.draw_length(1_000, 30_000);
                self.kernel.after(length, Event::FaultOver(fault));
            }
            Fault::SlowDisk => {
                self.slow_disk = true;
                let length = self.draw_length(1_000, 20_000);
                self.kernel.after(length, Event::FaultOver(fault));
            }
        }
    }

    pub(crate) fn stall(&mut self, index: MasterIndex, length: Duration) {
        let until = self.kernel.now + length;
        let host = self.master_mut(index);
        if host.stalled.is_some() || matches!(host.state, MasterState::Down) {
            return;
        }
        host.stalled = Some(until);
        let life = host.life;
        self.kernel.queue.plan(until, Event::MasterWakes(index, life));
        self.listen_to_sessions();
    }

    fn cut_agents(&mut self, fault: Fault, first: u32, count: u32) {
        let length = self.draw_length(1_000, 90_000);
        let all = self.agents.len() as u32;
        for offset in 0..count.min(all) {
            self.cut(Host::Agent(AgentIndex((first + offset) % all)));
        }
        self.kernel.after(length, Event::FaultOver(fault));
    }

    fn cut_scheduler(&mut self, fault: Fault, index: SchedulerIndex) {
        self.cut(Host::Scheduler(index));
        let length = self.draw_length(500, 40_000);
        self.kernel.after(length, Event::FaultOver(fault));
    }

    /// Cuts a host off from all masters.
    pub fn cut(&mut self, host: Host) {
        for master in 0..self.masters.len() as u32 {
            let master = Host::Master(MasterIndex(master));
            if !self.kernel.network.is_cut(host, master) {
                self.cut_between(host, master);
            }
        }
    }

    /// Cuts two hosts off from each other.
    pub(crate) fn cut_between(&mut self, one: Host, another: Host) {
        let arrivals = self.kernel.network.cut(one, another, self.kernel.now, &mut self.kernel.chances.network);
        self.kernel.arrive(arrivals);
        self.listen_to_sessions();
    }

    /// Cuts a master off from everybody but ZooKeeper.
    fn cut_master(&mut self, index: MasterIndex) {
        for host in self.clients() {
            self.cut_between(host, Host::Master(index));
        }
    }

    /// Everybody who talks to masters.
    fn clients(&self) -> Vec<Host> {
        let agents = (0..self.agents.len() as u32).map(|index| Host::Agent(AgentIndex(index)));
        agents.chain((0..self.schedulers.len() as u32).map(|index| Host::Scheduler(SchedulerIndex(index)))).collect()
    }

    /// Joins two hosts again.
    pub(crate) fn heal_between(&mut self, one: Host, another: Host) {
        let arrivals = self.kernel.network.heal(one, another, self.kernel.now, &mut self.kernel.chances.network);
        self.kernel.arrive(arrivals);
        self.listen_to_sessions();
    }

    /// Ends what cuts a host off from the masters.
    pub fn heal(&mut self, host: Host) {
        for master in 0..self.masters.len() as u32 {
            self.heal_between(host, Host::Master(MasterIndex(master)));
        }
    }

    pub(crate) fn on_fault_over(&mut self, fault: Fault) {
        self.kernel.note(format_args!("OVER {fault:?}"));
        match fault {
            Fault::AgentCut(index) => self.heal(Host::Agent(index)),
            Fault::ManyCut(first, count) => {
                let all = self.agents.len() as u32;
                for offset in 0..count.min(all) {
                    self.heal(Host::Agent(AgentIndex((first.0 + offset) % all)));
                }
            }
            Fault::SchedulerCut(index) => self.heal(Host::Scheduler(index)),
            Fault::SlowDisk => self.slow_disk = false,
            Fault::Operated(index) => self.give_agent_back(index),
            Fault::ZooKeeperCut(index) => self.heal_between(Host::Master(index), Host::ZooKeeper),
            Fault::MasterCut(index) => {
                self.clients().into_iter().for_each(|host| self.heal_between(host, Host::Master(index)));
            }
            Fault::EnsembleLost(_) => self.restore_ensemble(),
            _ => {}
        }
    }

    /// The faults are over: everything that is cut off is joined again, and nothing breaks any more.
    pub(crate) fn on_healed(&mut self) {
        self.behaving = true;
        self.slow_disk = false;
        self.restore_ensemble();
        self.healed_at = Some(self.kernel.now);
        self.kernel.note(format_args!("HEALED"));
        self.kernel.network.set_quality(crate::network::Quality::GOOD);
        for (one, another) in self.kernel.network.cuts() {
            self.heal_between(one, another);
        }
        if self.settings.faults.contains(&FaultKind::Operator) {
            (0..self.agents.len() as u32).for_each(|index| self.give_agent_back(AgentIndex(index)));
        }
        self.kernel.after(Duration::from_secs(1), Event::RestCheck);
    }
}

impl Fault {
    /// Of which kind it is.
    #[must_use]
    pub fn kind(self) -> FaultKind {
        match self {
            Self::MasterCrash(_) => FaultKind::Master,
            Self::MasterStall(_) => FaultKind::Stall,
            Self::Depose => FaultKind::Depose,
            Self::SessionReplaced(_) => FaultKind::Session,
            Self::ZooKeeperCut(_) | Self::MasterCut(_) => FaultKind::Partition,
            Self::EnsembleLost(_) => FaultKind::Ensemble,
            Self::LogFailure(_) => FaultKind::Log,
            Self::ClockJump(_) => FaultKind::Clock,
            Self::AgentCrash(_) => FaultKind::Agent,
            Self::AgentReboot(_) => FaultKind::Reboot,
            Self::AgentCut(_) => FaultKind::Cut,
            Self::ManyCut(..) => FaultKind::Mass,
            Self::ExecutorCrash(_) => FaultKind::Executor,
            Self::SchedulerCrash(_) | Self::SchedulerCut(_) => FaultKind::Scheduler,
            Self::SchedulerReplaced(_) => FaultKind::Takeover,
            Self::SchedulerLost(_) => FaultKind::Lost,
            Self::SlowDisk => FaultKind::Disk,
            Self::Operated(_) => FaultKind::Operator,
        }
    }
}
