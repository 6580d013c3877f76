//! Master processes: the shell around [`master_core::Master`], with its log, its stalls and its end.

use crate::{
    brief,
    hosts::{Host, Life, MasterIndex},
    interference::{self, Trick},
    kernel::{Caller, Event},
    network::{CallPacket, CallResult, NetId, Packet, Side},
    outbox::Outbox,
    time::Time,
    world::World,
};
use master_core::{
    Body, CallId, Config, ConnectionId, Effect, Input, LinkId, LogIndex, Master, OperatorCall, OperatorReply, Recipient,
};
use proto_types::{Epoch, Principal, scheduling::Refusal};
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

    pub(crate) fn on_packet_for_master(&mut self, index: MasterIndex, connection: NetId, packet: Option<Packet>) {
        let host = self.master(index);
        if host.term().is_none() {
            // A standby, or a process that was just deposed, knows who leads.
            if matches!(packet, Some(Packet::AgentLink | Packet::Subscribe(_))) {
                let leader =
                    self.coordination.leader.filter(|leader| *leader != index).map(|leader| leader.to_string());
                self.kernel.send(connection, Side::Server, Packet::NotLeader(leader));
                self.kernel.close(connection, Side::Server);
            }
            return;
        }
        let principal = Principal::anonymous();
        let input = match packet {
            Some(Packet::FromAgent(message)) => Input::Agent { link: LinkId(connection.0), principal, message },
            Some(Packet::Subscribe(request)) => {
                let connection = ConnectionId(connection.0);
                self.schedulers_streams.insert(connection.0);
                Input::Subscribe { connection, principal, request }
            }
            None | Some(Packet::End) if self.schedulers_streams.remove(&connection.0) => {
                self.kernel.network.close_end(connection, Side::Server);
                Input::SchedulerClosed { connection: ConnectionId(connection.0), too_slow: false }
            }
            None | Some(Packet::End) => {
                self.kernel.network.close_end(connection, Side::Server);
                Input::AgentLinkClosed { link: LinkId(connection.0) }
            }
            Some(
                Packet::AgentLink | Packet::ToAgent(..) | Packet::Event(_) | Packet::Refused(_) | Packet::NotLeader(_),
            ) => {
                return;
            }
        };
        self.give_master(index, MasterInput::Core(input));
    }

    pub(crate) fn on_call_arrives(&mut self, index: MasterIndex, caller: Caller, packet: Box<CallPacket>) {
        if self.master(index).term().is_none() {
            let leader = self.coordination.leader.filter(|leader| *leader != index).map(|leader| leader.to_string());
            let down = matches!(self.master(index).state, MasterState::Down);
            let result = if down { CallResult::Lost } else { CallResult::NotLeader(leader) };
            return self.end_call(index, caller, result);
        }
        self.give_master(index, MasterInput::Call(caller, packet));
    }

    /// An operator asks the leader for something. The answer is found in [`World::operator_answers`].
    pub fn operate(&mut self, call: OperatorCall) -> u64 {
        self.operator_calls += 1;
        let number = self.operator_calls;
        if let Some(leader) = self.coordination.leader {
            self.give_master(leader, MasterInput::Operate(number, call));
        }
        number
    }

    fn give_master(&mut self, index: MasterIndex, input: MasterInput) {
        let host = self.master_mut(index);
        if host.stalled.is_some() {
            host.inbox.push_back(input);
            return;
        }
        let MasterState::Leading(term) = &mut host.state else { return };
        let input = match input {
            MasterInput::Core(input) => input,
            MasterInput::Call(caller, packet) => {
                let call = term.take_call(MasterCaller::Scheduler(caller));
                let CallPacket { session, body } = *packet;
                Input::Call { call, principal: Principal::anonymous(), session, body }
            }
            MasterInput::Operate(number, body) => {
                let call = term.take_call(MasterCaller::Operator(number));
                Input::Operate { call, principal: Principal::anonymous(), body }
            }
        };
        self.step_master(index, input);
    }

    fn step_master(&mut self, index: MasterIndex, input: Input) {
        let host = self.master_mut(index);
        let skew = host.skew_ms;
        let MasterState::Leading(mut term) = std::mem::replace(&mut host.state, MasterState::Standby) else { return };
        if matches!(input, Input::Tick) {
            term.ticked = self.kernel.now;
        } else if !matches!(input, Input::Allocate) {
            self.kernel.note(format_args!("{index} <- {}", brief::master_input(&input)));
        }
        let watch = self.checker.master_takes(self.kernel.now, term.epoch, term.ticked, &input);
        let input = self.tamper_master_input(input);
        let mut effects = std::mem::take(&mut self.master_effects);
        term.core.handle(self.kernel.now.now(skew), input, &mut effects);
        let mut leaving = Vec::new();
        for effect in effects.drain(..) {
            let Some(effect) = self.tamper_master_effect(effect) else { continue };
            self.checker.master_makes(self.kernel.now, term.epoch, &watch, &effect);
            if let Body::Append(number, change) = effect.body {
                self.append_to_log(index, &term, number, change);
                continue;
            }
            let after = effect.after.map_or(0, |LogIndex(number)| number);
            let safe = self.safe_of(&term);
            leaving.extend(term.outbox.push(effect.recipient(), after, effect, safe));
        }
        self.master_effects = effects;
        if term.core.wants_allocation() && !term.allocation_planned {
            term.allocation_planned = true;
            let life = self.master(index).life;
            self.kernel.after(ALLOCATION_PAUSE, Event::MasterAllocates(index, life, term.epoch));
        }
        self.checker.master_done(self.kernel.now, term.epoch, watch);
        self.check_master_soon(&term.core);
        for effect in leaving {
            self.leave_master(index, &mut term, effect);
        }
        self.master_mut(index).state = MasterState::Leading(term);
    }

    /// How many of the term's own records are stored.
    fn safe_of(&self, term: &Term) -> u64 {
        if term.epoch == self.coordination.epoch {
            self.coordination.log.safe().saturating_sub(term.base) as u64
        } else {
            term.stored
        }
    }

    fn append_to_log(
        &mut self,
        index: MasterIndex,
        term: &Term,
        number: LogIndex,
        change: proto_types::registry::RegistryChange,
    ) {
        let life = self.master(index).life;
        if term.epoch != self.coordination.epoch {
            self.kernel.note(format_args!("{index} cannot write: epoch {} is over", term.epoch));
            self.kernel.after(Duration::from_millis(5), Event::MasterDeposed(index, life, term.epoch));
            return;
        }
        self.kernel.note(format_args!("{index} appends {}: {}", number.0, brief::fact(&change.fact)));
        if self.coordination.log.append(change) {
            self.flush_log(index, term.epoch);
        }
    }

    fn flush_log(&mut self, index: MasterIndex, epoch: Epoch) {
        self.coordination.log.begin_flush();
        let delay = self.settings.disk_delay(&mut self.kernel.chances.disk, self.slow_disk);
        self.kernel.after(delay, Event::LogFlushed(index, epoch));
    }

    pub(crate) fn on_log_flushed(&mut self, index: MasterIndex, epoch: Epoch) {
        if self.coordination.epoch != epoch {
            return;
        }
        let more = self.coordination.log.end_flush();
        let safe = self.coordination.log.safe();
        self.checker.log_stored(&self.coordination.log.entries()[..safe]);
        if more {
            self.flush_log(index, epoch);
        }
        if let Some(until) = self.master(index).stalled {
            // It hears of it after its stall; the last write is the one to wait for.
            if !more {
                self.kernel.queue.plan(until + Duration::from_micros(3), Event::LogFlushed(index, epoch));
            }
            return;
        }
        self.release_master(index);
    }

    fn release_master(&mut self, index: MasterIndex) {
        let host = self.master_mut(index);
        let MasterState::Leading(mut term) = std::mem::replace(&mut host.state, MasterState::Standby) else { return };
        let safe = self.safe_of(&term);
        for effect in term.outbox.release(safe) {
            self.leave_master(index, &mut term, effect);
        }
        self.master_mut(index).state = MasterState::Leading(term);
    }

    fn leave_master(&mut self, index: MasterIndex, term: &mut Term, effect: Effect) {
        self.checker.master_sends(&effect);
        match effect.body {
            Body::Append(..) => {}
            Body::ToAgent(link, message) => {
                self.kernel.send(NetId(link.0), Side::Server, Packet::ToAgent(term.epoch, message));
            }
            Body::CloseLink(link) => self.kernel.close(NetId(link.0), Side::Server),
            Body::ToScheduler(connection, event) => {
                self.kernel.send(NetId(connection.0), Side::Server, Packet::Event(event));
            }
            Body::RefuseSubscription(connection, refusal) => {
                self.schedulers_streams.remove(&connection.0);
                self.kernel.send(NetId(connection.0), Side::Server, Packet::Refused(refusal));
                self.kernel.close(NetId(connection.0), Side::Server);
            }
            Body::CloseConnection(connection) => {
                self.schedulers_streams.remove(&connection.0);
                self.kernel.close(NetId(connection.0), Side::Server);
            }
            Body::Reply(call, result) => {
                if let Some(MasterCaller::Scheduler(caller)) = term.calls.remove(&call) {
                    self.end_call(index, caller, CallResult::Answered(result));
                }
            }
            Body::OperatorReply(call, result) => {
                if let Some(MasterCaller::Operator(number)) = term.calls.remove(&call) {
                    self.answer_operator(number, result);
                }
            }
            Body::Changed(change) => {
                if term.epoch == self.coordination.epoch {
                    self.model.apply(change);
                }
            }
        }
    }

    fn answer_operator(&mut self, number: u64, result: Result<OperatorReply, Refusal>) {
        self.kernel.note(format_args!("operator <- {}", brief::operator_reply(&result)));
        self.operator_answers.insert(number, result);
    }

    /// Sends the end of a call back to its caller.
    fn end_call(&mut self, index: MasterIndex, caller: Caller, result: CallResult) {
        let (from, to) = (Host::Master(index), Host::Scheduler(caller.scheduler));
        let quality = self.kernel.network.quality();
        let trick = self.kernel.trick(to, interference::result(&result));
        let lost = self.kernel.network.is_cut(from, to)
            || self.kernel.chances.network.once_in(quality.lose_call_one_in)
            || trick == Some(Trick::Lose);
        let late = trick.map_or(Duration::ZERO, Trick::delay);
        let delay = self.kernel.network.delay(&mut self.kernel.chances.network) + late;
        let (delay, result) = if lost { (delay + Duration::from_secs(5), CallResult::Lost) } else { (delay, result) };
        self.kernel.after(delay, Event::CallEnds { caller, result: Box::new(result) });
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
