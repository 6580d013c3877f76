//! Master processes: the shell around [`master_core::Master`], with its log, its stalls and its end.

mod campaign;
mod hearing;
mod writer;
mod writing;

pub use campaign::Campaign;
pub use writer::Writer;

use crate::{
    faults::Fault,
    hosts::{Host, Life, MasterIndex},
    kernel::{Caller, Event},
    network::{CallPacket, CallResult, NetId, Packet},
    outbox::Outbox,
    time::Time,
    world::World,
};
use master_core::{CallId, Config, Effect, Input, Master, OperatorCall, Recipient};
use proto_types::{ClusterId, Epoch, registry::RegistryChange};
use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

/// Between two rounds of allocation at least. Larger worlds allocate more at once, as a real master under load does.
const ALLOCATION_PAUSE: Duration = Duration::from_millis(20);

/// A master process.
#[derive(Debug)]
pub struct MasterHost {
    /// Which start of it.
    pub life: Life,
    /// What it does.
    pub state: MasterState,
    /// Its campaign in ZooKeeper, whether it leads or stands for election.
    pub campaign: Option<Box<Campaign>>,
    /// The cluster that it has led: another's log is somebody's mistake.
    pub cluster: Option<ClusterId>,
    /// Until when it does nothing.
    pub stalled: Option<Time>,
    /// What it will react to after a stall.
    inbox: VecDeque<MasterInput>,
    /// How far its wall clock is off.
    pub skew_ms: i64,
}

/// What a master process does.
#[derive(Debug)]
pub enum MasterState {
    /// It does not run.
    Down,
    /// It waits to be elected.
    Standby,
    /// It reads the log in its directory.
    Reading(Epoch),
    /// It leads, or believes so.
    Leading(Box<Term>),
}

/// A term of a leader.
#[derive(Debug)]
pub struct Term {
    /// The master itself.
    pub core: Master,
    /// Its epoch.
    pub epoch: Epoch,
    /// The cluster that it leads.
    pub cluster: ClusterId,
    /// Where its changes go.
    pub log: TermLog,
    outbox: Outbox<Recipient, Effect>,
    allocation_planned: bool,
    calls: BTreeMap<CallId, MasterCaller>,
    next_call: u64,
    /// When time last passed for it.
    pub ticked: Time,
}

/// Where a term's changes go.
#[derive(Debug)]
pub enum TermLog {
    /// To the log in the directory, which was so long when the term began.
    Embedded(usize),
    /// To the log in ZooKeeper.
    Fenced(Box<Writer>),
}

/// Who called a master.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MasterCaller {
    Scheduler(Caller),
    Operator(u64),
}

/// What comes to a master process.
#[derive(Debug)]
enum MasterInput {
    Core(Input),
    Call(Caller, Box<CallPacket>),
    Operate(u64, OperatorCall),
    ZooKeeper(NetId, Option<Packet>),
}

impl MasterHost {
    /// A process that does not run yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            life: Life(0),
            state: MasterState::Down,
            campaign: None,
            cluster: None,
            stalled: None,
            inbox: VecDeque::new(),
            skew_ms: 0,
        }
    }

    /// Its term, if it leads.
    #[must_use]
    pub fn term(&self) -> Option<&Term> {
        match &self.state {
            MasterState::Leading(term) => Some(term),
            MasterState::Down | MasterState::Standby | MasterState::Reading(_) => None,
        }
    }
}

impl Default for MasterHost {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    /// A master process.
    pub(crate) fn master(&self, index: MasterIndex) -> &MasterHost {
        &self.masters[index.0 as usize]
    }

    pub(crate) fn master_mut(&mut self, index: MasterIndex) -> &mut MasterHost {
        &mut self.masters[index.0 as usize]
    }

    /// The term of whoever was elected last.
    #[must_use]
    pub fn leading(&self) -> Option<&Term> {
        let term = self.master(self.coordination.leader?).term()?;
        (term.epoch == self.coordination.epoch).then_some(term)
    }

    pub(crate) fn on_master_starts(&mut self, index: MasterIndex, life: Life) {
        let host = self.master_mut(index);
        if host.life != life || !matches!(host.state, MasterState::Down) {
            return;
        }
        host.state = MasterState::Standby;
        self.kernel.note(format_args!("{index} starts"));
        if self.coordination.ensemble.is_some() {
            self.follow(Host::Master(index), life);
            self.kernel.after(Duration::from_millis(50), Event::CampaignBegins(index, life));
        } else {
            self.kernel.after(Duration::from_millis(50), Event::MasterReads(index, life));
        }
    }

