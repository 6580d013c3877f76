//! What masters write, and what leaves them once it is stored.

use super::{MasterCaller, MasterState, Term, TermLog};
use crate::{
    brief,
    hosts::{Host, MasterIndex},
    interference::{self, Trick},
    kernel::{Caller, Event},
    network::{CallResult, NetId, Packet, Side},
    world::World,
};
use master_core::{Body, Effect, LogIndex, OperatorReply};
use proto_types::{Epoch, scheduling::Refusal};
use std::time::Duration;

impl World {
    /// How many of the term's own records are stored.
    pub(super) fn safe_of(&self, term: &Term) -> u64 {
        match &term.log {
            TermLog::Embedded(base) => self.coordination.log.safe().saturating_sub(*base) as u64,
            TermLog::Fenced(writer) => writer.stored,
        }
    }

    pub(super) fn append_to_log(
        &mut self,
        index: MasterIndex,
        term: &mut Term,
        number: LogIndex,
        change: proto_types::registry::RegistryChange,
    ) {
        self.kernel.note(format_args!("{index} appends {}: {}", number.0, brief::fact(&change.fact)));
        match &mut term.log {
            TermLog::Fenced(writer) => {
                self.checker.log_appended(term.epoch, number.0, &change);
                writer.append(number.0, change);
            }
            TermLog::Embedded(_) if self.coordination.log.append(change) => self.flush_log(index, term.epoch),
            TermLog::Embedded(_) => {}
        }
    }

    pub(super) fn flush_log(&mut self, index: MasterIndex, epoch: Epoch) {
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

    pub(super) fn release_master(&mut self, index: MasterIndex) {
        let host = self.master_mut(index);
        let MasterState::Leading(mut term) = std::mem::replace(&mut host.state, MasterState::Standby) else { return };
        let safe = self.safe_of(&term);
        for effect in term.outbox.release(|_| safe) {
            self.leave_master(index, &mut term, effect);
        }
        self.master_mut(index).state = MasterState::Leading(term);
    }

    pub(super) fn leave_master(&mut self, index: MasterIndex, term: &mut Term, effect: Effect) {
        self.checker.master_sends(term.epoch, &effect);
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

    pub(super) fn answer_operator(&mut self, number: u64, result: Result<OperatorReply, Refusal>) {
        self.kernel.note(format_args!("operator <- {}", brief::operator_reply(&result)));
        self.operator_answers.insert(number, result);
    }

    /// Sends the end of a call back to its caller.
    pub(super) fn end_call(&mut self, index: MasterIndex, caller: Caller, result: CallResult) {
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
}
