//! The table of agents.

use crate::{
    effect::{AgentStanding, AgentView, LogIndex},
    input::LinkId,
    timers::TimerKey,
};
use proto_types::{
    AgentId, AgentInfo, ExecutorId, FrameworkId, OfferId, Principal, Resources, Role, TaskKey,
    agent::{Duty, Unavailability},
    link::HeldExecutor,
    time::{Monotonic, Wall},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

#[derive(Debug, Default)]
pub(crate) struct Agents {
    by_id: BTreeMap<AgentId, Agent>,
    links: BTreeMap<LinkId, AgentId>,
    /// Those with something to offer.
    pub(crate) offerable: BTreeSet<AgentId>,
    /// Those of which a round of allocation must look at anew.
    pub(crate) dirty: BTreeSet<AgentId>,
    pub(crate) touched: BTreeSet<AgentId>,
    /// Those whose tasks have to end.
    pub(crate) draining: BTreeSet<AgentId>,
    /// When maintenance begins or ends.
    pub(crate) maintenance: BTreeSet<(Wall, AgentId)>,
    /// Those that are gone, oldest first.
    pub(crate) gone: BTreeSet<(Wall, AgentId)>,
}

#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) info: Arc<AgentInfo>,
    /// Who registered the description.
    pub(crate) principal: Principal,
    pub(crate) standing: AgentStanding,
    pub(crate) since: Wall,
    /// Who caused the standing that the registry holds.
    pub(crate) marked_by: Principal,
    pub(crate) duty: Duty,
    /// Who wants it so.
    pub(crate) duty_by: Principal,
    pub(crate) unavailability: Option<Unavailability>,
    /// Who planned it.
    pub(crate) unavailability_by: Principal,
    /// Kills hard what is left when it has been draining for too long.
    pub(crate) drain_timer: Option<TimerKey>,
    pub(crate) link: Option<LinkId>,
    /// The last write about it: what is said about it must not leave before.
    pub(crate) written: Option<LogIndex>,
    /// Whether it registered in this term, so that the table of tasks holds all of its tasks.
    pub(crate) known: bool,
    /// Its tasks that are not over and acknowledged, and how many of them use resources.
    pub(crate) tasks: BTreeSet<TaskKey>,
    pub(crate) active_tasks: u32,
    /// Tasks that it holds for nobody, and was told to end.
    pub(crate) strays: BTreeSet<TaskKey>,
    pub(crate) executors: BTreeMap<(FrameworkId, ExecutorId), HeldExecutor>,
    pub(crate) used: Resources,
    pub(crate) offered: Resources,
    pub(crate) free: Resources,
    pub(crate) offers: BTreeSet<OfferId>,
    pub(crate) filters: BTreeMap<(FrameworkId, Role), Filter>,
    /// Kills that it may not have got.
    pub(crate) kills: BTreeMap<TaskKey, Option<Duration>>,
    pub(crate) liveness: Liveness,
}

#[derive(Debug, Default)]
pub(crate) struct Liveness {
    pub(crate) number: u64,
    pub(crate) unanswered: u32,
    pub(crate) timer: Option<TimerKey>,
}

/// What a framework does not want to be offered of an agent.
#[derive(Debug)]
pub(crate) struct Filter {
    pub(crate) refused: Resources,
    pub(crate) timer: TimerKey,
}

impl Agent {
    pub(crate) fn new(info: Arc<AgentInfo>, principal: Principal, standing: AgentStanding, since: Wall) -> Self {
        Self {
            info,
            principal,
            standing,
            since,
            marked_by: Principal::anonymous(),
            duty: Duty::Active,
            duty_by: Principal::anonymous(),
            unavailability: None,
            unavailability_by: Principal::anonymous(),
            drain_timer: None,
            link: None,
            written: None,
            known: false,
            tasks: BTreeSet::new(),
            active_tasks: 0,
            strays: BTreeSet::new(),
            executors: BTreeMap::new(),
            used: Resources::default(),
            offered: Resources::default(),
            free: Resources::default(),
            offers: BTreeSet::new(),
            filters: BTreeMap::new(),
            kills: BTreeMap::new(),
            liveness: Liveness::default(),
        }
    }

    /// Whether tasks may run on it that this master does not know of.
    pub(crate) fn may_hold_unknown_tasks(&self) -> bool {
        !self.known && matches!(self.standing, AgentStanding::Recovered | AgentStanding::Unreachable)
    }

    /// Whether its resources may be offered and used: it is there, and no operator wants it otherwise.
    pub(crate) fn may_be_offered(&self) -> bool {
        self.standing == AgentStanding::Connected && self.duty == Duty::Active
    }

    /// Whether its resources count as the cluster's.
    pub(crate) fn counts(&self) -> bool {
        matches!(self.standing, AgentStanding::Connected | AgentStanding::Disconnected)
    }

