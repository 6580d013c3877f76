//! A small world that speaks the domain: a master, executors and a journal around one agent. What the agent does comes
//! out as lines such as `master: a#1 RUNNING`.

use crate::{
    Agent, Body, Change, Config, ConnectionId, Effect, Fact, Input, LinkId, LogIndex, Recovered,
    fact::{LaunchRecord, UpdateRecord},
};
use proto_types::{
    AgentId, AgentInfo, ClusterId, Epoch, ExecutorId, FrameworkId, Labels, Now, Resources, Role, TaskId, TaskInfo,
    TaskKey, TaskState, TaskStatus,
    executing::{FromExecutor, NumberedStatus, Subscription, ToExecutor},
    link::{AgentLaunch, FromAgent, ToAgent},
    status::{Reason, Source},
    task::{Command, ExecutorInfo, Launch},
    time::{Monotonic, Wall},
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

pub(crate) struct World {
    pub(crate) agent: Agent,
    pub(crate) config: Config,
    pub(crate) now: Now,
    pub(crate) epoch: u64,
    pub(crate) journal: Vec<Fact>,
    /// What was done since it was last asked for.
    done: Vec<String>,
    /// The token of the newest start of each executor.
    pub(crate) tokens: Vec<(String, String)>,
    links: u64,
    connections: u64,
    /// The token of each connection.
    attached: BTreeMap<ConnectionId, String>,
    /// To which start of its executor each task was given to be started.
    given: BTreeMap<TaskId, String>,
    /// The newest update of each task that a master saw.
    seen: BTreeMap<TaskId, TaskStatus>,
}

pub(crate) fn framework() -> FrameworkId {
    FrameworkId::new("f").unwrap()
}

pub(crate) fn id(task: &str) -> TaskId {
    TaskId::new(task).unwrap()
}

pub(crate) fn key(task: &str) -> TaskKey {
    TaskKey { framework: framework(), task: id(task) }
}

pub(crate) fn resources(text: &str) -> Resources {
    text.parse().unwrap()
}

pub(crate) fn task(name: &str, needs: &str) -> Arc<TaskInfo> {
    Arc::new(TaskInfo {
        id: id(name),
        name: name.to_owned(),
        resources: resources(needs),
        command: Command { value: "true".to_owned(), shell: true, ..Command::default() },
        container: None,
        health_check: None,
        kill_grace: None,
        max_completion_time: None,
        labels: Labels::new(),
        data: Vec::new(),
        discovery: None,
    })
}

pub(crate) fn custom(name: &str, needs: &str) -> ExecutorInfo {
    ExecutorInfo {
        id: ExecutorId::new(name).unwrap(),
        name: name.to_owned(),
        command: Command { value: "./mine".to_owned(), ..Command::default() },
        resources: resources(needs),
        data: Vec::new(),
    }
}

pub(crate) fn status(task: &str, state: TaskState) -> TaskStatus {
    TaskStatus::new(id(task), state, Source::Executor, Wall(7))
}

impl World {
    /// An agent with 4 cpus that a master of epoch 1 has admitted.
    pub(crate) fn new() -> Self {
        Self::sabotaged(crate::Sabotage::default())
    }

    /// The same with broken rules.
    pub(crate) fn sabotaged(sabotage: crate::Sabotage) -> Self {
        let mut world = Self::with(sabotage);
        world.open_link();
        world.register();
        world.done.clear();
        world
    }

    pub(crate) fn unregistered() -> Self {
        Self::with(crate::Sabotage::default())
    }

    fn with(sabotage: crate::Sabotage) -> Self {
        let config = Config {
            sabotage,
            info: AgentInfo {
                hostname: "host".to_owned(),
                resources: resources("cpus:4;mem:4096;ports:[31000-31009]"),
                ..AgentInfo::default()
            },
            nonce: "run1".to_owned(),
            ..Config::default()
        };
        let now = Now { monotonic: Monotonic(Duration::from_secs(100)), wall: Wall(1_000_000) };
        let (agent, effects) = Agent::recover(config.clone(), Recovered::default(), now);
        let mut world = Self {
            agent,
            config,
            now,
            epoch: 1,
            journal: Vec::new(),
            done: Vec::new(),
            tokens: Vec::new(),
            links: 0,
            connections: 0,
            attached: BTreeMap::new(),
            given: BTreeMap::new(),
            seen: BTreeMap::new(),
        };
        world.carry_out(effects);
        world
    }

    /// The process of the agent ends and a new one starts.
    pub(crate) fn restart(&mut self, rebooted: bool) {
        self.restart_with(Recovered { facts: self.journal.clone(), rebooted, incomplete: false });
    }

    /// The same, with a journal of which records are missing.
    pub(crate) fn restart_incomplete(&mut self) {
        self.restart_with(Recovered { facts: self.journal.clone(), rebooted: false, incomplete: true });
    }

    fn restart_with(&mut self, recovered: Recovered) {
        self.done.clear();
        self.config.nonce = format!("{}+", self.config.nonce);
        let (agent, effects) = Agent::recover(self.config.clone(), recovered, self.now);
        self.agent = agent;
        self.carry_out(effects);
    }

    /// The same, after the journal began a new file with all that the old one amounts to.
    pub(crate) fn restart_rotated(&mut self, rebooted: bool) {
        self.journal = self.agent.image();
        self.restart(rebooted);
    }

    pub(crate) fn give(&mut self, input: Input) {
        let mut effects = Vec::new();
        self.agent.handle(self.now, input, &mut effects);
        self.carry_out(effects);
        assert_eq!(self.agent.check(), []);
        self.check_image();
    }

    pub(crate) fn wait(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.now.monotonic = self.now.monotonic + Duration::from_secs(1);
            self.now.wall = Wall(self.now.wall.0 + 1000);
            self.give(Input::Tick);
        }
    }

    pub(crate) fn open_link(&mut self) -> LinkId {
        self.links += 1;
        let link = LinkId(self.links);
        self.give(Input::LinkOpened { link });
        link
    }

    pub(crate) fn close_link(&mut self) {
        self.give(Input::LinkClosed { link: LinkId(self.links) });
    }

    pub(crate) fn master(&mut self, message: ToAgent) {
        let (link, epoch) = (LinkId(self.links), Epoch(self.epoch));
        self.give(Input::FromMaster { link, epoch, message });
    }

    pub(crate) fn register(&mut self) {
        self.master(ToAgent::Registered {
            id: AgentId::new("agent-1").unwrap(),
            cluster: ClusterId::new("cluster").unwrap(),
            ping_interval: Duration::from_secs(5),
            ping_misses: 6,
            reconnect_within: Duration::ZERO,
        });
    }

    pub(crate) fn launch(&mut self, tasks: &[Arc<TaskInfo>]) {
        self.launch_on(None, tasks, false);
    }

    pub(crate) fn launch_on(&mut self, executor: Option<ExecutorInfo>, tasks: &[Arc<TaskInfo>], group: bool) {
        self.master(ToAgent::Launch(Box::new(AgentLaunch {
            framework: framework(),
            user: None,
            role: Role::any(),
            launch: Launch { executor, tasks: tasks.to_vec(), group },
        })));
    }

    pub(crate) fn kill(&mut self, task: &str) {
        self.kill_within(task, None);
    }

    /// The master has the task killed, and limits what it gets.
    pub(crate) fn kill_within(&mut self, task: &str, max_grace: Option<Duration>) {
        self.master(ToAgent::Kill { framework: framework(), tasks: vec![id(task)], grace: None, max_grace });
    }

    pub(crate) fn acknowledge(&mut self, task: &str, sequence: u64) {
        self.master(ToAgent::Acknowledge(vec![(key(task), sequence)]));
    }

    /// The newest start of the executor subscribes.
    pub(crate) fn attach(&mut self, executor: &str, has: &[&str], unacknowledged: Vec<NumberedStatus>) -> ConnectionId {
        let token = self.token(executor);
        self.attach_as(executor, &token, has, unacknowledged)
    }

    pub(crate) fn attach_as(
        &mut self,
        executor: &str,
        token: &str,
        has: &[&str],
        unacknowledged: Vec<NumberedStatus>,
    ) -> ConnectionId {
        self.connections += 1;
        let connection = ConnectionId(self.connections);
        self.attached.insert(connection, token.to_owned());
        let subscription = Subscription {
            framework: framework(),
            executor: ExecutorId::new(executor).unwrap(),
            token: token.to_owned(),
            tasks: has.iter().map(|task| id(task)).collect(),
            unacknowledged,
            pid: 42,
        };
        self.give(Input::FromExecutor { connection, message: FromExecutor::Subscribe(subscription) });
        connection
    }

    pub(crate) fn report(&mut self, connection: ConnectionId, number: u64, status: TaskStatus) {
        let message = FromExecutor::Updates(vec![NumberedStatus { number, status }]);
        self.give(Input::FromExecutor { connection, message });
    }

    pub(crate) fn exit(&mut self, executor: &str) {
        let token = self.token(executor);
        let executor = ExecutorId::new(executor).unwrap();
        let message = "exited with 1".to_owned();
        self.give(Input::ExecutorExited { framework: framework(), executor, token, message });
    }

    pub(crate) fn token(&self, executor: &str) -> String {
        let found = self.tokens.iter().rev().find(|(name, _)| name == executor);
        found.unwrap_or_else(|| panic!("executor {executor} was never started")).1.clone()
    }

    /// What was done since this was last asked, without the journal and what is shown.
    pub(crate) fn done(&mut self) -> Vec<String> {
        self.all_done().into_iter().filter(|line| !line.starts_with("journal")).collect()
    }

    /// What was done since this was last asked, with the journal.
    pub(crate) fn all_done(&mut self) -> Vec<String> {
        std::mem::take(&mut self.done)
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        let mut written = None;
        for effect in effects {
            assert!(effect.after <= written.max(Some(LogIndex(self.journal.len() as u64))), "{effect:?} is too early");
            match &effect.body {
                Body::Append(index, fact) => {
                    written = Some(*index);
                    self.done.push(format!("journal: {}", fact_line(fact)));
                    self.journal.push(fact.clone());
                }
                Body::StartExecutor(start) => {
                    self.tokens.push((start.info.id.to_string(), start.token.clone()));
                    self.done.push(format!("machine: start {}", start.info.id));
                }
                body => {
                    self.watch(body);
                    self.done.extend(line(body));
                }
            }
        }
    }

    /// What must hold of all that leaves.
    fn watch(&mut self, body: &Body) {
        match body {
            Body::ToExecutor(connection, ToExecutor::Launch { tasks, .. }) => {
                let token = self.attached[connection].clone();
                for launch in tasks.iter().filter(|launch| !launch.adopt) {
                    let before = self.given.insert(launch.task.id.clone(), token.clone());
                    assert!(before.is_none_or(|before| before == token), "{} starts twice", launch.task.id);
                }
            }
            Body::ToMaster(_, FromAgent::Updates(updates)) => {
                updates.iter().for_each(|(_, status)| self.see(status));
            }
            Body::ToMaster(_, FromAgent::Register(registration)) => {
                registration.tasks.iter().flat_map(|task| &task.unacknowledged).for_each(|status| self.see(status));
            }
            _ => {}
        }
    }

    /// Updates come in order without gaps, say the same each time, and nothing follows a terminal one.
    fn see(&mut self, status: &TaskStatus) {
        let Some(newest) = self.seen.get(&status.task) else {
            self.seen.insert(status.task.clone(), status.clone());
            return;
        };
        if status.sequence == newest.sequence {
            assert!(status == newest || status.reason == Some(Reason::TaskInvalid), "{status:?} was {newest:?}");
        }
        if status.sequence > newest.sequence {
            assert!(newest.state.may_become(status.state), "{status:?} after {newest:?}");
            let next = newest.sequence + 1;
            assert!(
                status.sequence == next || status.sequence > crate::recover::UPDATES_LOST_MAX,
                "{status:?} after {newest:?}"
            );
            self.seen.insert(status.task.clone(), status.clone());
        }
    }

    /// What a new file of the journal would begin with amounts to the same as the whole journal.
    fn check_image(&self) {
        let recover = |facts: Vec<Fact>| {
            let (agent, _) =
                Agent::recover(self.config.clone(), Recovered { facts, rebooted: false, incomplete: false }, self.now);
            agent.image()
        };
        assert_eq!(recover(self.agent.image()), recover(self.journal.clone()));
    }
}

