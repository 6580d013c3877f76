//! How ZooKeeper serves: sessions come and go, requests are carried out in order, and it is lost and comes back.

use super::{Connection, FromZooKeeper, Loss, SessionNumber, ToZooKeeper, tree::Fired};
use crate::{
    faults::Fault,
    hosts::{Host, MasterIndex},
    kernel::Event,
    network::{NetId, Packet, Side},
    world::World,
};
use coordination_core::{Answer, Request, Ticket};
use std::time::Duration;

/// What is carried out in its turn.
#[derive(Debug)]
pub enum Turn {
    /// A request.
    Ask(Ticket, Request),
    /// The end of the session.
    Close,
}

impl World {
    /// A client connects from a host to ZooKeeper, if it can be reached.
    pub(crate) fn connect_to_zookeeper(&mut self, host: Host, life: crate::hosts::Life) -> Option<NetId> {
        let ensemble = self.coordination.ensemble.as_ref()?;
        if !ensemble.serving || self.kernel.network.is_cut(host, Host::ZooKeeper) {
            return None;
        }
        Some(self.kernel.network.open((host, life), (Host::ZooKeeper, ensemble.life)))
    }

    pub(crate) fn on_packet_for_zookeeper(&mut self, connection: NetId, packet: Option<Packet>) {
        let now = self.kernel.now;
        let Some(ensemble) = &mut self.coordination.ensemble else { return };
        match packet {
            Some(Packet::ToZooKeeper(ToZooKeeper::Look)) => {
                ensemble.connections.insert(connection, Connection { session: None, ready: now });
                self.answer_from_zookeeper(connection, FromZooKeeper::Opened(None));
            }
            Some(Packet::ToZooKeeper(ToZooKeeper::Open(of, wanted))) => self.open_session(connection, of, wanted),
            Some(Packet::ToZooKeeper(ToZooKeeper::Ask(ticket, request))) => {
                let write = matches!(request, Request::Create { .. } | Request::Delete { .. });
                let delay = if write {
                    self.settings.disk_delay(&mut self.kernel.chances.disk, self.slow_disk)
                } else {
                    Duration::ZERO
                };
                self.plan_turn(connection, delay, Turn::Ask(ticket, request));
            }
            Some(Packet::ToZooKeeper(ToZooKeeper::Close)) => self.plan_turn(connection, Duration::ZERO, Turn::Close),
            None | Some(Packet::End) => {
                self.kernel.network.close_end(connection, Side::Server);
                self.forget_connection(connection);
            }
            Some(_) => {}
        }
    }

    fn open_session(&mut self, connection: NetId, of: MasterIndex, wanted: Option<SessionNumber>) {
        let now = self.kernel.now;
        let Some(ensemble) = &mut self.coordination.ensemble else { return };
        ensemble.tree.lay(&ensemble.paths.foundations());
        let number = match wanted {
            Some(number) if ensemble.sessions.contains_key(&number) => number,
            // The client is not told that its session is over; it has another.
            _ => ensemble.begin_session(of, connection),
        };
        if let Some(session) = ensemble.sessions.get_mut(&number) {
            (session.connection, session.silent) = (Some(connection), None);
        }
        ensemble.connections.insert(connection, Connection { session: Some(number), ready: now });
        self.answer_from_zookeeper(connection, FromZooKeeper::Opened(Some(number)));
    }

    fn plan_turn(&mut self, connection: NetId, delay: Duration, turn: Turn) {
        let Some(ensemble) = &mut self.coordination.ensemble else { return };
        let Some(there) = ensemble.connections.get_mut(&connection) else { return };
        there.ready = there.ready.max(self.kernel.now + delay);
        let (at, session) = (there.ready, there.session);
        self.kernel.queue.plan(at, Event::ZooKeeperServes { connection, session, turn: Box::new(turn) });
    }

    /// A request's turn has come. It is carried out even if nobody is there any more to hear the answer.
    pub(crate) fn on_zookeeper_serves(&mut self, connection: NetId, session: Option<SessionNumber>, turn: Turn) {
        let Some(ensemble) = &mut self.coordination.ensemble else { return };
        if !ensemble.serving {
            return;
        }
        // Another session may have been put under the connection meanwhile.
        let session = ensemble.connections.get(&connection).map_or(session, |there| there.session);
        let over = session.is_some_and(|session| !ensemble.sessions.contains_key(&session));
        match turn {
            Turn::Close => {
                if let Some(session) = session.filter(|_| !over) {
                    self.end_session(session);
                }
            }
            // Nothing is done for a session that is over; its client has to connect anew.
            Turn::Ask(..) if over => self.break_connection(connection),
            Turn::Ask(ticket, request) => self.serve(connection, session, ticket, &request),
        }
    }

    fn serve(&mut self, connection: NetId, session: Option<SessionNumber>, ticket: Ticket, request: &Request) {
        let troubled = self.settings.faults.contains(&crate::faults::FaultKind::Ensemble) && !self.behaving;
        let lost = troubled && self.kernel.chances.network.once_in(400);
        if lost && self.kernel.chances.network.once_in(2) {
            return self.answer_from_zookeeper(connection, FromZooKeeper::Answer(ticket, Answer::Lost));
        }
        let answer = self.apply_request(connection, session, request);
        let answer = if lost { Answer::Lost } else { answer };
        self.answer_from_zookeeper(connection, FromZooKeeper::Answer(ticket, answer));
    }

    fn apply_request(&mut self, connection: NetId, session: Option<SessionNumber>, request: &Request) -> Answer {
        self.tamper_tree(request);
        let Some(ensemble) = &mut self.coordination.ensemble else { return Answer::Lost };
        let (answer, fired) = ensemble.tree.apply(request, session, connection);
        self.checker.zookeeper_changed(&ensemble.paths, request, &answer);
        self.fire(fired);
        answer
    }

