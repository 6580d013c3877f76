//! Sessions in a small world: a master that says what a test has it say.

use crate::{CallEnd, CallId, Config, Effect, Input, Moment, Notice, Outcome, Session, StreamEnd, StreamId, UserCall};
use proto_types::{
    AgentId, AgentInfo, ClusterId, Epoch, Filters, FrameworkId, FrameworkInfo, Labels, Offer, OfferId, Rejection,
    RejectionKind, Resources, Role, SessionId, TaskId, TaskInfo, TaskState, TaskStatus,
    reconcile::{Answer, Query},
    scheduling::{Acceptance, Call, CloseReason, Event, NumberedEvent, Refusal, Reply, Subscribe, Wants},
    status::Source,
    task::{Command, Launch},
    time::{Monotonic, Wall},
    verdict::TaskVerdict,
};
use std::{collections::VecDeque, sync::Arc, time::Duration};

mod calls;
mod reconnect;
mod updates;

const HEARTBEAT: Duration = Duration::from_secs(15);

/// A session, its scheduler and its master.
struct World {
    session: Session,
    now: Duration,
    stream: Option<StreamId>,
    master: String,
    subscribe: Option<Subscribe>,
    number: u64,
    epoch: u64,
    sessions: u64,
    calls: VecDeque<(CallId, SessionId, Call)>,
    told: VecDeque<Notice>,
    kept: Option<FrameworkId>,
    forgotten: bool,
    end: Option<Outcome>,
}

impl World {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Config)) -> Self {
        let framework = FrameworkInfo {
            id: None,
            name: "test".to_owned(),
            user: None,
            roles: vec![Role::any()],
            failover_timeout: Duration::from_secs(60),
            webui_url: String::new(),
            hostname: String::new(),
            labels: Labels::new(),
        };
        let mut config = Config {
            framework,
            cluster: None,
            incarnation: 7,
            wants: Wants::default(),
            masters: vec!["a:1".to_owned(), "b:1".to_owned()],
            request_prefix: "r".to_owned(),
            explicit_acknowledgements: false,
            tasks_max: 1000,
            connect_timeout: None,
        };
        change(&mut config);
        let mut world = Self {
            session: Session::new(config),
            now: Duration::ZERO,
            stream: None,
            master: String::new(),
            subscribe: None,
            number: 0,
            epoch: 1,
            sessions: 0,
            calls: VecDeque::new(),
            told: VecDeque::new(),
            kept: None,
            forgotten: false,
            end: None,
        };
        world.handle(Input::Start);
        world
    }

    /// A world whose subscription stands.
    fn subscribed() -> Self {
        let mut world = Self::new();
        world.accept_subscription();
        world.told.clear();
        world
    }

    fn handle(&mut self, input: Input) {
        let moment = Moment { now: Monotonic(self.now), jitter_permille: 0 };
        for effect in self.session.handle(moment, input) {
            match effect {
                Effect::OpenStream { stream, master, subscribe } => {
                    self.stream = Some(stream);
                    self.master = master;
                    self.subscribe = Some(*subscribe);
                }
                Effect::CloseStream(stream) => {
                    if self.stream == Some(stream) {
                        self.stream = None;
                    }
                }
                Effect::Call { call, session, body } => self.calls.push_back((call, session, body)),
                Effect::Deliver(notice) => self.told.push_back(notice),
                Effect::Answer { .. } => {}
                Effect::Keep { framework, .. } => self.kept = Some(framework),
                Effect::Forget => self.forgotten = true,
                Effect::Stop(outcome) => self.end = Some(outcome),
            }
        }
    }

    fn user(&mut self, call: UserCall) {
        self.handle(Input::User(call));
        self.handle(Input::Handled);
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.handle(Input::Tick);
        // A deadline that a tick does not move would have a shell tick for ever.
        let due = self.session.next_deadline();
        assert!(due.is_none_or(|due| due > Monotonic(self.now)), "{due:?} is due at {:?}", self.now);
    }

    /// Lets time pass until the session has opened a stream.
    fn reconnect(&mut self) {
        for _ in 0..20 {
            if self.stream.is_some() {
                return;
            }
            self.pass(Duration::from_secs(1));
        }
        panic!("no stream was opened");
    }

    fn accept_subscription(&mut self) {
        self.sessions += 1;
        self.number = 1;
        self.subscribed_as(self.sessions, false);
    }

    fn subscribed_as(&mut self, session: u64, resumed: bool) {
        let event = Event::Subscribed {
            framework: FrameworkId::new("F").unwrap(),
            session: SessionId::new(format!("S{session}")).unwrap(),
            cluster: ClusterId::new("C").unwrap(),
            heartbeat_interval: HEARTBEAT,
            resumed,
            version: String::new(),
        };
        self.raw_event(self.number, event);
    }

    fn event(&mut self, event: Event) {
        self.number += 1;
        self.raw_event(self.number, event);
    }

    fn raw_event(&mut self, number: u64, event: Event) {
        let stream = self.stream.expect("a stream is open");
        let event = NumberedEvent { number, epoch: Epoch(self.epoch), event };
        self.handle(Input::Event { stream, event });
    }

    fn end_stream(&mut self, end: StreamEnd) {
        let stream = self.stream.take().expect("a stream is open");
        self.handle(Input::StreamEnded { stream, end });
    }

    fn break_stream(&mut self) {
        self.end_stream(StreamEnd::Broken("broken".to_owned()));
    }

    /// The next call, which must be there.
    fn call(&mut self) -> (CallId, Call) {
        let (id, _, call) = self.calls.pop_front().expect("a call was made");
        (id, call)
    }

    fn no_call(&self) {
        assert!(self.calls.is_empty(), "{:?}", self.calls);
    }

    fn reply(&mut self, call: CallId, reply: Reply) {
        self.handle(Input::CallEnded { call, end: CallEnd::Reply(reply) });
    }

    fn offer(&mut self, id: &str) {
        self.event(Event::Offers(vec![offer(id)]));
        self.handle(Input::Handled);
        assert!(matches!(self.told.pop_front(), Some(Notice::Offers(_))));
    }

    /// Asks for a launch on a fresh offer, and answers with the call.
    fn launch(&mut self, task: &str) -> (CallId, Call) {
        let id = format!("offer-{task}");
        self.offer(&id);
        self.user(accept(&id, &[task]));
        self.call()
    }

    /// A task that was launched and accepted.
    fn launched(&mut self, task: &str) {
        let (call, _) = self.launch(task);
        self.reply(call, verdicts(&[(task, None)]));
    }

    fn update(&mut self, task: &str, state: TaskState, sequence: u64) {
        self.event(Event::Updates(vec![status(task, state, sequence)]));
        self.handle(Input::Handled);
    }

    /// The states that the scheduler was told, and nothing else.
    fn states(&mut self) -> Vec<(String, TaskState)> {
        self.told
            .drain(..)
            .flat_map(|notice| match notice {
                Notice::Updates(statuses) => statuses,
                other => panic!("{other:?}"),
            })
            .map(|status| (status.task.to_string(), status.state))
            .collect()
    }

    /// The next acknowledgements, for which it may have to wait.
    fn acknowledged(&mut self) -> Vec<(String, u64)> {
        if self.calls.is_empty() {
            self.pass(Duration::from_millis(10));
        }
        let (call, body) = self.call();
        let Call::Acknowledge(list) = body else { panic!("{body:?}") };
        self.reply(call, Reply::Done);
        list.into_iter().map(|(task, sequence)| (task.to_string(), sequence)).collect()
    }
}

