//! A master with agents and frameworks that are only names. Every step ends with a check of all invariants.

use crate::{Body, CallId, Config, ConnectionId, Effect, Input, LinkId, LogIndex, Master, OperatorCall, OperatorReply};
use proto_types::{
    AgentId, AgentInfo, ClusterId, Epoch, ExecutorId, Filters, FrameworkId, FrameworkInfo, Now, Offer, OfferId,
    Principal, RequestId, Role, SessionId, TaskId, TaskInfo, TaskKey, TaskState, TaskStatus,
    link::{FromAgent, HeldTask, Registration, ToAgent},
    reconcile::{Answer, Query},
    registry::RegistryChange,
    scheduling::{Accept, Acceptance, Call, Event, Refusal, Reply, Resume, Subject, Subscribe, Wants},
    status::Source,
    task::{Command, Launch},
    time::{Monotonic, Wall},
    verdict::TaskVerdict,
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

pub(super) struct World {
    pub(super) master: Master,
    pub(super) now: Now,
    pub(super) registry: Vec<RegistryChange>,
    pub(super) effects: Vec<Effect>,
    pub(super) events: BTreeMap<ConnectionId, Vec<(u64, Event)>>,
    pub(super) to_agents: BTreeMap<LinkId, Vec<ToAgent>>,
    pub(super) refused: BTreeMap<ConnectionId, Refusal>,
    replies: BTreeMap<CallId, Result<Reply, Refusal>>,
    operator_replies: BTreeMap<CallId, Result<OperatorReply, Refusal>>,
    next: u64,
    epoch: u64,
}

/// A connected scheduler.
#[derive(Debug, Clone)]
pub(super) struct Scheduler {
    pub(super) id: FrameworkId,
    pub(super) session: SessionId,
    pub(super) connection: ConnectionId,
}

/// A registered agent.
#[derive(Debug, Clone)]
pub(super) struct AgentHandle {
    pub(super) id: AgentId,
    pub(super) link: LinkId,
}

pub(super) fn role(text: &str) -> Role {
    Role::new(text).unwrap()
}

/// Who it is that speaks.
pub(super) fn principal(who: &str) -> Principal {
    who.parse().unwrap()
}

pub(super) fn task_id(text: &str) -> TaskId {
    TaskId::new(text).unwrap()
}

pub(super) fn framework(name: &str, roles: &[&str]) -> FrameworkInfo {
    FrameworkInfo {
        id: None,
        name: name.to_owned(),
        user: None,
        roles: roles.iter().map(|text| role(text)).collect(),
        failover_timeout: Duration::from_secs(3600),
        webui_url: String::new(),
        hostname: String::new(),
        labels: BTreeMap::new(),
    }
}

pub(super) fn task(id: &str, resources: &str) -> Arc<TaskInfo> {
    Arc::new(TaskInfo {
        id: task_id(id),
        name: id.to_owned(),
        resources: resources.parse().unwrap(),
        command: Command { value: "true".to_owned(), ..Command::default() },
        container: None,
        health_check: None,
        kill_grace: None,
        max_completion_time: None,
        labels: BTreeMap::new(),
        data: Vec::new(),
        discovery: None,
    })
}

pub(super) fn launch(tasks: &[Arc<TaskInfo>]) -> Launch {
    Launch { executor: None, tasks: tasks.to_vec(), group: false }
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(Config::default())
    }

    pub(super) fn with(config: Config) -> Self {
        let now = Now { monotonic: Monotonic(Duration::from_secs(1)), wall: Wall(1_000_000) };
        let cluster = ClusterId::new("c1").unwrap();
        Self {
            master: Master::recover(config, cluster, Epoch(1), [], now),
            now,
            registry: Vec::new(),
            effects: Vec::new(),
            events: BTreeMap::new(),
            to_agents: BTreeMap::new(),
            refused: BTreeMap::new(),
            replies: BTreeMap::new(),
            operator_replies: BTreeMap::new(),
            next: 0,
            epoch: 1,
        }
    }

    /// Another term with what the registry holds. All links and streams are gone.
    pub(super) fn fail_over(&mut self) {
        self.epoch += 1;
        let (cluster, registry) = (ClusterId::new("c1").unwrap(), self.registry.clone());
        self.master = Master::recover(self.master.config.clone(), cluster, Epoch(self.epoch), registry, self.now);
        self.events.clear();
        self.to_agents.clear();
    }

    pub(super) fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    pub(super) fn give(&mut self, input: Input) {
        let mut effects = Vec::new();
        self.master.handle(self.now, input, &mut effects);
        assert_eq!(self.master.check(), []);
        for effect in &effects {
            match &effect.body {
                Body::Append(index, change) => {
                    let _: &LogIndex = index;
                    self.registry.push(change.clone());
                }
                Body::ToAgent(link, message) => self.to_agents.entry(*link).or_default().push(message.clone()),
                Body::ToScheduler(connection, event) => {
                    self.events.entry(*connection).or_default().push((event.number, event.event.clone()));
                }
                Body::RefuseSubscription(connection, refusal) => {
                    self.refused.insert(*connection, refusal.clone());
                }
                Body::Reply(call, reply) => drop(self.replies.insert(*call, reply.clone())),
                Body::OperatorReply(call, reply) => drop(self.operator_replies.insert(*call, reply.clone())),
                Body::CloseLink(_) | Body::CloseConnection(_) | Body::Changed(_) => {}
            }
        }
        self.effects.extend(effects);
    }

    /// Allocates until nothing is left to look at.
    pub(super) fn allocate(&mut self) {
        while self.master.wants_allocation() {
            self.give(Input::Allocate);
        }
    }

    pub(super) fn advance(&mut self, duration: Duration) {
        let end = self.now.monotonic + duration;
        while self.now.monotonic < end {
            self.now.monotonic = (self.now.monotonic + crate::config::TICK).min(end);
            self.now.wall.0 += 250;
            self.give(Input::Tick);
        }
    }

    /// Lets time pass while all of these agents answer their pings.
    pub(super) fn advance_alive(&mut self, duration: Duration, agents: &[&AgentHandle]) {
        let steps = duration.as_millis() / 250;
        for _ in 0..steps {
            self.advance(Duration::from_millis(250));
            for agent in agents {
                let pings = self.to_agents.entry(agent.link).or_default().iter();
                let last = pings.rev().find_map(|m| if let ToAgent::Ping(n) = m { Some(*n) } else { None });
                if let Some(number) = last {
                    self.say(agent, FromAgent::Pong(number));
                }
            }
        }
    }

    pub(super) fn agent(&mut self, resources: &str) -> AgentHandle {
        self.register(None, resources, Vec::new())
    }

    pub(super) fn register(&mut self, id: Option<&AgentId>, resources: &str, tasks: Vec<HeldTask>) -> AgentHandle {
        let link = LinkId(self.number());
        let info = AgentInfo {
            hostname: format!("host{}", link.0),
            resources: resources.parse().unwrap(),
            ..AgentInfo::default()
        };
        let registration =
            Registration { id: id.cloned(), cluster: None, info, epoch: Epoch(0), tasks, executors: Vec::new() };
        let message = FromAgent::Register(Box::new(registration));
        self.give(Input::Agent { link, principal: principal("agent"), message });
        match self.to_agents[&link].iter().find(|m| matches!(m, ToAgent::Registered { .. } | ToAgent::Refused { .. })) {
            Some(ToAgent::Registered { id, .. }) => AgentHandle { id: id.clone(), link },
            other => panic!("not registered: {other:?}"),
        }
    }

    pub(super) fn say(&mut self, agent: &AgentHandle, message: FromAgent) {
        self.give(Input::Agent { link: agent.link, principal: principal("agent"), message });
    }

    pub(super) fn scheduler(&mut self, name: &str, roles: &[&str]) -> Scheduler {
        self.subscribe(framework(name, roles), 1, Wants::default(), None)
    }

    pub(super) fn subscribe(
        &mut self,
        framework: FrameworkInfo,
        incarnation: u64,
        wants: Wants,
        resume: Option<Resume>,
    ) -> Scheduler {
        let connection = self.try_subscribe(framework, incarnation, wants, resume);
        match self.events[&connection].first() {
            Some((_, Event::Subscribed { framework, session, .. })) => {
                Scheduler { id: framework.clone(), session: session.clone(), connection }
            }
            other => panic!("not subscribed: {other:?}"),
        }
    }

    pub(super) fn try_subscribe(
        &mut self,
        framework: FrameworkInfo,
        incarnation: u64,
        wants: Wants,
        resume: Option<Resume>,
    ) -> ConnectionId {
        let connection = ConnectionId(self.number());
        let request = Box::new(Subscribe { framework, incarnation, cluster: None, wants, resume });
        self.give(Input::Subscribe { connection, principal: principal("scheduler"), request });
        connection
    }

    pub(super) fn call(&mut self, scheduler: &Scheduler, body: Call) -> Result<Reply, Refusal> {
        let call = CallId(self.number());
        let session = scheduler.session.clone();
        self.give(Input::Call { call, principal: principal("scheduler"), session, body });
        self.replies.remove(&call).expect("every call is answered")
    }

    pub(super) fn operate(&mut self, body: OperatorCall) -> Result<OperatorReply, Refusal> {
        let call = CallId(self.number());
        self.give(Input::Operate { call, principal: principal("operator"), body });
        self.operator_replies.remove(&call).expect("every call is answered")
    }

    /// The offers that the scheduler holds by what it was told.
    pub(super) fn offers(&self, scheduler: &Scheduler) -> Vec<Offer> {
        let mut held: BTreeMap<OfferId, Offer> = BTreeMap::new();
        for (_, event) in self.events.get(&scheduler.connection).into_iter().flatten() {
            match event {
                Event::Offers(offers) => held.extend(offers.iter().map(|offer| (offer.id.clone(), offer.clone()))),
                Event::Rescinded(ids) => ids.iter().for_each(|id| drop(held.remove(id))),
                _ => {}
            }
        }
        held.into_values().filter(|offer| self.master.offers.get(&offer.id).is_some()).collect()
    }

    /// What the scheduler holds, one text for each offer.
    pub(super) fn offered(&self, scheduler: &Scheduler) -> Vec<String> {
        self.offers(scheduler).iter().map(|offer| offer.resources.to_string()).collect()
    }

    pub(super) fn accept(
        &mut self,
        scheduler: &Scheduler,
        offers: &[Offer],
        launches: Vec<Launch>,
    ) -> Vec<TaskVerdict> {
        let request = RequestId::new(format!("r{}", self.number())).unwrap();
        let filters = Filters { refuse: Duration::ZERO };
        let offers = offers.iter().map(|offer| offer.id.clone()).collect();
        let acceptances = vec![Acceptance { offers, launches, filters }];
        self.accept_all(scheduler, Accept { request, acceptances, all_or_nothing: false })
    }

    pub(super) fn accept_all(&mut self, scheduler: &Scheduler, accept: Accept) -> Vec<TaskVerdict> {
        match self.call(scheduler, Call::Accept(accept)) {
            Ok(Reply::Verdicts(verdicts)) => verdicts,
            other => panic!("no verdicts: {other:?}"),
        }
    }

    /// Offers everything to the scheduler and launches one task with it.
    pub(super) fn run(&mut self, scheduler: &Scheduler, id: &str, resources: &str) -> TaskKey {
        self.allocate();
        let offer = self.offers(scheduler).remove(0);
        let verdicts = self.accept(scheduler, &[offer], vec![launch(&[task(id, resources)])]);
        assert_eq!(verdicts[0].result, Ok(()));
        TaskKey { framework: scheduler.id.clone(), task: task_id(id) }
    }

    pub(super) fn decline(&mut self, scheduler: &Scheduler, offers: &[Offer], refuse: Duration) {
        let offers = offers.iter().map(|offer| offer.id.clone()).collect();
        self.call(scheduler, Call::Decline { offers, filters: Filters { refuse } }).unwrap();
    }

    pub(super) fn status(&self, id: &str, state: TaskState, sequence: u64) -> TaskStatus {
        let mut status = TaskStatus::new(task_id(id), state, Source::Executor, self.now.wall);
        status.sequence = sequence;
        status
    }

    pub(super) fn update(&mut self, agent: &AgentHandle, key: &TaskKey, state: TaskState, sequence: u64) {
        let status = self.status(key.task.as_str(), state, sequence);
        self.say(agent, FromAgent::Updates(vec![(key.framework.clone(), status)]));
    }

    pub(super) fn acknowledge(&mut self, scheduler: &Scheduler, id: &str, sequence: u64) {
        self.call(scheduler, Call::Acknowledge(vec![(task_id(id), sequence)])).unwrap();
    }

    /// The updates that the scheduler got on its present stream: state and number.
    pub(super) fn updates(&self, scheduler: &Scheduler) -> Vec<(TaskState, u64)> {
        let events = self.events.get(&scheduler.connection).into_iter().flatten();
        let updates = events.filter_map(|(_, event)| if let Event::Updates(all) = event { Some(all) } else { None });
        updates.flatten().map(|status| (status.state, status.sequence)).collect()
    }

    pub(super) fn reconcile(&mut self, scheduler: &Scheduler, id: &str, agent: Option<&AgentId>) -> Answer {
        let query = Query { task: task_id(id), agent: agent.cloned() };
        match self.call(scheduler, Call::Reconcile { queries: vec![query], after: None }) {
            Ok(Reply::Answers { mut answers, .. }) => answers.remove(0),
            other => panic!("no answer: {other:?}"),
        }
    }

    pub(super) fn reconcile_all(&mut self, scheduler: &Scheduler, after: Option<&str>) -> (Vec<Answer>, bool) {
        match self.call(scheduler, Call::Reconcile { queries: Vec::new(), after: after.map(task_id) }) {
            Ok(Reply::Answers { answers, more }) => (answers, more),
            other => panic!("no answers: {other:?}"),
        }
    }

    pub(super) fn explain(&mut self, scheduler: &Scheduler, subject: Subject) -> String {
        match self.call(scheduler, Call::Explain(subject)) {
            Ok(Reply::Explanation(explanation)) => {
                explanation.reasons.iter().map(|r| format!("{}: {}\n", r.code, r.message)).collect()
            }
            other => panic!("no explanation: {other:?}"),
        }
    }

    pub(super) fn held(&self, key: &TaskKey, resources: &str, state: TaskState, unacknowledged: &[u64]) -> HeldTask {
        let number = unacknowledged.last().copied().unwrap_or(1);
        HeldTask {
            key: key.clone(),
            executor: ExecutorId::built_in(),
            role: role("*"),
            info: Some(task(key.task.as_str(), resources)),
            latest: self.status(key.task.as_str(), state, number),
            unacknowledged: unacknowledged.iter().map(|n| self.status(key.task.as_str(), state, *n)).collect(),
        }
    }
}
