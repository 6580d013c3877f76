//! Scheduler processes: the shell around [`framework_core::Session`], and frameworks, which outlive their schedulers.

use crate::{
    behaviour::Behaviour,
    brief,
    hosts::{FrameworkIndex, Host, Life, MasterIndex, SchedulerIndex},
    interference::{self, Trick},
    kernel::{Caller, Event},
    masters::MasterState,
    network::{CallPacket, CallResult, NetId, Packet, Side},
    settings::FrameworkSettings,
    time::Time,
    world::World,
};
use framework_core::{
    CallEnd, CallId, Config, Effect, Input, Moment, Notice, Outcome, Session, StreamEnd, StreamId, UserCall,
};
use proto_types::{
    AgentId, ClusterId, FrameworkId, FrameworkInfo, Labels, Offer, OfferId, Role, SessionId, TaskId, TaskState,
    TaskStatus,
    reconcile::Query,
    scheduling::{Call, NumberedEvent},
};
use std::{collections::BTreeMap, time::Duration};

/// A framework: what its schedulers keep for each other.
#[derive(Debug)]
pub struct FrameworkHost {
    /// Its name.
    pub name: String,
    /// How it behaves.
    pub behaviour: Behaviour,
    /// Its role.
    pub role: Role,
    /// How long its tasks outlive its scheduler.
    pub failover_timeout: Duration,
    /// Which scheduler process is its newest.
    pub scheduler: Option<SchedulerIndex>,
    /// How many schedulers it had.
    pub incarnation: u64,
    /// Its id, if it has one.
    pub id: Option<FrameworkId>,
    /// The cluster that the id is of.
    pub cluster: Option<ClusterId>,
    /// The number of its next task.
    pub next_task: u64,
    /// Its tasks, as its schedulers saw them. Those over for a while are forgotten.
    pub tasks: BTreeMap<TaskId, Known>,
    /// Tasks that are not over, as far as it knows.
    pub active: usize,
    /// Whether it is done and has no scheduler any more.
    pub over: bool,
}

/// A task as its framework knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its state; none: it was asked for.
    pub state: Option<TaskState>,
    /// Since when.
    pub since: Time,
    /// Whether its end was asked for.
    pub killed: bool,
    /// Where it was asked for; none: it was met elsewhere.
    pub agent: Option<AgentId>,
}

/// A scheduler process.
#[derive(Debug)]
pub struct SchedulerHost {
    /// Of which framework.
    pub framework: FrameworkIndex,
    /// Which start of it.
    pub life: Life,
    /// Its session, while the process runs.
    pub session: Option<Session>,
    /// Which scheduler of the framework it is.
    pub incarnation: u64,
    /// The offers it holds, and since when.
    pub offers: BTreeMap<OfferId, (Offer, Time)>,
    /// Whether its subscription stands.
    pub subscribed: bool,
    /// Whether it suppressed offers.
    pub suppressed: bool,
    /// How its session ended.
    pub outcome: Option<Outcome>,
    /// The master's session with it.
    pub master_session: Option<SessionId>,
    streams: BTreeMap<StreamId, NetId>,
    master: Option<MasterIndex>,
    tick_at: Time,
    acts: bool,
    /// Whether it has yet to ask about the tasks of its predecessors.
    asks: bool,
}

impl FrameworkHost {
    /// A framework that has not begun.
    #[must_use]
    pub fn new(name: String, behaviour: Behaviour, role: Role, failover_timeout: Duration) -> Self {
        Self {
            name,
            behaviour,
            role,
            failover_timeout,
            scheduler: None,
            incarnation: 0,
            id: None,
            cluster: None,
            next_task: 0,
            tasks: BTreeMap::new(),
            active: 0,
            over: false,
        }
    }

    /// How it describes itself.
    pub(crate) fn info(&self) -> FrameworkInfo {
        FrameworkInfo {
            id: self.id.clone(),
            name: self.name.clone(),
            user: None,
            roles: vec![self.role.clone()],
            failover_timeout: self.failover_timeout,
            webui_url: String::new(),
            hostname: String::new(),
            labels: Labels::new(),
        }
    }

