//! A master with agents that do at once what they are told, and evidence of everything that ever ran.

use proto_types::{
    AgentId, AgentInfo, FrameworkId, Offer, OfferId, Rejection, RejectionKind, Resources, Role, TaskId, TaskState,
    TaskStatus,
    reconcile::Query,
    scheduling::Acceptance,
    status::{Reason, Source},
    time::{Monotonic, Wall},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

/// A task as the cluster knows it.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) agent: AgentId,
    pub(crate) resources: Resources,
    pub(crate) state: TaskState,
    /// The command that it runs.
    pub(crate) command: String,
    /// Updates that were made.
    pub(crate) sequence: u64,
}

#[derive(Debug)]
struct Agent {
    info: Arc<AgentInfo>,
    reachable: bool,
}

/// What the scheduler is told.
#[derive(Debug, Clone)]
pub(crate) enum Told {
    Offers(Vec<Offer>),
    Update(TaskStatus),
    Rejected(TaskId, Rejection),
}

/// The master with its agents.
#[derive(Debug, Default)]
pub(crate) struct Cluster {
    agents: BTreeMap<AgentId, Agent>,
    pub(crate) tasks: BTreeMap<TaskId, Task>,
    /// Every task that was ever launched; evidence, which outlives everything.
    pub(crate) ever_launched: BTreeSet<TaskId>,
    outstanding: BTreeMap<OfferId, (AgentId, Resources)>,
    filters: BTreeMap<AgentId, Monotonic>,
    unacknowledged: BTreeMap<(TaskId, u64), TaskStatus>,
    pub(crate) suppressed: bool,
    /// How new tasks end, by a part of their command; the others run until they are killed.
    pub(crate) ends: Vec<(String, TaskState)>,
    offers_made: u64,
    told: Vec<Told>,
}

impl Cluster {
    pub(crate) fn add_agent(&mut self, name: &str, resources: &str) {
        let resources = resources.parse().expect("resources");
        let info = AgentInfo { hostname: name.to_owned(), resources, ..AgentInfo::default() };
        self.agents.insert(AgentId::new(name).expect("an id"), Agent { info: Arc::new(info), reachable: true });
    }

    /// What there is to tell since the last time.
    pub(crate) fn told(&mut self) -> Vec<Told> {
        std::mem::take(&mut self.told)
    }

    /// Another scheduler subscribes: offers from before are gone, unacknowledged updates are sent again.
    pub(crate) fn subscribe(&mut self) {
        self.outstanding.clear();
        self.filters.clear();
        self.suppressed = false;
        self.told.clear();
        self.told.extend(self.unacknowledged.values().cloned().map(Told::Update));
    }

    /// Offers what is free, one offer for each agent.
    pub(crate) fn offer(&mut self, now: Monotonic) {
        if self.suppressed {
            return;
        }
        let mut offers = Vec::new();
        for (id, agent) in &self.agents {
            let filtered = self.filters.get(id).is_some_and(|until| now < *until);
            let outstanding = self.outstanding.values().any(|(agent, _)| agent == id);
            let free = self.free(id);
            if filtered || outstanding || free.is_empty() || !agent.reachable {
                continue;
            }
            self.offers_made += 1;
            let offer = OfferId::new(format!("o{}", self.offers_made)).expect("an id");
            self.outstanding.insert(offer.clone(), (id.clone(), free.clone()));
            offers.push(Offer {
                id: offer,
                framework: FrameworkId::new("f1").expect("an id"),
                role: Role::any(),
                agent: id.clone(),
                agent_info: Arc::clone(&agent.info),
                resources: free,
                unavailability: None,
            });
        }
        if !offers.is_empty() {
            self.told.push(Told::Offers(offers));
        }
    }

    fn free(&self, agent: &AgentId) -> Resources {
        let mut free = self.agents[agent].info.resources.clone();
        for task in self.tasks.values().filter(|task| task.agent == *agent && !task.state.is_terminal()) {
            free.subtract(&task.resources).expect("no agent holds more than it has");
        }
        free
    }

