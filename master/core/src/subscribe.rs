//! Schedulers come, come back, are replaced and go.

use crate::{Body, ConnectionId, Master, frameworks::Away, minted::epoch_of, session::Session, timers::Timer};
use proto_types::{
    FrameworkId, FrameworkInfo, Principal, Role,
    registry::Fact,
    scheduling::{CREDIT_MAX, CloseReason, Event, NumberedEvent, Refusal, Resume, Subscribe, Wants},
    time::Wall,
};
use std::{sync::Arc, time::Duration};

/// How often what is left of a failover timeout is stored while a scheduler is away. A leader that dies loses so much
/// of the count at most; more often would only write.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(60);

/// What a subscription does with the framework.
enum Admission {
    New,
    TakesOver(FrameworkId),
    Reconnects(FrameworkId),
}

impl Master {
    pub(crate) fn on_subscribe(&mut self, connection: ConnectionId, principal: Principal, request: Subscribe) {
        if self.has_heard_a_later_leader(&request) {
            return self.send_away(connection);
        }
        match self.admit(&request) {
            Err(refusal) => {
                let id = request.framework.id.as_ref();
                let written = id.and_then(|id| self.frameworks.get(id)).and_then(|framework| framework.written);
                self.out.push(self.last_removal.max(written), Body::RefuseSubscription(connection, refusal));
            }
            Ok(Admission::New) => self.register_framework(connection, principal, request),
            Ok(Admission::TakesOver(id)) => {
                // Stored first: it is the end of the scheduler that hears of it.
                self.reregister_framework(&id, &principal, &request);
                self.close_stream(&id, CloseReason::Superseded, "a scheduler with a higher incarnation took over");
                self.open_session(&id, connection);
            }
            Ok(Admission::Reconnects(id)) => {
                self.reregister_framework(&id, &principal, &request);
                self.close_stream(&id, CloseReason::Reconnected, "this scheduler opened another stream");
                let resumed = request.resume.is_some_and(|resume| self.resume_session(&id, connection, &resume));
                if !resumed {
                    self.open_session(&id, connection);
                }
            }
        }
    }

    /// Whether the scheduler was served in a later epoch: then this master leads no more, does not know it yet, and must
    /// not say anything about frameworks that it may never have heard of.
    fn has_heard_a_later_leader(&self, request: &Subscribe) -> bool {
        if request.cluster.as_ref().is_some_and(|theirs| *theirs != self.cluster) {
            return false;
        }
        let framework = request.framework.id.as_ref().and_then(|id| epoch_of(id.as_str()));
        let session = request.resume.as_ref().and_then(|resume| epoch_of(resume.session.as_str()));
        framework.max(session).is_some_and(|epoch| epoch > self.epoch)
    }

    fn send_away(&mut self, connection: ConnectionId) {
        let message = "a later master leads".to_owned();
        let event = Event::Closed { reason: CloseReason::LeadershipLost, message };
        let last = Arc::new(NumberedEvent { number: 0, epoch: self.epoch, event });
        self.out.push(None, Body::ToScheduler(connection, last));
        self.out.push(None, Body::CloseConnection(connection));
    }

    fn admit(&self, request: &Subscribe) -> Result<Admission, Refusal> {
        validate(&request.framework, &request.wants)?;
        if let Some(theirs) = request.cluster.as_ref().filter(|theirs| **theirs != self.cluster) {
            return Err(Refusal::WrongCluster { here: self.cluster.clone(), theirs: theirs.clone() });
        }
        let Some(id) = request.framework.id.clone() else { return Ok(Admission::New) };
        let Some(framework) = self.frameworks.get(&id).filter(|framework| !framework.removed) else {
            let lost = self.frameworks.get(&id).is_none() && self.may_be_lost_framework(&id);
            return if lost { Ok(Admission::New) } else { Err(Refusal::FrameworkRemoved(id)) };
        };
        match request.incarnation.cmp(&framework.incarnation) {
            std::cmp::Ordering::Less => {
                Err(Refusal::Superseded { current: framework.incarnation, given: request.incarnation })
            }
            std::cmp::Ordering::Equal => Ok(Admission::Reconnects(id)),
            std::cmp::Ordering::Greater => Ok(Admission::TakesOver(id)),
        }
    }