    /// A task id of its own, never used before.
    pub fn new_task(&mut self, now: Time, agent: &AgentId) -> TaskId {
        self.next_task += 1;
        let id = TaskId::new(format!("{}.{}", self.name, self.next_task))
            .unwrap_or_else(|_| unreachable!("a name and a number make an id"));
        self.enter(id.clone(), now, Some(agent.clone()));
        id
    }

    /// It asks for this task.
    pub fn enter(&mut self, id: TaskId, now: Time, agent: Option<AgentId>) {
        if self.tasks.insert(id, Known { state: None, since: now, killed: false, agent }).is_none() {
            self.active += 1;
        }
    }

    /// It sees a task in a state.
    fn see(&mut self, task: &TaskId, state: TaskState, now: Time) {
        let known = self.tasks.entry(task.clone()).or_insert_with(|| {
            self.active += 1;
            Known { state: None, since: now, killed: false, agent: None }
        });
        let was_over = known.state.is_some_and(TaskState::is_terminal);
        if was_over {
            return;
        }
        (known.state, known.since) = (Some(state), now);
        if state.is_terminal() || state == TaskState::Unknown {
            known.state = Some(state);
            self.active -= 1;
            if state == TaskState::Unknown {
                self.tasks.remove(task);
            }
        }
    }

    /// The launch of a task was refused.
    fn refused(&mut self, task: &TaskId) {
        if self.tasks.remove(task).is_some_and(|known| !known.state.is_some_and(TaskState::is_terminal)) {
            self.active -= 1;
        }
    }

    /// Forgets what is long over.
    fn trim(&mut self, now: Time) {
        if self.tasks.len() > 2 * self.active + 256 {
            let old = |known: &Known| {
                known.state.is_some_and(TaskState::is_terminal) && now - known.since > Duration::from_secs(60)
            };
            self.tasks.retain(|_, known| !old(known));
        }
    }

    /// Its id is dead: it begins anew.
    fn begin_anew(&mut self) {
        (self.id, self.cluster) = (None, None);
        self.tasks.clear();
        self.active = 0;
    }
}

impl World {
    /// A scheduler process.
    pub(crate) fn scheduler(&self, index: SchedulerIndex) -> &SchedulerHost {
        &self.schedulers[index.0 as usize]
    }

    pub(crate) fn scheduler_mut(&mut self, index: SchedulerIndex) -> &mut SchedulerHost {
        &mut self.schedulers[index.0 as usize]
    }

    /// A framework.
    pub(crate) fn framework(&self, index: FrameworkIndex) -> &FrameworkHost {
        &self.frameworks[index.0 as usize]
    }

    pub(crate) fn framework_mut(&mut self, index: FrameworkIndex) -> &mut FrameworkHost {
        &mut self.frameworks[index.0 as usize]
    }

    /// One more framework joins the world. It has no scheduler yet.
    pub fn add_framework(&mut self, framework: FrameworkSettings) -> FrameworkIndex {
        let FrameworkSettings { name, role, behaviour, failover_timeout } = framework;
        self.frameworks.push(FrameworkHost::new(name, behaviour, role, failover_timeout));
        FrameworkIndex(self.frameworks.len() as u32 - 1)
    }

    /// Gives a framework another scheduler, of a higher incarnation.
    pub(crate) fn on_scheduler_takes_over(&mut self, framework: FrameworkIndex) {
        if self.framework(framework).over {
            return;
        }
        // Nobody can take over from a scheduler that has no id yet.
        let present = self.framework(framework).scheduler;
        let nameless = self.framework(framework).id.is_none();
        if nameless && present.is_some_and(|present| self.scheduler(present).session.is_some()) {
            return self.kernel.after(Duration::from_secs(1), Event::SchedulerTakesOver(framework));
        }
        let index = SchedulerIndex(self.schedulers.len() as u32);
        let host = self.framework_mut(framework);
        host.incarnation += 1;
        host.scheduler = Some(index);
        let incarnation = host.incarnation;
        self.schedulers.push(SchedulerHost {
            framework,
            life: Life(0),
            session: None,
            incarnation,
            offers: BTreeMap::new(),
            subscribed: false,
            suppressed: false,
            outcome: None,
            master_session: None,
            streams: BTreeMap::new(),
            master: None,
            tick_at: Time::NEVER,
            acts: false,
            asks: true,
        });
        self.on_scheduler_starts(index, Life(0));
    }