    /// The only master begins to read the log in its directory.
    pub(crate) fn on_master_reads(&mut self, index: MasterIndex, life: Life) {
        let host = self.master(index);
        if host.life != life || !matches!(host.state, MasterState::Standby) || host.stalled.is_some() {
            return;
        }
        self.coordination.epoch = Epoch(self.coordination.epoch.0 + 1);
        let epoch = self.coordination.epoch;
        // What was being written when the last one ended is there or not.
        self.coordination.log.crash(&mut self.kernel.chances.disk);
        self.checker.log_settled(epoch, self.coordination.log.entries());
        self.coordination.leader = Some(index);
        self.master_mut(index).state = MasterState::Reading(epoch);
        self.kernel.note(format_args!("{index} is elected, epoch {epoch}"));
        let reading = self.settings.disk_delay(&mut self.kernel.chances.disk, self.slow_disk);
        self.kernel.after(reading * 2, Event::MasterLeads(index, life, epoch));
    }

    pub(crate) fn on_master_leads(&mut self, index: MasterIndex, life: Life, epoch: Epoch) {
        if self.master(index).life != life || self.coordination.epoch != epoch {
            return;
        }
        if !matches!(self.master(index).state, MasterState::Reading(_)) {
            return;
        }
        let mut registry = self.coordination.log.entries().to_vec();
        if self.settings.compacts && self.kernel.chances.disk.once_in(2) {
            registry = self.compact_directory(index, epoch, registry);
        }
        let (cluster, log) = (self.coordination.cluster.clone(), TermLog::Embedded(registry.len()));
        self.begin_term(index, cluster, epoch, registry, log);
    }

    fn compact_directory(
        &mut self,
        index: MasterIndex,
        epoch: Epoch,
        registry: Vec<RegistryChange>,
    ) -> Vec<RegistryChange> {
        let now = self.kernel.now.now(self.master(index).skew_ms);
        let (cluster, length) = (self.coordination.cluster.clone(), registry.len());
        let snapshot = Master::recover(self.master_config(), cluster, epoch, registry, now).snapshot();
        self.kernel.note(format_args!("{index} compacts the log from {length} to {}", snapshot.len()));
        self.checker.log_compacted(snapshot.len());
        self.coordination.log.compact(snapshot.clone());
        snapshot
    }

    /// A term begins with what was read.
    fn begin_term(
        &mut self,
        index: MasterIndex,
        cluster: ClusterId,
        epoch: Epoch,
        registry: Vec<RegistryChange>,
        log: TermLog,
    ) {
        let (life, records) = (self.master(index).life, registry.len());
        let now = self.kernel.now.now(self.master(index).skew_ms);
        let registry = self.tamper_registry(registry);
        let term = Term {
            core: Master::recover(self.master_config(), cluster.clone(), epoch, registry, now),
            epoch,
            cluster: cluster.clone(),
            log,
            outbox: Outbox::default(),
            allocation_planned: false,
            calls: BTreeMap::new(),
            next_call: 0,
            ticked: self.kernel.now,
        };
        self.master_mut(index).state = MasterState::Leading(Box::new(term));
        self.kernel.note(format_args!("{index} leads in epoch {epoch} with {records} records"));
        // A leader whose term began late does not hide the one that has begun a higher epoch meanwhile.
        if epoch >= self.coordination.epoch || self.coordination.cluster != cluster {
            (self.coordination.epoch, self.coordination.leader) = (epoch, Some(index));
            self.coordination.cluster = cluster;
            self.model.clear();
            self.checker.term_begun();
        }
        self.kernel.after(master_core::config::TICK, Event::MasterTicks(index, life));
        if epoch == Epoch(1) || !self.checker.has_limits() {
            self.set_limits();
        }
        self.check_everything();
    }

    /// What the operator set.
    pub(crate) fn master_config(&self) -> Config {
        self.tamper_master_config(self.settings.master.clone())
    }

    pub(crate) fn on_master_ticks(&mut self, index: MasterIndex, life: Life) {
        if self.master(index).life != life {
            return;
        }
        if let Some(until) = self.master(index).stalled {
            return self.kernel.queue.plan(until + Duration::from_micros(1), Event::MasterTicks(index, life));
        }
        if self.master(index).term().is_none() {
            return;
        }
        self.kernel.after(master_core::config::TICK, Event::MasterTicks(index, life));
        self.give_master(index, MasterInput::Core(Input::Tick));
    }