fn fact_line(fact: &Fact) -> String {
    match fact {
        Fact::Identified { agent, cluster } => format!("identified {agent} of {cluster}"),
        Fact::Abandoned => "abandoned".to_owned(),
        Fact::EpochSeen(epoch) => format!("epoch {epoch}"),
        Fact::ExecutorStarting(start) => format!("starting {}", start.info.id),
        Fact::ExecutorEnded { executor, .. } => format!("ended {executor}"),
        Fact::TaskLaunched(launch) => launched(launch),
        Fact::UpdateMade(update) => {
            let UpdateRecord { status, number, .. } = &**update;
            format!("update {}#{} {} ({number})", status.task, status.sequence, status.state)
        }
        Fact::UpdateAcknowledged { key, sequence } => format!("acknowledged {}#{sequence}", key.task),
        Fact::FrameworkShutDown(framework) => format!("shut down {framework}"),
        Fact::TasksForgotten { tasks, .. } => format!("forgotten {tasks:?}"),
    }
}

fn launched(launch: &LaunchRecord) -> String {
    let tasks: Vec<_> = launch.tasks.iter().map(|task| task.id.to_string()).collect();
    format!("launched {}{}", tasks.join(" "), if launch.group { " as a group" } else { "" })
}

fn line(body: &Body) -> Option<String> {
    Some(match body {
        Body::ToMaster(_, message) => format!("master: {}", master_line(message)),
        Body::CloseLink(_, why) => format!("master: closed, {}", format!("{why:?}").split([' ', '{']).next()?),
        Body::ToExecutor(_, message) => format!("executor: {}", executor_line(message)),
        Body::CloseExecutor(_, why) => format!("executor: closed, {why:?}"),
        Body::WatchExecutor { executor, .. } => format!("machine: watch {executor}"),
        Body::KillExecutor { executor, .. } => format!("machine: kill {executor}"),
        Body::RetireSandbox(_) | Body::Append(..) | Body::StartExecutor(_) => return None,
        Body::Changed(Change::TaskForgotten(key)) => format!("forgot {}", key.task),
        Body::Changed(_) => return None,
    })
}