    pub(crate) fn on_scheduler_starts(&mut self, index: SchedulerIndex, life: Life) {
        let host = self.scheduler(index);
        if host.life != life || host.session.is_some() {
            return;
        }
        let framework = self.framework(host.framework);
        if framework.over {
            return;
        }
        let config = Config {
            framework: framework.info(),
            cluster: framework.cluster.clone(),
            incarnation: host.incarnation,
            wants: framework.behaviour.wants(&framework.role),
            masters: (0..self.masters.len() as u32).map(|master| MasterIndex(master).to_string()).collect(),
            request_prefix: format!("{index}-{}", life.0),
            explicit_acknowledgements: false,
            tasks_max: framework_core::TASKS_MAX,
            connect_timeout: None,
        };
        let name = &config.framework.name;
        self.kernel.note(format_args!("{index} starts for {name} as incarnation {}", config.incarnation));
        let host = self.scheduler_mut(index);
        host.session = Some(Session::new(config));
        host.offers.clear();
        (host.subscribed, host.suppressed, host.outcome, host.acts, host.asks) = (false, false, None, false, true);
        host.streams.clear();
        host.tick_at = Time::NEVER;
        self.give_scheduler(index, Input::Start);
    }

    pub(crate) fn on_scheduler_ticks(&mut self, index: SchedulerIndex, life: Life) {
        let host = self.scheduler_mut(index);
        if host.life == life && host.session.is_some() {
            host.tick_at = Time::NEVER;
            self.give_scheduler(index, Input::Tick);
        }
    }

    /// The session reacts to something.
    pub(crate) fn give_scheduler(&mut self, index: SchedulerIndex, input: Input) {
        let moment = Moment {
            now: self.kernel.now.now(0).monotonic,
            jitter_permille: self.kernel.chances.backoff.below(1001) as u16,
        };
        let Some(session) = &mut self.schedulers[index.0 as usize].session else { return };
        let effects = session.handle(moment, input);
        let mut told = false;
        for effect in effects {
            told |= matches!(effect, Effect::Deliver(_));
            self.carry_out_scheduler(index, effect);
        }
        self.plan_tick(index);
        if told {
            self.plan_act(index);
        }
    }

    fn plan_tick(&mut self, index: SchedulerIndex) {
        let start = self.kernel.now.now(0).monotonic;
        let now = self.kernel.now;
        let host = &mut self.schedulers[index.0 as usize];
        let Some(deadline) = host.session.as_ref().and_then(Session::next_deadline) else { return };
        // Simulated time moves in microseconds: a tick must not come before the deadline.
        let at = now + deadline.since(start) + Duration::from_micros(1);
        if at < host.tick_at {
            host.tick_at = at;
            let life = host.life;
            self.kernel.queue.plan(at, Event::SchedulerTicks(index, life));
        }
    }

    fn plan_act(&mut self, index: SchedulerIndex) {
        let host = &mut self.schedulers[index.0 as usize];
        if std::mem::replace(&mut host.acts, true) {
            return;
        }
        let life = host.life;
        let (low, high) = self.settings.think_time;
        let pause = self.kernel.chances.schedulers.between(low, high);
        self.kernel.after(pause, Event::SchedulerActs(index, life));
    }

    pub(crate) fn on_scheduler_acts(&mut self, index: SchedulerIndex, life: Life) {
        let now = self.kernel.now;
        let host = self.scheduler_mut(index);
        if host.life != life || host.session.is_none() {
            return;
        }
        host.acts = false;
        let framework = host.framework;
        let newest = self.framework(framework).scheduler == Some(index);
        if self.scheduler(index).subscribed && newest {
            self.ask_about_tasks(index);
            let host = &mut self.schedulers[index.0 as usize];
            let framework = &mut self.frameworks[framework.0 as usize];
            let (calls, raw) =
                Behaviour::decide(framework, host, now, self.behaving, &mut self.kernel.chances.schedulers);
            for call in calls {
                self.ask(index, call);
            }
            for call in raw {
                if let Some(session) = self.scheduler(index).master_session.clone() {
                    self.send_call(index, None, session, call);
                }
            }
            if self.framework(self.scheduler(index).framework).behaviour.acts_by_itself() {
                let pause = self.kernel.chances.schedulers.between(Duration::from_secs(1), Duration::from_secs(4));
                self.kernel.after(pause, Event::SchedulerActs(index, life));
                self.scheduler_mut(index).acts = true;
            }
        }
        self.give_scheduler(index, Input::Handled);
        self.framework_mut(framework).trim(now);
    }

