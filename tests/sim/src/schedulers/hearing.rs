//! What schedulers hear, and what their sessions do about it.

use crate::{
    brief,
    hosts::{FrameworkIndex, Host, MasterIndex, SchedulerIndex},
    network::{NetId, Packet, Side},
    world::World,
};
use framework_core::{Effect, Input, Notice, StreamEnd, StreamId};
use proto_types::{TaskStatus, scheduling::NumberedEvent};

impl World {
    pub(super) fn carry_out_scheduler(&mut self, index: SchedulerIndex, effect: Effect) {
        match effect {
            Effect::OpenStream { stream, master, subscribe } => self.open_stream(index, stream, &master, subscribe),
            Effect::CloseStream(stream) => {
                if let Some(connection) = self.scheduler_mut(index).streams.remove(&stream) {
                    self.kernel.close(connection, Side::Client);
                }
            }
            Effect::Call { call, session, body } => self.send_call(index, Some(call), session, body),
            Effect::Deliver(notice) => self.tell_scheduler(index, notice),
            Effect::Answer { ticket, result } => {
                self.answers.insert(ticket, result);
            }
            Effect::Keep { framework, cluster } => {
                let owner = self.scheduler(index).framework;
                if self.framework(owner).scheduler != Some(index) {
                    return;
                }
                let host = self.framework_mut(owner);
                (host.id, host.cluster) = (Some(framework.clone()), Some(cluster));
                self.checker.framework_named(owner, framework);
            }
            Effect::Forget => {
                let owner = self.scheduler(index).framework;
                if self.framework(owner).scheduler == Some(index) {
                    self.framework_mut(owner).begin_anew();
                }
            }
            Effect::Stop(outcome) => self.scheduler_stops(index, outcome),
        }
    }

    pub(super) fn open_stream(
        &mut self,
        index: SchedulerIndex,
        stream: StreamId,
        master: &str,
        subscribe: Box<proto_types::scheduling::Subscribe>,
    ) {
        let number = master.strip_prefix('m').and_then(|number| number.parse::<u32>().ok()).unwrap_or(1);
        let master = MasterIndex((number - 1).min(self.masters.len() as u32 - 1));
        let life = self.scheduler(index).life;
        let server = (Host::Master(master), self.master(master).life);
        let id = self.kernel.network.open((Host::Scheduler(index), life), server);
        let host = self.scheduler_mut(index);
        host.streams.insert(stream, id);
        host.master = Some(master);
        self.kernel.send(id, Side::Client, Packet::Subscribe(subscribe));
    }

    pub(crate) fn on_packet_for_scheduler(&mut self, index: SchedulerIndex, connection: NetId, packet: Option<Packet>) {
        let Some(stream) =
            self.scheduler(index).streams.iter().find(|(_, id)| **id == connection).map(|(stream, _)| *stream)
        else {
            self.kernel.network.close_end(connection, Side::Client);
            return;
        };
        let end = match packet {
            Some(Packet::Event(event)) => {
                let event = NumberedEvent::clone(&event);
                if !matches!(event.event, proto_types::scheduling::Event::Heartbeat) {
                    self.kernel.note(format_args!("{index} <- {}: {}", event.number, brief::event(&event.event)));
                }
                if let proto_types::scheduling::Event::Subscribed { session, .. } = &event.event {
                    self.scheduler_mut(index).master_session = Some(session.clone());
                }
                let event = self.tamper_event(event);
                return self.give_scheduler(index, Input::Event { stream, event });
            }
            Some(Packet::Refused(refusal)) => StreamEnd::Refused(refusal),
            Some(Packet::NotLeader(leader)) => StreamEnd::NotLeader(leader),
            None | Some(Packet::End) => StreamEnd::Broken("the connection broke".to_owned()),
            Some(
                Packet::AgentLink
                | Packet::FromAgent(_)
                | Packet::ToAgent(..)
                | Packet::Subscribe(_)
                | Packet::ToZooKeeper(_)
                | Packet::FromZooKeeper(_),
            ) => return,
        };
        self.kernel.network.close_end(connection, Side::Client);
        self.scheduler_mut(index).streams.remove(&stream);
        self.give_scheduler(index, Input::StreamEnded { stream, end });
    }

    pub(super) fn tell_scheduler(&mut self, index: SchedulerIndex, notice: Notice) {
        let now = self.kernel.now;
        let owner = self.scheduler(index).framework;
        let host = &mut self.schedulers[index.0 as usize];
        match notice {
            Notice::Subscribed { resumed, .. } => {
                host.subscribed = true;
                if !resumed {
                    host.offers.clear();
                }
            }
            Notice::Disconnected { message } => {
                host.subscribed = false;
                self.kernel.note(format_args!("{index} is disconnected: {message}"));
            }
            Notice::Offers(offers) => {
                host.offers.extend(offers.into_iter().map(|offer| (offer.id.clone(), (offer, now))))
            }
            Notice::Rescinded(offers) => {
                for offer in offers {
                    host.offers.remove(&offer);
                }
            }
            Notice::Updates(updates) => {
                for update in &updates {
                    self.see_update(index, owner, update);
                }
            }
            Notice::Rejected { task, rejection } => {
                self.kernel
                    .note(format_args!("{index} task {task} rejected: {:?} {}", rejection.kind, rejection.message));
                if let Some(id) = self.framework(owner).id.clone() {
                    self.checker.scheduler_sees_rejection(&id, &task);
                }
                self.framework_mut(owner).refused(&task);
                self.rejections.insert(task, rejection);
            }
            Notice::Message { .. } | Notice::Failure { .. } => {}
            Notice::Refused { call, refusal } => self.kernel.note(format_args!("{index} {call} refused: {refusal}")),
        }
    }

    pub(super) fn see_update(&mut self, index: SchedulerIndex, owner: FrameworkIndex, update: &TaskStatus) {
        let now = self.kernel.now;
        let reason = update.reason.map_or(String::new(), |reason| format!(" ({reason:?})"));
        self.kernel.note(format_args!("{index} sees {}{reason}", brief::status(update)));
        let Some(id) = self.framework(owner).id.clone() else { return };
        self.checker.scheduler_sees(index, &id, update);
        self.framework_mut(owner).see(&update.task, update.state, now);
    }
}