    fn register_framework(&mut self, connection: ConnectionId, principal: Principal, request: Subscribe) {
        // One that comes with an id was in the registry that this one takes the place of.
        let id = request.framework.id.clone().unwrap_or_else(|| self.mint.framework());
        let info = Arc::new(FrameworkInfo { id: Some(id.clone()), ..request.framework });
        self.store_framework(id.clone(), info, request.incarnation, &principal);
        self.take_wants(&id, request.wants);
        self.subscribe_roles(&id);
        self.open_session(&id, connection);
    }

    fn reregister_framework(&mut self, id: &FrameworkId, principal: &Principal, request: &Subscribe) {
        self.replace_description(id, principal, request.framework.clone(), Some(request.incarnation));
        self.take_wants(id, request.wants.clone());
        let Some(framework) = self.frameworks.change(id) else { return };
        if let Some(away) = framework.away.take() {
            let written = self.out.append(principal, Fact::FrameworkConnected { framework: id.clone() });
            framework.written = Some(written);
            self.timers.cancel(Some(away.failover));
            self.timers.cancel(Some(away.checkpoint));
        }
    }

    /// Takes a new description over and stores it, if it is another one.
    pub(crate) fn replace_description(
        &mut self,
        id: &FrameworkId,
        principal: &Principal,
        info: FrameworkInfo,
        incarnation: Option<u64>,
    ) {
        let Some(framework) = self.frameworks.change(id) else { return };
        let info = FrameworkInfo { id: Some(id.clone()), ..info };
        let incarnation = incarnation.unwrap_or(framework.incarnation);
        if *framework.info == info && framework.incarnation == incarnation {
            return;
        }
        let info = Arc::new(info);
        let old = std::mem::replace(&mut framework.info, Arc::clone(&info));
        framework.incarnation = incarnation;
        let registered = framework.registered;
        let fact = Fact::FrameworkRegistered { info: Arc::clone(&info), incarnation, registered };
        framework.written = Some(self.out.append(principal, fact));
        let dropped: Vec<Role> = old.roles.iter().filter(|role| !info.roles.contains(role)).cloned().collect();
        let lost = |role: &Role| dropped.contains(role);
        let offers: Vec<_> = framework.offers.iter().cloned().collect();
        let gone = offers.into_iter().filter(|offer| self.offers.get(offer).is_some_and(|offer| lost(&offer.role)));
        let gone: Vec<_> = gone.collect();
        self.rescind(gone);
        for role in &dropped {
            self.roles.unsubscribe(role, id);
        }
        self.subscribe_roles(id);
    }

    pub(crate) fn take_wants(&mut self, id: &FrameworkId, wants: Wants) {
        let Some(framework) = self.frameworks.change(id) else { return };
        framework.suppressed = wants.suppressed.iter().cloned().collect();
        framework.wants = wants;
        framework.wants.credit.offers = framework.wants.credit.offers.clamp(1, CREDIT_MAX);
        framework.wants.credit.updates = framework.wants.credit.updates.clamp(1, CREDIT_MAX);
        self.activate(id);
    }

    /// Makes the framework a client of its roles.
    pub(crate) fn subscribe_roles(&mut self, id: &FrameworkId) {
        let Some(framework) = self.frameworks.get(id) else { return };
        for role in &framework.info.roles {
            self.roles.subscribe(role, id);
        }
        self.activate(id);
    }