    /// A new scheduler asks about the tasks that its predecessors have left it.
    fn ask_about_tasks(&mut self, index: SchedulerIndex) {
        if !std::mem::take(&mut self.scheduler_mut(index).asks) {
            return;
        }
        let tasks = &self.framework(self.scheduler(index).framework).tasks;
        let open = || tasks.iter().filter(|(_, known)| !known.state.is_some_and(TaskState::is_terminal));
        let queries: Vec<Query> =
            open().map(|(task, known)| Query { task: task.clone(), agent: known.agent.clone() }).collect();
        let doomed: Vec<TaskId> = open().filter(|(_, known)| known.killed).map(|(task, _)| task.clone()).collect();
        if !queries.is_empty() {
            self.give_scheduler(index, Input::User(UserCall::Reconcile(queries)));
        }
        if !doomed.is_empty() {
            self.give_scheduler(index, Input::User(UserCall::Kill { tasks: doomed, grace: None }));
        }
    }

    /// The scheduler asks for something.
    pub fn ask(&mut self, index: SchedulerIndex, call: UserCall) {
        let host = &mut self.schedulers[index.0 as usize];
        match &call {
            UserCall::Accept { acceptances, .. } => {
                for offer in acceptances.iter().flat_map(|acceptance| &acceptance.offers) {
                    host.offers.remove(offer);
                }
            }
            UserCall::Decline { offers, .. } => {
                for offer in offers {
                    host.offers.remove(offer);
                }
            }
            UserCall::Suppress(_) => host.suppressed = true,
            UserCall::Revive(_) => host.suppressed = false,
            _ => {}
        }
        self.give_scheduler(index, Input::User(call));
    }