fn id(text: &str) -> TaskId {
    TaskId::new(text).unwrap()
}

fn agent() -> AgentId {
    AgentId::new("A").unwrap()
}

fn offer(id: &str) -> Offer {
    Offer {
        id: OfferId::new(id).unwrap(),
        framework: FrameworkId::new("F").unwrap(),
        role: Role::any(),
        agent: agent(),
        agent_info: Arc::new(AgentInfo::default()),
        resources: Resources::default(),
        unavailability: None,
    }
}

fn task(id: &str) -> Arc<TaskInfo> {
    Arc::new(TaskInfo {
        id: TaskId::new(id).unwrap(),
        name: id.to_owned(),
        resources: Resources::default(),
        command: Command::default(),
        container: None,
        health_check: None,
        kill_grace: None,
        max_completion_time: None,
        labels: Labels::new(),
        data: Vec::new(),
        discovery: None,
    })
}

fn acceptance(offer: &str, tasks: &[&str]) -> Acceptance {
    let tasks = tasks.iter().map(|id| task(id)).collect();
    Acceptance {
        offers: vec![OfferId::new(offer).unwrap()],
        launches: vec![Launch { executor: None, tasks, group: false }],
        filters: Filters::default(),
    }
}

fn accept(offer: &str, tasks: &[&str]) -> UserCall {
    UserCall::Accept { acceptances: vec![acceptance(offer, tasks)], all_or_nothing: false }
}

fn verdicts(of: &[(&str, Option<RejectionKind>)]) -> Reply {
    let verdict = |(task, kind): &(&str, Option<RejectionKind>)| TaskVerdict {
        task: id(task),
        result: match kind {
            None => Ok(()),
            Some(kind) => Err(Rejection { kind: *kind, field: String::new(), message: String::new(), free: None }),
        },
    };
    Reply::Verdicts(of.iter().map(verdict).collect())
}

fn status(task: &str, state: TaskState, sequence: u64) -> TaskStatus {
    let mut status = TaskStatus::new(id(task), state, Source::Agent, Wall(sequence));
    status.sequence = sequence;
    status.agent = Some(agent());
    status
}

fn answers(of: &[(&str, TaskState)]) -> Reply {
    let answers = of.iter().map(|(task, state)| Answer::Status(status(task, *state, 0))).collect();
    Reply::Answers { answers, more: false }
}

fn queried(call: &Call) -> Vec<String> {
    let Call::Reconcile { queries, .. } = call else { panic!("{call:?}") };
    queries.iter().map(|Query { task, .. }| task.to_string()).collect()
}