fn master_line(message: &FromAgent) -> String {
    match message {
        FromAgent::Register(registration) => {
            let tasks = registration.tasks.iter().map(|task| {
                let tail: Vec<_> = task.unacknowledged.iter().map(|status| status.sequence.to_string()).collect();
                format!(" {}={} [{}]", task.key.task, task.latest.state, tail.join(" "))
            });
            let id = registration.id.as_ref().map_or("nobody", AgentId::as_str);
            format!("register {id} epoch {}{}", registration.epoch, tasks.collect::<String>())
        }
        FromAgent::Updates(updates) => {
            let updates = updates.iter().map(|(_, status)| {
                let reason = status.reason.map(|reason| format!(" {reason:?}")).unwrap_or_default();
                format!("{}#{} {}{reason}", status.task, status.sequence, status.state)
            });
            updates.collect::<Vec<_>>().join(", ")
        }
        FromAgent::Pong(number) => format!("pong {number}"),
        FromAgent::Message(message) => format!("message from {}", message.executor),
        FromAgent::ExecutorExited { executor, .. } => format!("executor {executor} exited"),
    }
}

fn executor_line(message: &ToExecutor) -> String {
    match message {
        ToExecutor::Subscribed { .. } => "subscribed".to_owned(),
        ToExecutor::Launch { tasks, group } => {
            let tasks: Vec<_> = tasks
                .iter()
                .map(|launch| format!("{}{}", launch.task.id, if launch.adopt { " (adopt)" } else { "" }))
                .collect();
            format!("launch {}{}", tasks.join(" "), if *group { " as a group" } else { "" })
        }
        ToExecutor::Kill { tasks, grace } => {
            let grace = grace.map_or_else(String::new, |grace| format!(" within {grace:?}"));
            format!("kill {}{grace}", tasks.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
        }
        ToExecutor::Acknowledged(list) => {
            let list = list.iter().map(|(task, number)| format!("{task}:{number}"));
            format!("safe {}", list.collect::<Vec<_>>().join(" "))
        }
        ToExecutor::Message(_) => "message".to_owned(),
        ToExecutor::Shutdown { .. } => "shutdown".to_owned(),
    }
}