    fn carry_out_scheduler(&mut self, index: SchedulerIndex, effect: Effect) {
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

    fn open_stream(
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

    /// Sends a unary call to the master of the stream opened last.
    pub(crate) fn send_call(&mut self, index: SchedulerIndex, call: Option<CallId>, session: SessionId, body: Call) {
        let host = self.scheduler(index);
        let Some(master) = host.master else { return };
        let caller = Caller { scheduler: index, life: host.life, call };
        let framework = host.framework;
        if let Some(id) = self.framework(framework).id.clone() {
            match &body {
                Call::Accept(accept) => self.checker.scheduler_accepts(&id, accept, call.is_some()),
                Call::Kill { tasks, .. } => self.checker.scheduler_kills(&id, tasks),
                _ => {}
            }
        }
        let trick = self.kernel.trick(Host::Master(master), interference::call(&body));
        if self.loses_call(index, master, trick) {
            let down = matches!(self.masters[master.0 as usize].state, MasterState::Down);
            let cut = self.kernel.network.is_cut(Host::Scheduler(index), Host::Master(master));
            let pause = if down && !cut {
                Duration::from_millis(2)
            } else {
                self.kernel.chances.network.between(Duration::from_secs(3), Duration::from_secs(10))
            };
            return self.kernel.after(pause, Event::CallEnds { caller, result: Box::new(CallResult::Lost) });
        }
        let body = self.tamper_call(body);
        let quality = self.kernel.network.quality();
        if self.kernel.chances.network.once_in(quality.double_call_one_in) || trick == Some(Trick::Double) {
            let delay = self.kernel.network.delay(&mut self.kernel.chances.network) * 3;
            let packet = Box::new(CallPacket { session: session.clone(), body: body.clone() });
            self.kernel.after(delay, Event::CallArrives { master, caller: Caller { call: None, ..caller }, packet });
        }
        let late = trick.map_or(Duration::ZERO, Trick::delay);
        let delay = self.kernel.network.delay(&mut self.kernel.chances.network) + late;
        let packet = Box::new(CallPacket { session, body });
        self.kernel.after(delay, Event::CallArrives { master, caller, packet });
    }

    fn loses_call(&mut self, index: SchedulerIndex, master: MasterIndex, trick: Option<Trick>) -> bool {
        let quality = self.kernel.network.quality();
        self.kernel.network.is_cut(Host::Scheduler(index), Host::Master(master))
            || matches!(self.masters[master.0 as usize].state, MasterState::Down)
            || self.kernel.chances.network.once_in(quality.lose_call_one_in)
            || trick == Some(Trick::Lose)
    }

    pub(crate) fn on_call_ends(&mut self, caller: Caller, result: CallResult) {
        if self.scheduler(caller.scheduler).life != caller.life {
            return;
        }
        let Some(call) = caller.call else {
            if let CallResult::Answered(reply) = &result {
                let reply = brief::reply_in_full(reply);
                self.kernel.note(format_args!("{} <- past its session: {reply}", caller.scheduler));
            }
            return;
        };
        if let CallResult::Answered(reply) = &result {
            self.kernel.note(format_args!("{} <- {}", caller.scheduler, brief::reply(reply)));
        }
        let end = match result {
            CallResult::Answered(Ok(reply)) => CallEnd::Reply(reply),
            CallResult::Answered(Err(refusal)) => CallEnd::Refused(refusal),
            CallResult::NotLeader(leader) => CallEnd::NotLeader(leader),
            CallResult::Lost => CallEnd::Lost("the connection broke".to_owned()),
        };
        self.give_scheduler(caller.scheduler, Input::CallEnded { call, end });
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
            Some(Packet::AgentLink | Packet::FromAgent(_) | Packet::ToAgent(..) | Packet::Subscribe(_)) => return,
        };
        self.kernel.network.close_end(connection, Side::Client);
        self.scheduler_mut(index).streams.remove(&stream);
        self.give_scheduler(index, Input::StreamEnded { stream, end });
    }

    fn tell_scheduler(&mut self, index: SchedulerIndex, notice: Notice) {
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

    fn see_update(&mut self, index: SchedulerIndex, owner: FrameworkIndex, update: &TaskStatus) {
        let now = self.kernel.now;
        let reason = update.reason.map_or(String::new(), |reason| format!(" ({reason:?})"));
        self.kernel.note(format_args!("{index} sees {}{reason}", brief::status(update)));
        let Some(id) = self.framework(owner).id.clone() else { return };
        self.checker.scheduler_sees(index, &id, update);
        self.framework_mut(owner).see(&update.task, update.state, now);
    }

    fn scheduler_stops(&mut self, index: SchedulerIndex, outcome: Outcome) {
        self.kernel.note(format_args!("{index} stops: {outcome:?}"));
        let owner = self.scheduler(index).framework;
        let newest = self.framework(owner).scheduler == Some(index);
        let host = self.scheduler_mut(index);
        host.session = None;
        host.subscribed = false;
        host.offers.clear();
        host.life.0 += 1;
        host.outcome = Some(outcome.clone());
        self.kernel.abandon(Host::Scheduler(index), true);
        if !newest {
            return;
        }
        match outcome {
            Outcome::TornDown if !self.behaving => self.framework_mut(owner).over = true,
            Outcome::TornDown | Outcome::Removed { .. } => {
                if self.settings.frameworks_return {
                    let pause = self.kernel.chances.backoff.between(Duration::from_secs(1), Duration::from_secs(20));
                    self.kernel.after(pause, Event::SchedulerTakesOver(owner));
                } else {
                    self.framework_mut(owner).over = true;
                }
            }
            Outcome::TeardownUnconfirmed { .. } => {
                self.kernel.after(Duration::from_secs(5), Event::SchedulerTakesOver(owner));
            }
            Outcome::Asked | Outcome::NeverConnected { .. } | Outcome::Superseded { .. } | Outcome::Refused(_) => {
                self.framework_mut(owner).over = true;
            }
        }
    }

    /// The process of a scheduler is gone.
    pub(crate) fn crash_scheduler(&mut self, index: SchedulerIndex) {
        let host = self.scheduler_mut(index);
        if host.session.take().is_none() {
            return;
        }
        host.life.0 += 1;
        host.subscribed = false;
        host.offers.clear();
        host.streams.clear();
        self.kernel.note(format_args!("{index} crashes"));
        self.kernel.abandon(Host::Scheduler(index), true);
    }
}
