//! How frameworks behave.

use crate::{
    chance::Chance,
    schedulers::{FrameworkHost, SchedulerHost},
    time::Time,
};
use framework_core::UserCall;
use proto_types::{
    AgentId, ExecutorId, Filters, Offer, OfferId, RequestId, Resource, ResourceName, Resources, Role, Scalar, TaskId,
    TaskInfo, TaskState,
    constraints::OfferConstraints,
    resources::Quantities,
    scheduling::{Accept, Acceptance, Call, Wants},
    task::{Command, ExecutorInfo, Launch},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

/// So many offers are answered at once at most: the rest waits for the next time.
const OFFERS_AT_ONCE: usize = 200;

/// How a framework behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behaviour {
    /// Launches on everything, up to so many tasks.
    Greedy {
        /// So many tasks at once.
        tasks: usize,
    },
    /// Wants many cpus on one agent, and declines the rest for long.
    Picky,
    /// Wants nothing, and declines for different times.
    Declining,
    /// Runs short tasks in bursts, and suppresses offers between them.
    Batch {
        /// So many tasks in a burst.
        burst: usize,
    },
    /// Gathers offers of several agents and launches all or nothing.
    Gang {
        /// On so many agents.
        size: usize,
    },
    /// Launches tasks that run for ever and kills them.
    Killing {
        /// So many tasks at once.
        tasks: usize,
    },
    /// Holds what it is offered until it is taken back.
    Hoarding,
    /// Brings an executor of its own.
    Bringing {
        /// So many tasks at once.
        tasks: usize,
    },
    /// Launches groups of tasks.
    Grouping {
        /// So many tasks at once.
        tasks: usize,
    },
    /// Asks for more than it is offered, uses offers twice and task ids again.
    Careless {
        /// So many tasks at once.
        tasks: usize,
    },
    /// Launches some tasks and after a while tears itself down.
    Quitting {
        /// When.
        after: Duration,
    },
    /// Does only what a script says.
    Scripted(Wants),
}

/// What the tasks of a framework are like.
#[derive(Debug, Clone, Copy)]
struct Shape {
    milli_cpus: (u64, u64),
    mem: (u64, u64),
    /// How long they run; none: until they are killed.
    length: Option<(Duration, Duration)>,
    port: bool,
}

const SHORT: Shape = Shape {
    milli_cpus: (100, 1000),
    mem: (32, 512),
    length: Some((Duration::from_millis(20), Duration::from_secs(20))),
    port: false,
};

const MIXED: Shape = Shape {
    milli_cpus: (250, 2000),
    mem: (64, 1024),
    length: Some((Duration::from_secs(1), Duration::from_secs(120))),
    port: true,
};

const ENDLESS: Shape = Shape { milli_cpus: (250, 1000), mem: (64, 512), length: None, port: true };

impl Behaviour {
    /// What it says when it subscribes.
    #[must_use]
    pub fn wants(&self, role: &Role) -> Wants {
        match self {
            Self::Scripted(wants) => wants.clone(),
            Self::Picky => {
                let minimum = Quantities::from_iter([(ResourceName::Cpus, Scalar::from_units(3))]);
                let constraints = OfferConstraints { groups: Vec::new(), minimum };
                Wants { constraints: BTreeMap::from([(role.clone(), constraints)]), ..Wants::default() }
            }
            _ => Wants::default(),
        }
    }

    /// Whether it does things without being told anything.
    #[must_use]
    pub fn acts_by_itself(&self) -> bool {
        !matches!(self, Self::Scripted(_) | Self::Declining)
    }