    fn fire(&mut self, fired: Vec<Fired>) {
        for Fired { connection, path } in fired {
            self.answer_from_zookeeper(connection, FromZooKeeper::Changed(path));
        }
    }

    fn answer_from_zookeeper(&mut self, connection: NetId, message: FromZooKeeper) {
        self.kernel.send(connection, Side::Server, Packet::FromZooKeeper(message));
    }

    fn break_connection(&mut self, connection: NetId) {
        let arrivals =
            self.kernel.network.break_connection(connection, self.kernel.now, &mut self.kernel.chances.network);
        self.kernel.arrive(arrivals);
    }

    fn forget_connection(&mut self, connection: NetId) {
        let Some(ensemble) = &mut self.coordination.ensemble else { return };
        ensemble.tree.forget(connection);
        ensemble.connections.remove(&connection);
        for session in ensemble.sessions.values_mut().filter(|session| session.connection == Some(connection)) {
            session.connection = None;
        }
        self.listen_to_sessions();
    }

    fn end_session(&mut self, number: SessionNumber) {
        let Some(ensemble) = &mut self.coordination.ensemble else { return };
        ensemble.sessions.remove(&number);
        let fired = ensemble.tree.expire(number);
        self.fire(fired);
    }

    /// Notices which sessions are heard of and which have fallen silent: those whose client is gone, stalled or cut off.
    pub(crate) fn listen_to_sessions(&mut self) {
        let Some(ensemble) = &mut self.coordination.ensemble else { return };
        if !ensemble.serving {
            return;
        }
        let mut silenced = Vec::new();
        for (number, session) in &mut ensemble.sessions {
            let stalled = self.masters[session.of.0 as usize].stalled.is_some();
            let cut = self.kernel.network.is_cut(Host::Master(session.of), Host::ZooKeeper);
            if session.connection.is_some() && !stalled && !cut {
                session.silent = None;
            } else if session.silent.is_none() {
                session.silent = Some(self.kernel.now);
                silenced.push(*number);
            }
        }
        let timeout = ensemble.session_timeout;
        for number in silenced {
            self.kernel.after(timeout, Event::SessionExpires(number, self.kernel.now));
        }
    }

    /// A session is over if nothing was heard of its client since then.
    pub(crate) fn on_session_expires(&mut self, number: SessionNumber, since: crate::time::Time) {
        let Some(ensemble) = &mut self.coordination.ensemble else { return };
        let silent = ensemble.sessions.get(&number).filter(|session| session.silent == Some(since));
        let Some(of) = silent.map(|session| session.of).filter(|_| ensemble.serving) else { return };
        ensemble.ended.insert(number, self.kernel.now);
        self.kernel.note(format_args!("zookeeper ends the session of {of}"));
        self.end_session(number);
    }

    /// ZooKeeper ends a master's sessions, for whatever reason. With `another`, its connection goes on at once with
    /// another session, and the client never learns of it.
    pub(crate) fn end_sessions_of(&mut self, of: MasterIndex, another: bool) {
        let Some(ensemble) = &mut self.coordination.ensemble else { return };
        let own: Vec<_> = ensemble.sessions.iter().filter(|(_, session)| session.of == of).map(|(n, _)| *n).collect();
        for number in own {
            let Some(ensemble) = &mut self.coordination.ensemble else { return };
            let connection = ensemble.sessions.get(&number).and_then(|session| session.connection);
            if let Some(connection) = connection.filter(|_| another) {
                let next = ensemble.begin_session(of, connection);
                if let Some(there) = ensemble.connections.get_mut(&connection) {
                    there.session = Some(next);
                }
            }
            self.end_session(number);
        }
    }

    /// Everything that ZooKeeper kept is gone.
    pub(crate) fn wipe_zookeeper(&mut self) {
        if let Some(ensemble) = &mut self.coordination.ensemble {
            ensemble.wipe();
            self.checker.log_wiped();
        }
    }

    /// A part of the ensemble is gone.
    pub(crate) fn lose_ensemble(&mut self, loss: Loss) {
        let Some(ensemble) = &mut self.coordination.ensemble else { return };
        if loss == Loss::Minority {
            let there: Vec<NetId> = ensemble.connections.keys().copied().filter(|id| id.0 % 3 == 0).collect();
            return there.into_iter().for_each(|connection| self.break_connection(connection));
        }
        ensemble.serving = false;
        ensemble.life.0 += 1;
        let there: Vec<NetId> = std::mem::take(&mut ensemble.connections).into_keys().collect();
        there.into_iter().for_each(|connection| ensemble.tree.forget(connection));
        self.kernel.abandon(Host::ZooKeeper, true);
    }

    /// The ensemble is whole again. It counts the silence of each session from now on.
    pub(crate) fn restore_ensemble(&mut self) {
        let Some(ensemble) = &mut self.coordination.ensemble else { return };
        if std::mem::replace(&mut ensemble.serving, true) {
            return;
        }
        for session in ensemble.sessions.values_mut() {
            (session.connection, session.silent) = (None, None);
        }
        self.listen_to_sessions();
    }

    /// How long a loss of the ensemble lasts: an election among its servers takes a moment, their repair longer.
    pub(crate) fn strike_ensemble(&mut self, loss: Loss) {
        self.lose_ensemble(loss);
        let (low, high) = match loss {
            Loss::Minority => return,
            Loss::Leader => (Duration::from_millis(300), Duration::from_secs(4)),
            Loss::Whole => (Duration::from_secs(5), Duration::from_secs(60)),
        };
        let length = self.kernel.chances.faults.between(low, high);
        self.kernel.after(length, Event::FaultOver(Fault::EnsembleLost(loss)));
    }
}