    /// Sets for each role whether the framework is served, and has the next round look at it.
    pub(crate) fn activate(&mut self, id: &FrameworkId) {
        let Some(framework) = self.frameworks.get(id) else { return };
        let connected = framework.is_connected() && !framework.removed;
        for role in &framework.info.roles {
            self.roles.set_active(role, id, connected && !framework.suppressed.contains(role));
        }
        if connected {
            self.frameworks.dirty.insert(id.clone());
        }
    }

    fn open_session(&mut self, id: &FrameworkId, connection: ConnectionId) {
        let offers: Vec<_> = self.frameworks.get(id).map(|f| f.offers.iter().cloned().collect()).unwrap_or_default();
        for offer in &offers {
            self.let_go(offer);
        }
        let session = self.mint.session();
        let ring = self.config.event_ring;
        let new = Session::new(session.clone(), connection, self.epoch, ring);
        self.frameworks.set_session(id, Some(new));
        let Some(framework) = self.frameworks.change(id) else { return };
        framework.in_flight = 0;
        framework.backlog.clear();
        for (task_id, task) in &mut framework.tasks {
            task.sent = 0;
            if !task.tail.is_empty() {
                framework.backlog.insert(task_id.clone());
            }
        }
        self.connect(id, connection);
        let event = self.subscribed(id, session, false);
        self.tell(id, None, event);
        self.pump(id);
    }

    /// Goes on with a broken stream, if nothing of it is forgotten.
    fn resume_session(&mut self, id: &FrameworkId, connection: ConnectionId, resume: &Resume) -> bool {
        let Some(framework) = self.frameworks.change(id) else { return false };
        let Some(session) = framework.session.as_mut().filter(|session| session.id == resume.session) else {
            return false;
        };
        let Some(missed) = session.after(resume.after_event) else { return false };
        session.connection = Some(connection);
        let (session, written) = (session.id.clone(), framework.written);
        self.connect(id, connection);
        let event = self.subscribed(id, session, true);
        let Some(session) = self.frameworks.change(id).and_then(|framework| framework.session.as_ref()) else {
            return false;
        };
        self.out.push(written, Body::ToScheduler(connection, session.unnumbered(resume.after_event, event)));
        for event in missed {
            self.out.push(written, Body::ToScheduler(connection, event));
        }
        self.pump(id);
        true
    }

    fn connect(&mut self, id: &FrameworkId, connection: ConnectionId) {
        self.frameworks.connections.insert(connection, id.clone());
        let due = self.now.monotonic + self.config.heartbeat_interval;
        let heartbeat = self.timers.set(due, Timer::Heartbeat(id.clone()));
        if let Some(framework) = self.frameworks.change(id) {
            self.timers.cancel(framework.heartbeat.replace(heartbeat));
        }
        self.activate(id);
    }

    fn subscribed(&self, id: &FrameworkId, session: proto_types::SessionId, resumed: bool) -> Event {
        Event::Subscribed {
            framework: id.clone(),
            session,
            cluster: self.cluster.clone(),
            heartbeat_interval: self.config.heartbeat_interval,
            resumed,
            version: self.config.version.clone(),
        }
    }

    /// Ends the framework's stream, if it has one, with a last event.
    pub(crate) fn close_stream(&mut self, id: &FrameworkId, reason: CloseReason, message: &str) {
        let Some(framework) = self.frameworks.change(id) else { return };
        let after = framework.written;
        let Some(session) = framework.session.as_mut() else { return };
        let Some(connection) = session.connection.take() else { return };
        let event = Event::Closed { reason, message: message.to_owned() };
        let last = session.unnumbered(session.last(), event);
        self.timers.cancel(framework.heartbeat.take());
        self.frameworks.connections.remove(&connection);
        self.out.push(after, Body::ToScheduler(connection, last));
        self.out.push(after, Body::CloseConnection(connection));
    }