    /// What a framework's scheduler asks for now, through its session and past it. Once the faults are over it `behaves`: it launches nothing new.
    pub(crate) fn decide(
        framework: &mut FrameworkHost,
        scheduler: &mut SchedulerHost,
        now: Time,
        behaving: bool,
        chance: &mut Chance,
    ) -> (Vec<UserCall>, Vec<Call>) {
        let behaviour = framework.behaviour.clone();
        let mut desk = Desk { framework, scheduler, now, chance, calls: Vec::new(), raw: Vec::new() };
        match behaviour {
            Self::Scripted(_) => {}
            Self::Hoarding if behaving => {}
            Self::Hoarding => desk.use_what_is_old(),
            Self::Declining => desk.decline_all(Duration::ZERO, Duration::from_secs(8)),
            _ if behaving => desk.decline_all(Duration::from_secs(1), Duration::from_secs(5)),
            Self::Greedy { tasks } => desk.launch_single(tasks, MIXED, None),
            Self::Careless { tasks } => desk.be_careless(tasks),
            Self::Bringing { tasks } => desk.launch_single(tasks, MIXED, Some(custom_executor())),
            Self::Grouping { tasks } => desk.launch_groups(tasks),
            Self::Picky => desk.launch_single(6, Shape { milli_cpus: (2000, 3000), ..MIXED }, None),
            Self::Batch { burst } => desk.run_bursts(burst),
            Self::Gang { size } => desk.launch_gang(size),
            Self::Killing { tasks } => {
                desk.launch_single(tasks, ENDLESS, None);
                desk.kill_some();
            }
            Self::Quitting { after } => {
                desk.launch_single(4, ENDLESS, None);
                if now.elapsed() > after && desk.framework.active > 0 {
                    desk.calls.push(UserCall::Teardown);
                }
            }
        }
        (desk.calls, desk.raw)
    }
}

/// Where a scheduler decides.
struct Desk<'a> {
    framework: &'a mut FrameworkHost,
    scheduler: &'a mut SchedulerHost,
    now: Time,
    chance: &'a mut Chance,
    calls: Vec<UserCall>,
    raw: Vec<Call>,
}

