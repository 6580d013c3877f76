//! Master processes: the shell around [`master_core::Master`], with its log, its stalls and its end.

mod hearing;
mod writing;

use crate::{
    hosts::{Host, Life, MasterIndex},
    kernel::{Caller, Event},
    network::{CallPacket, CallResult},
    outbox::Outbox,
    time::Time,
    world::World,
};
use master_core::{CallId, Config, Effect, Input, Master, OperatorCall, Recipient};
use proto_types::Epoch;
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
    /// It is elected and reads the log.
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
    /// How long the log was when the term began.
    base: usize,
    /// How many of its records were stored when another was elected; until then that is for the log to say.
    stored: u64,
    outbox: Outbox<Recipient, Effect>,
    allocation_planned: bool,
    calls: BTreeMap<CallId, MasterCaller>,
    next_call: u64,
    /// When time last passed for it.
    pub ticked: Time,
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
}

impl MasterHost {
    /// A process that does not run yet.
    #[must_use]
    pub fn new() -> Self {
        Self { life: Life(0), state: MasterState::Down, stalled: None, inbox: VecDeque::new(), skew_ms: 0 }
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
    /// Where clients find the leader now. Those that look during a change may still find the former one.
    pub(crate) fn discover(&mut self) -> Option<MasterIndex> {
        let former = self.coordination.former.filter(|former| self.master(*former).term().is_some());
        if former.is_some() && self.kernel.chances.backoff.once_in(3) {
            return former;
        }
        self.coordination.leader
    }

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
        self.kernel.after(Duration::from_millis(50), Event::Election);
    }

    pub(crate) fn on_election(&mut self) {
        if self.coordination.leader.is_some() {
            return;
        }
        let ready = |host: &MasterHost| matches!(host.state, MasterState::Standby) && host.stalled.is_none();
        let candidates: Vec<u32> =
            (0..self.masters.len() as u32).filter(|i| ready(&self.masters[*i as usize])).collect();
        let Some(chosen) = self.kernel.chances.faults.pick(&candidates).copied() else { return };
        let index = MasterIndex(chosen);
        self.coordination.epoch = Epoch(self.coordination.epoch.0 + 1);
        let epoch = self.coordination.epoch;
        // From here on no earlier leader can write. What it was writing is there or not.
        self.coordination.log.crash(&mut self.kernel.chances.disk);
        self.checker.log_settled(epoch, self.coordination.log.entries());
        self.coordination.leader = Some(index);
        let host = self.master_mut(index);
        host.state = MasterState::Reading(epoch);
        let life = host.life;
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
        let now = self.kernel.now.now(self.master(index).skew_ms);
        let config = self.master_config();
        let registry = self.tamper_registry(self.coordination.log.entries().to_vec());
        let core = Master::recover(config, self.coordination.cluster.clone(), epoch, registry, now);
        if self.settings.compacts && self.kernel.chances.disk.once_in(2) {
            let snapshot = core.snapshot();
            self.kernel.note(format_args!(
                "{index} compacts the log from {} to {}",
                self.coordination.log.entries().len(),
                snapshot.len()
            ));
            self.checker.log_compacted(snapshot.len());
            self.coordination.log.compact(snapshot);
        }
        let base = self.coordination.log.entries().len();
        let term = Term {
            core,
            epoch,
            base,
            stored: 0,
            outbox: Outbox::default(),
            allocation_planned: false,
            calls: BTreeMap::new(),
            next_call: 0,
            ticked: self.kernel.now,
        };
        self.master_mut(index).state = MasterState::Leading(Box::new(term));
        self.kernel.note(format_args!("{index} leads in epoch {epoch} with {base} records"));
        self.checker.term_begun();
        self.kernel.after(master_core::config::TICK, Event::MasterTicks(index, life));
        if epoch == Epoch(1) {
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
        self.kernel.note(format_args!("{index} wakes up"));
        // Whether the clock or what waited is looked at first is a matter of luck.
        if self.kernel.chances.network.once_in(2) && self.master(index).term().is_some() {
            self.give_master(index, MasterInput::Core(Input::Tick));
        }
        for input in inbox {
            self.give_master(index, input);
        }
    }

    /// A leader finds out that it is none any more: the core is dropped, its streams are closed, the process goes on.
    pub(crate) fn on_master_deposed(&mut self, index: MasterIndex, life: Life, epoch: Epoch) {
        let host = self.master(index);
        if host.life != life || host.term().is_none_or(|term| term.epoch != epoch) {
            return;
        }
        if let Some(until) = host.stalled {
            return self.kernel.queue.plan(until + Duration::from_micros(4), Event::MasterDeposed(index, life, epoch));
        }
        self.kernel.note(format_args!("{index} steps down from epoch {epoch}"));
        self.end_term(index);
        if self.coordination.leader == Some(index) {
            self.coordination.leader = None;
            self.model.clear();
        }
        self.kernel.after(Duration::from_millis(50), Event::Election);
    }

    /// The term of a process is over, the process lives.
    fn end_term(&mut self, index: MasterIndex) {
        let host = self.master_mut(index);
        let MasterState::Leading(term) = std::mem::replace(&mut host.state, MasterState::Standby) else { return };
        let inbox = std::mem::take(&mut host.inbox);
        self.lose_calls(index, *term, inbox);
        if self.coordination.former == Some(index) {
            self.coordination.former = None;
        }
        self.kernel.abandon(Host::Master(index), true);
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
        host.stalled = None;
        if let MasterState::Leading(term) = state {
            self.lose_calls(index, *term, inbox);
        }
        self.kernel.abandon(Host::Master(index), true);
        if self.coordination.former == Some(index) {
            self.coordination.former = None;
        }
        if self.coordination.leader == Some(index) {
            self.coordination.leader = None;
            self.model.clear();
            let lease = self.kernel.chances.faults.between(Duration::from_secs(1), self.settings.session_timeout);
            self.kernel.after(lease, Event::Election);
        }
    }

    /// ZooKeeper gives the leadership to another while the leader still believes that it leads, for so long if it is said.
    pub(crate) fn depose(&mut self, blind: Option<Duration>) {
        let Some(index) = self.coordination.leader else { return };
        let (life, Some(epoch)) = (self.master(index).life, self.master(index).term().map(|term| term.epoch)) else {
            return;
        };
        let others = (0..self.masters.len() as u32).any(|other| {
            MasterIndex(other) != index && matches!(self.masters[other as usize].state, MasterState::Standby)
        });
        if !others {
            return;
        }
        self.kernel.note(format_args!("{index} is deposed and does not know it"));
        let stored = self.master(index).term().map_or(0, |term| self.safe_of(term));
        if let MasterState::Leading(term) = &mut self.master_mut(index).state {
            term.stored = stored;
        }
        self.coordination.leader = None;
        self.coordination.former = Some(index);
        self.model.clear();
        self.on_election();
        let drawn = self.kernel.chances.faults.between(Duration::from_secs(2), Duration::from_secs(15));
        let blind = blind.unwrap_or(drawn);
        self.kernel.after(blind, Event::MasterDeposed(index, life, epoch));
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