    pub(crate) fn on_scheduler_closed(&mut self, connection: ConnectionId, too_slow: bool) {
        let Some(id) = self.frameworks.connections.remove(&connection) else { return };
        let Some(framework) = self.frameworks.change(&id) else { return };
        self.timers.cancel(framework.heartbeat.take());
        if let Some(session) = framework.session.as_mut() {
            session.connection = None;
        }
        // Who reads too slowly must not get the same flood again: it begins anew, with a snapshot.
        let offers: Vec<_> = framework.offers.iter().cloned().collect();
        let timeout = framework.info.failover_timeout;
        if too_slow {
            self.frameworks.set_session(&id, None);
        }
        self.activate(&id);
        self.rescind(offers);
        self.clear_filters(&id, None);
        if timeout.is_zero() {
            let principal = self.frameworks.get(&id).map(|f| f.principal.clone()).unwrap_or_else(Principal::anonymous);
            self.remove_framework(&id, &principal);
            return;
        }
        self.store_remaining(&id, timeout);
        self.arm_failover(&id, timeout);
    }

    pub(crate) fn arm_failover(&mut self, id: &FrameworkId, left: Duration) {
        let deadline = self.now.monotonic + left;
        let failover = self.timers.set(deadline, Timer::Failover(id.clone()));
        let checkpoint =
            self.timers.set(self.now.monotonic + CHECKPOINT_INTERVAL, Timer::FailoverCheckpoint(id.clone()));
        let deadline_wall = Wall(self.now.wall.0.saturating_add(u64::try_from(left.as_millis()).unwrap_or(u64::MAX)));
        if let Some(framework) = self.frameworks.change(id) {
            framework.away = Some(Away { deadline, deadline_wall, failover, checkpoint });
        }
    }

    pub(crate) fn on_failover_checkpoint(&mut self, id: &FrameworkId) {
        let next = self.now.monotonic + CHECKPOINT_INTERVAL;
        let timer = self.timers.set(next, Timer::FailoverCheckpoint(id.clone()));
        let Some(away) = self.frameworks.change(id).and_then(|framework| framework.away.as_mut()) else {
            self.timers.cancel(Some(timer));
            return;
        };
        away.checkpoint = timer;
        let left = away.deadline.since(self.now.monotonic);
        self.store_remaining(id, left);
    }

    fn store_remaining(&mut self, id: &FrameworkId, remaining: Duration) {
        let Some(framework) = self.frameworks.change(id) else { return };
        let fact = Fact::FrameworkDisconnected { framework: id.clone(), remaining };
        framework.written = Some(self.out.append(&framework.principal, fact));
    }

    pub(crate) fn on_heartbeat(&mut self, id: &FrameworkId) {
        let due = self.now.monotonic + self.config.heartbeat_interval;
        let timer = self.timers.set(due, Timer::Heartbeat(id.clone()));
        let Some(framework) = self.frameworks.change(id) else { return };
        framework.heartbeat = Some(timer);
        let after = framework.written;
        let Some(session) = framework.session.as_ref() else { return };
        if let Some(connection) = session.connection {
            let event = session.unnumbered(session.last(), Event::Heartbeat);
            self.out.push(after, Body::ToScheduler(connection, event));
        }
    }
}

/// Checks what a framework says of itself and wants.
pub(crate) fn validate(info: &FrameworkInfo, wants: &Wants) -> Result<(), Refusal> {
    let invalid = |field: &str, message: String| Err(Refusal::Invalid { field: field.to_owned(), message });
    if info.name.trim().is_empty() {
        return invalid("framework.name", "must not be empty; it is how people find the framework".to_owned());
    }
    if info.roles.is_empty() {
        return invalid("framework.roles", "must name at least one role".to_owned());
    }
    let stranger = |role: &&Role| !info.roles.contains(role);
    if let Some(role) = wants.suppressed.iter().find(stranger) {
        return invalid("suppressed_roles", format!("role {role} is not among the framework's roles"));
    }
    if let Some(role) = wants.constraints.keys().find(stranger) {
        return invalid("offer_constraints", format!("role {role} is not among the framework's roles"));
    }
    Ok(())
}