impl Desk<'_> {
    fn offers(&self) -> Vec<Offer> {
        self.scheduler.offers.values().take(OFFERS_AT_ONCE).map(|(offer, _)| offer.clone()).collect()
    }

    fn decline_all(&mut self, low: Duration, high: Duration) {
        for offer in self.offers() {
            self.decline(vec![offer.id], low, high);
        }
    }

    fn decline(&mut self, offers: Vec<OfferId>, low: Duration, high: Duration) {
        let refuse = self.chance.between(low, high);
        self.calls.push(UserCall::Decline { offers, filters: Filters { refuse } });
    }

    fn launch_single(&mut self, tasks: usize, shape: Shape, executor: Option<ExecutorInfo>) {
        for offer in self.offers() {
            let room = tasks.saturating_sub(self.framework.active);
            let wanted = room.min(1 + self.chance.index(4));
            let mut left = offer.resources.clone();
            if let Some(executor) = &executor
                && left.subtract(&executor.resources).is_err()
            {
                self.decline(vec![offer.id], Duration::from_secs(1), Duration::from_secs(10));
                continue;
            }
            let chosen: Vec<Arc<TaskInfo>> =
                (0..wanted).filter_map(|_| self.task(shape, &mut left, &offer.agent)).collect();
            if chosen.is_empty() {
                self.decline(vec![offer.id], Duration::from_secs(1), Duration::from_secs(10));
                continue;
            }
            let launch = Launch { executor: executor.clone(), tasks: chosen, group: false };
            self.accept(vec![(offer.id, vec![launch])], false);
        }
    }

    fn accept(&mut self, parts: Vec<(OfferId, Vec<Launch>)>, all_or_nothing: bool) {
        let refuse = self.chance.between(Duration::ZERO, Duration::from_secs(5));
        let acceptances = parts
            .into_iter()
            .map(|(offer, launches)| Acceptance { offers: vec![offer], launches, filters: Filters { refuse } })
            .collect();
        self.calls.push(UserCall::Accept { acceptances, all_or_nothing });
    }

    /// A new task that fits into `left`, which it takes from it.
    fn task(&mut self, shape: Shape, left: &mut Resources, agent: &AgentId) -> Option<Arc<TaskInfo>> {
        let between = |chance: &mut Chance, (low, high): (u64, u64)| low + chance.below(high - low + 1);
        let cpus = Scalar::from_milli(between(self.chance, shape.milli_cpus) / 50 * 50);
        let mem = Scalar::from_units(between(self.chance, shape.mem));
        let mut resources = Resources::from_iter([
            Resource::scalar(ResourceName::Cpus, cpus),
            Resource::scalar(ResourceName::Mem, mem),
        ]);
        if shape.port
            && self.chance.once_in(3)
            && let Some((port, _)) = left.ports().iter().next()
        {
            resources.add(&port_resource(port));
        }
        left.subtract(&resources).ok()?;
        let command = match shape.length {
            Some((low, high)) => {
                let length = self.chance.between(low, high).as_millis();
                let code = i32::from(self.chance.once_in(8));
                format!("run {length} {code}")
            }
            None => "run for ever".to_owned(),
        };
        let id = self.framework.new_task(self.now, agent);
        Some(Arc::new(task_info(id, resources, command)))
    }

    /// Uses what it has held for longer than any offer lasts.
    fn use_what_is_old(&mut self) {
        let old = |(_, since): &&(Offer, Time)| self.now - *since > Duration::from_secs(40);
        let offers: Vec<Offer> = self.scheduler.offers.values().filter(old).map(|(offer, _)| offer.clone()).collect();
        for offer in offers {
            let mut left = offer.resources.clone();
            if let Some(task) = self.task(SHORT, &mut left, &offer.agent) {
                self.accept(vec![(offer.id, vec![Launch { executor: None, tasks: vec![task], group: false }])], false);
            }
        }
    }

    fn launch_groups(&mut self, tasks: usize) {
        for offer in self.offers() {
            let mut left = offer.resources.clone();
            let room = tasks.saturating_sub(self.framework.active);
            let size = 2 + self.chance.index(2);
            let shape = Shape { port: false, ..MIXED };
            let group: Vec<_> = if room < size {
                Vec::new()
            } else {
                (0..size).filter_map(|_| self.task(shape, &mut left, &offer.agent)).collect()
            };
            if group.is_empty() {
                self.decline(vec![offer.id], Duration::from_secs(1), Duration::from_secs(10));
            } else {
                self.accept(vec![(offer.id, vec![Launch { executor: None, tasks: group, group: true }])], false);
            }
        }
    }

    fn run_bursts(&mut self, burst: usize) {
        let idle = self.framework.active == 0;
        if self.scheduler.suppressed {
            if self.chance.once_in(3) {
                self.calls.push(UserCall::Revive(Vec::new()));
            }
            return self.decline_all(Duration::ZERO, Duration::from_secs(1));
        }
        if idle && self.framework.next_task > 0 && self.chance.once_in(2) {
            self.calls.push(UserCall::Suppress(Vec::new()));
            return self.decline_all(Duration::ZERO, Duration::from_secs(1));
        }
        self.launch_single(burst, SHORT, None);
    }

    fn launch_gang(&mut self, size: usize) {
        let offers = self.offers();
        let patient = self.scheduler.offers.values().any(|(_, since)| self.now - *since < Duration::from_secs(10));
        if self.framework.active > 3 * size {
            return self.decline_all(Duration::from_secs(2), Duration::from_secs(10));
        }
        let mut agents: BTreeSet<AgentId> = BTreeSet::new();
        let members: Vec<Offer> =
            offers.into_iter().filter(|offer| agents.insert(offer.agent.clone())).take(size).collect();
        if members.len() < size {
            if !patient {
                self.decline_all(Duration::from_secs(1), Duration::from_secs(3));
            }
            return;
        }
        let mut parts = Vec::new();
        let Some(last) = members.last().map(|offer| offer.agent.clone()) else { return };
        for offer in members {
            let mut left = offer.resources.clone();
            if let Some(task) = self.task(Shape { port: false, ..MIXED }, &mut left, &offer.agent) {
                parts.push((offer.id, vec![Launch { executor: None, tasks: vec![task], group: false }]));
            }
        }
        // Now and then one member asks for too much: then none of them may run.
        if self.chance.once_in(4)
            && let Some((_, launches)) = parts.last_mut()
        {
            let id = self.framework.new_task(self.now, &last);
            let resources = Resources::from_iter([Resource::scalar(ResourceName::Cpus, Scalar::from_units(10_000))]);
            launches[0].tasks.push(Arc::new(task_info(id, resources, "run 1000 0".to_owned())));
        }
        if !parts.is_empty() {
            self.accept(parts, true);
        }
    }

    /// What a scheduler without the SDK might do: it uses an offer that it has used.
    fn use_again(&mut self, offer: OfferId) {
        self.framework.next_task += 1;
        let number = self.framework.next_task;
        let (Ok(id), Ok(request)) =
            (TaskId::new(format!("{}.again.{number}", self.framework.name)), RequestId::new(format!("again-{number}")))
        else {
            return;
        };
        let resources = Resources::from_iter([Resource::scalar(ResourceName::Cpus, Scalar::from_milli(100))]);
        let task = Arc::new(task_info(id, resources, "run 10000 0".to_owned()));
        let launches = vec![Launch { executor: None, tasks: vec![task], group: false }];
        let acceptances = vec![Acceptance { offers: vec![offer], launches, filters: Filters::default() }];
        self.raw.push(Call::Accept(Accept { request, acceptances, all_or_nothing: false }));
    }

    fn kill_some(&mut self) {
        let running = |known: &crate::schedulers::Known| known.state == Some(TaskState::Running) && !known.killed;
        let tasks: Vec<TaskId> =
            self.framework.tasks.iter().filter(|(_, known)| running(known)).map(|(id, _)| id.clone()).collect();
        let mut doomed: Vec<TaskId> = tasks.into_iter().filter(|_| self.chance.once_in(6)).collect();
        for task in &doomed {
            if let Some(known) = self.framework.tasks.get_mut(task) {
                known.killed = true;
            }
        }
        if self.chance.once_in(10)
            && let Ok(unknown) = TaskId::new("there-is-no-such-task")
        {
            doomed.push(unknown);
        }
        if !doomed.is_empty() {
            let grace = self.chance.once_in(2).then(|| Duration::from_secs(1));
            self.calls.push(UserCall::Kill { tasks: doomed, grace });
        }
    }

    fn be_careless(&mut self, tasks: usize) {
        for offer in self.offers() {
            let mut left = offer.resources.clone();
            let room = tasks.saturating_sub(self.framework.active);
            let Some(task) = (room > 0).then(|| self.task(MIXED, &mut left, &offer.agent)).flatten() else {
                self.decline(vec![offer.id], Duration::from_secs(1), Duration::from_secs(10));
                continue;
            };
            let mut launched = vec![task];
            if self.chance.once_in(4) {
                // Far more than was offered.
                let id = self.framework.new_task(self.now, &offer.agent);
                let resources = Resources::from_iter([Resource::scalar(ResourceName::Cpus, Scalar::from_units(500))]);
                launched.push(Arc::new(task_info(id, resources, "run 1000 0".to_owned())));
            }
            if self.chance.once_in(4) {
                // A little more than was offered.
                let id = self.framework.new_task(self.now, &offer.agent);
                let mut resources = left.clone();
                resources.add_resource(Resource::scalar(ResourceName::Cpus, Scalar::from_milli(500)));
                launched.push(Arc::new(task_info(id, resources, "run 60000 0".to_owned())));
            }
            let launch = Launch { executor: None, tasks: launched, group: false };
            self.accept(vec![(offer.id.clone(), vec![launch])], false);
            if self.chance.once_in(3) {
                self.use_again(offer.id);
            }
        }
    }
}

/// A task that is described by what it uses and does.
#[must_use]
pub fn task_info(id: TaskId, resources: Resources, command: String) -> TaskInfo {
    TaskInfo {
        name: id.to_string(),
        id,
        resources,
        command: Command { value: command, shell: true, ..Command::default() },
        container: None,
        health_check: None,
        kill_grace: None,
        max_completion_time: None,
        labels: BTreeMap::new(),
        data: Vec::new(),
        discovery: None,
    }
}

/// The executor that frameworks bring.
#[must_use]
pub fn custom_executor() -> ExecutorInfo {
    let id = ExecutorId::new("own").unwrap_or_else(|_| unreachable!("a word is an id"));
    ExecutorInfo {
        id,
        name: "own".to_owned(),
        command: Command { value: "own".to_owned(), shell: true, ..Command::default() },
        resources: Resources::from_iter([
            Resource::scalar(ResourceName::Cpus, Scalar::from_milli(100)),
            Resource::scalar(ResourceName::Mem, Scalar::from_units(32)),
        ]),
        data: Vec::new(),
    }
}

fn port_resource(port: u64) -> Resources {
    format!("ports:[{port}-{port}]").parse().unwrap_or_default()
}