    pub(crate) fn accept(&mut self, acceptance: &Acceptance, wall: Wall) {
        let offers: Option<Vec<_>> = acceptance.offers.iter().map(|offer| self.outstanding.remove(offer)).collect();
        let Some((agent, free)) = offers.as_ref().and_then(|offers| offers.first()).cloned() else {
            for task in acceptance.launches.iter().flat_map(|launch| &launch.tasks) {
                let rejection = Rejection {
                    kind: RejectionKind::OfferGone,
                    field: String::new(),
                    message: "the offer is gone".to_owned(),
                    free: None,
                };
                self.told.push(Told::Rejected(task.id.clone(), rejection));
            }
            return;
        };
        let mut wanted = Resources::default();
        for task in acceptance.launches.iter().flat_map(|launch| &launch.tasks) {
            wanted.add(&task.resources);
            assert!(free.contains(&wanted), "{} does not fit into {free}: {wanted}", task.id);
            assert!(self.ever_launched.insert(task.id.clone()), "{} is launched twice", task.id);
            let command = format!("{} {}", task.command.value, task.command.arguments.join(" "));
            let (state, resources) = (TaskState::Staging, task.resources.clone());
            let task_of = Task { agent: agent.clone(), resources, state, command: command.clone(), sequence: 0 };
            self.tasks.insert(task.id.clone(), task_of);
            let end = self.ends.iter().find(|(part, _)| command.contains(part)).map(|(_, state)| *state);
            self.update(&task.id, TaskState::Running, wall);
            if let Some(end) = end {
                self.update(&task.id, end, wall);
            }
        }
    }

    pub(crate) fn decline(&mut self, offers: &[OfferId], refuse: Duration, now: Monotonic) {
        for offer in offers {
            if let Some((agent, _)) = self.outstanding.remove(offer)
                && !refuse.is_zero()
            {
                self.filters.insert(agent, now + refuse);
            }
        }
    }

    pub(crate) fn revive(&mut self) {
        self.suppressed = false;
        self.filters.clear();
    }

    pub(crate) fn kill(&mut self, task: &TaskId, wall: Wall) {
        let Some(known) = self.tasks.get(task) else { return };
        if !known.state.is_terminal() && self.agents[&known.agent].reachable {
            self.update(task, TaskState::Killed, wall);
        }
    }

    pub(crate) fn acknowledge(&mut self, status: &TaskStatus) {
        self.unacknowledged.remove(&(status.task.clone(), status.sequence));
    }

    pub(crate) fn reconcile(&mut self, queries: &[Query], wall: Wall) {
        let all: Vec<TaskId> =
            self.tasks.iter().filter(|(_, task)| !task.state.is_terminal()).map(|(id, _)| id.clone()).collect();
        let asked = if queries.is_empty() { all } else { queries.iter().map(|query| query.task.clone()).collect() };
        for task in asked {
            let state = self.tasks.get(&task).map_or(TaskState::Unknown, |task| task.state);
            let status = TaskStatus::new(task, state, Source::Master, wall);
            self.told.push(Told::Update(status.because(Reason::Reconciliation, "")));
        }
    }

    /// A task's state changes, and the scheduler hears of it until it says so.
    pub(crate) fn update(&mut self, id: &TaskId, state: TaskState, wall: Wall) {
        let Some(task) = self.tasks.get_mut(id) else { return };
        task.state = state;
        task.sequence += 1;
        let mut status = TaskStatus::new(id.clone(), state, Source::Executor, wall);
        status.sequence = task.sequence;
        status.agent = Some(task.agent.clone());
        self.unacknowledged.insert((id.clone(), task.sequence), status.clone());
        self.told.push(Told::Update(status));
    }

    /// An agent is cut off, or comes back with all its tasks running.
    pub(crate) fn reach(&mut self, agent: &str, reachable: bool, wall: Wall) {
        let agent = AgentId::new(agent).expect("an id");
        if let Some(agent) = self.agents.get_mut(&agent) {
            agent.reachable = reachable;
        }
        let state = if reachable { TaskState::Running } else { TaskState::Unreachable };
        let tasks: Vec<TaskId> =
            self.alive().filter(|(_, task)| task.agent == agent).map(|(id, _)| id.clone()).collect();
        for task in tasks {
            self.update(&task, state, wall);
        }
    }

    /// The tasks that are not over.
    pub(crate) fn alive(&self) -> impl Iterator<Item = (&TaskId, &Task)> {
        self.tasks.iter().filter(|(_, task)| !task.state.is_terminal())
    }
}
