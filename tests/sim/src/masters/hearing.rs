//! What masters hear, and how they react.

use super::{ALLOCATION_PAUSE, MasterCaller, MasterInput, MasterState};
use crate::{
    brief,
    hosts::{Host, MasterIndex},
    kernel::{Caller, Event},
    network::{CallPacket, CallResult, NetId, Packet, Side},
    world::World,
};
use master_core::{Body, ConnectionId, Input, LinkId, LogIndex, OperatorCall};
use proto_types::Principal;

impl World {
    pub(crate) fn on_packet_for_master(&mut self, index: MasterIndex, connection: NetId, packet: Option<Packet>) {
        let host = self.master(index);
        if host.term().is_none() {
            // A standby, or a process that was just deposed, knows who leads.
            if matches!(packet, Some(Packet::AgentLink | Packet::Subscribe(_))) {
                let leader = self.leader_known_to(index);
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
                Packet::AgentLink
                | Packet::ToAgent(..)
                | Packet::Event(_)
                | Packet::Refused(_)
                | Packet::NotLeader(_)
                | Packet::ToZooKeeper(_)
                | Packet::FromZooKeeper(_),
            ) => {
                return;
            }
        };
        self.give_master(index, MasterInput::Core(input));
    }

    pub(crate) fn on_call_arrives(&mut self, index: MasterIndex, caller: Caller, packet: Box<CallPacket>) {
        if self.master(index).term().is_none() {
            let leader = self.leader_known_to(index);
            let down = matches!(self.master(index).state, MasterState::Down);
            let result = if down { CallResult::Lost } else { CallResult::NotLeader(leader) };
            return self.end_call(index, caller, result);
        }
        self.give_master(index, MasterInput::Call(caller, packet));
    }

    /// Where a master that does not lead sends those who look for the leader.
    fn leader_known_to(&self, index: MasterIndex) -> Option<String> {
        let leader = match self.coordination.ensemble {
            Some(_) => self.sighted(Host::Master(index)),
            None => self.coordination.leader,
        };
        leader.filter(|leader| *leader != index).map(|leader| leader.to_string())
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

    pub(super) fn give_master(&mut self, index: MasterIndex, input: MasterInput) {
        let host = self.master_mut(index);
        if host.stalled.is_some() {
            host.inbox.push_back(input);
            return;
        }
        self.look_at_lease(index);
        let MasterState::Leading(term) = &mut self.master_mut(index).state else { return self.turn_away(index, input) };
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
            MasterInput::ZooKeeper(connection, packet) => {
                return self.on_packet_for_campaign(index, connection, packet);
            }
        };
        self.step_master(index, input);
    }

    /// Something comes to a process that does not lead any more.
    fn turn_away(&mut self, index: MasterIndex, input: MasterInput) {
        match input {
            MasterInput::Call(caller, _) => self.end_call(index, caller, CallResult::Lost),
            MasterInput::ZooKeeper(connection, packet) => self.on_packet_for_campaign(index, connection, packet),
            MasterInput::Core(_) | MasterInput::Operate(..) => {}
        }
    }

    pub(super) fn step_master(&mut self, index: MasterIndex, input: Input) {
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
                self.append_to_log(index, &mut term, number, change);
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
        self.flush_writer(index);
    }
}