    /// The filter that keeps `resources` from the framework, and until when.
    pub(crate) fn filtered(&self, framework: &FrameworkId, role: &Role, resources: &Resources) -> Option<Monotonic> {
        let filter = self.filters.get(&(framework.clone(), role.clone()))?;
        filter.refused.contains(resources).then(|| filter.timer.due())
    }

    pub(crate) fn view(&self) -> AgentView {
        AgentView {
            info: Arc::clone(&self.info),
            standing: self.standing,
            since: self.since,
            duty: self.duty,
            unavailability: self.unavailability,
            used: self.used.clone(),
            offered: self.offered.clone(),
            tasks: self.active_tasks,
        }
    }
}

impl Agents {
    pub(crate) fn get(&self, id: &AgentId) -> Option<&Agent> {
        self.by_id.get(id)
    }

    /// The agent, to be changed.
    pub(crate) fn change(&mut self, id: &AgentId) -> Option<&mut Agent> {
        let agent = self.by_id.get_mut(id)?;
        self.touched.insert(id.clone());
        Some(agent)
    }

    pub(crate) fn insert(&mut self, id: AgentId, agent: Agent) {
        self.touched.insert(id.clone());
        self.by_id.insert(id, agent);
    }

    /// Takes the agent out; nobody hears of it any more.
    pub(crate) fn remove(&mut self, id: &AgentId) -> Option<Agent> {
        let agent = self.by_id.remove(id)?;
        self.offerable.remove(id);
        self.dirty.remove(id);
        self.touched.remove(id);
        self.draining.remove(id);
        self.gone.remove(&(agent.since, id.clone()));
        self.set_edges(id, agent.unavailability, None);
        Some(agent)
    }

    /// Has the agent do what operators want now.
    pub(crate) fn set_duty(&mut self, id: &AgentId, duty: Duty, by: &Principal) {
        let Some(agent) = self.change(id) else { return };
        (agent.duty, agent.duty_by) = (duty, by.clone());
        if matches!(duty, Duty::Draining(_)) {
            self.draining.insert(id.clone());
        } else {
            self.draining.remove(id);
        }
    }

    /// Notes what is planned for the agent now.
    pub(crate) fn set_unavailability(&mut self, id: &AgentId, planned: Option<Unavailability>, by: &Principal) {
        let Some(agent) = self.change(id) else { return };
        let old = std::mem::replace(&mut agent.unavailability, planned);
        agent.unavailability_by = by.clone();
        self.set_edges(id, old, planned);
    }

    fn set_edges(&mut self, id: &AgentId, old: Option<Unavailability>, new: Option<Unavailability>) {
        for edge in old.into_iter().flat_map(edges) {
            self.maintenance.remove(&(edge, id.clone()));
        }
        self.maintenance.extend(new.into_iter().flat_map(edges).map(|edge| (edge, id.clone())));
    }

    /// Ends the agent's maintenance, and with it the drain that it began.
    pub(crate) fn end_maintenance(&mut self, id: &AgentId, by: &Principal) {
        self.set_unavailability(id, None, by);
        let began = |agent: &Agent| agent.duty.drain().is_some_and(|drain| drain.maintenance);
        if self.get(id).is_some_and(began) {
            self.set_duty(id, Duty::Active, by);
        }
    }

    /// The agent is gone for good: nothing is wanted of it or planned for it any more.
    pub(crate) fn set_gone(&mut self, id: &AgentId, since: Wall, by: &Principal) {
        let Some(agent) = self.change(id) else { return };
        (agent.standing, agent.since, agent.marked_by) = (AgentStanding::Gone, since, by.clone());
        self.gone.insert((since, id.clone()));
        self.set_duty(id, Duty::Active, by);
        self.set_unavailability(id, None, by);
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = (&AgentId, &Agent)> {
        self.by_id.iter()
    }

    pub(crate) fn by_link(&self, link: LinkId) -> Option<&AgentId> {
        self.links.get(&link)
    }

    pub(crate) fn bind(&mut self, link: LinkId, id: &AgentId) {
        self.links.insert(link, id.clone());
    }

    pub(crate) fn unbind(&mut self, link: LinkId) -> Option<AgentId> {
        self.links.remove(&link)
    }

    /// Computes anew what is free on the agent, and marks it for allocation.
    pub(crate) fn account(&mut self, id: &AgentId) {
        let Some(agent) = self.by_id.get_mut(id) else { return };
        agent.free = if agent.may_be_offered() {
            agent.info.resources.minus(&agent.used).minus(&agent.offered)
        } else {
            Resources::default()
        };
        self.touched.insert(id.clone());
        if agent.free.is_empty() {
            self.offerable.remove(id);
            self.dirty.remove(id);
        } else {
            self.offerable.insert(id.clone());
            self.dirty.insert(id.clone());
        }
    }
}

/// When something is to be done about what is planned.
fn edges(planned: Unavailability) -> impl Iterator<Item = Wall> {
    [planned.start].into_iter().chain(planned.end)
}