    pub(crate) fn on_master_allocates(&mut self, index: MasterIndex, life: Life, epoch: Epoch) {
        if self.master(index).life != life {
            return;
        }
        if let Some(until) = self.master(index).stalled {
            return self
                .kernel
                .queue
                .plan(until + Duration::from_micros(2), Event::MasterAllocates(index, life, epoch));
        }
        let MasterState::Leading(term) = &mut self.master_mut(index).state else { return };
        if term.epoch != epoch {
            return;
        }
        term.allocation_planned = false;
        self.give_master(index, MasterInput::Core(Input::Allocate));
    }

    pub(crate) fn on_master_wakes(&mut self, index: MasterIndex, life: Life) {
        let host = self.master_mut(index);
        if host.life != life || host.stalled.take().is_none() {
            return;
        }
        let inbox = std::mem::take(&mut host.inbox);
        self.listen_to_sessions();
        self.kernel.note(format_args!("{index} wakes up"));
        // Whether the clock or what waited is looked at first is a matter of luck.
        if self.kernel.chances.network.once_in(2) && self.master(index).term().is_some() {
            self.give_master(index, MasterInput::Core(Input::Tick));
        }
        for input in inbox {
            self.give_master(index, input);
        }
    }

    /// A write of a leader fails, so that nobody knows what was written: its term ends, the process goes on.
    pub(crate) fn fail_log(&mut self, index: MasterIndex) {
        if self.master(index).campaign.is_some() {
            return self.end_campaign(index, "a write failed");
        }
        let Some(epoch) = self.master(index).term().map(|term| term.epoch) else { return };
        self.kernel.note(format_args!("{index} steps down from epoch {epoch}"));
        self.end_term(index);
        let life = self.master(index).life;
        self.kernel.after(Duration::from_millis(50), Event::MasterReads(index, life));
    }

    /// The term of a process is over, the process lives.
    fn end_term(&mut self, index: MasterIndex) {
        let host = self.master_mut(index);
        let MasterState::Leading(term) = std::mem::replace(&mut host.state, MasterState::Standby) else { return };
        let inbox = std::mem::take(&mut host.inbox);
        self.lose_calls(index, *term, inbox);
        self.leads_no_more(index);
        self.kernel.abandon(Host::Master(index), true);
    }

    fn leads_no_more(&mut self, index: MasterIndex) {
        if self.coordination.leader == Some(index) {
            self.coordination.leader = None;
            self.model.clear();
        }
    }

    /// What nobody will answer any more is lost to its callers.
    fn lose_calls(&mut self, index: MasterIndex, term: Term, inbox: VecDeque<MasterInput>) {
        for caller in term.calls.into_values() {
            if let MasterCaller::Scheduler(caller) = caller {
                self.end_call(index, caller, CallResult::Lost);
            }
        }
        for input in inbox {
            if let MasterInput::Call(caller, _) = input {
                self.end_call(index, caller, CallResult::Lost);
            }
        }
    }

    /// The process of a master is gone.
    pub(crate) fn crash_master(&mut self, index: MasterIndex) {
        let host = self.master_mut(index);
        if matches!(host.state, MasterState::Down) {
            return;
        }
        let state = std::mem::replace(&mut host.state, MasterState::Down);
        host.life.0 += 1;
        let inbox = std::mem::take(&mut host.inbox);
        (host.stalled, host.campaign, host.cluster) = (None, None, None);
        self.followers.remove(&Host::Master(index));
        if let MasterState::Leading(term) = state {
            self.lose_calls(index, *term, inbox);
        }
        self.kernel.abandon(Host::Master(index), true);
        self.leads_no_more(index);
        self.listen_to_sessions();
    }

    /// ZooKeeper ends the leader's session, and the leader is cut off from it, so that it does not hear of it.
    pub(crate) fn depose(&mut self, blind: Option<Duration>) {
        let Some(index) = self.coordination.leader.filter(|_| self.coordination.ensemble.is_some()) else { return };
        self.kernel.note(format_args!("{index} is deposed and does not know it"));
        self.end_sessions_of(index, false);
        self.cut_between(Host::Master(index), Host::ZooKeeper);
        let drawn = self.kernel.chances.faults.between(Duration::from_secs(2), Duration::from_secs(15));
        self.kernel.after(blind.unwrap_or(drawn), Event::FaultOver(Fault::ZooKeeperCut(index)));
    }
}

impl Term {
    fn take_call(&mut self, caller: MasterCaller) -> CallId {
        self.next_call += 1;
        let call = CallId(self.next_call);
        self.calls.insert(call, caller);
        call
    }
}
