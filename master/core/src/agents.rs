//! The table of agents.

use crate::{
    effect::{AgentStanding, AgentView, LogIndex},
    input::LinkId,
    timers::TimerKey,
};
use proto_types::{
    AgentId, AgentInfo, ExecutorId, FrameworkId, OfferId, Principal, Resources, Role, TaskKey,
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
    pub(crate) link: Option<LinkId>,
    /// The last write about it: what is said about it must not leave before.
    pub(crate) written: Option<LogIndex>,
    /// Whether it registered in this term, so that the table of tasks holds all of its tasks.
    pub(crate) known: bool,
    /// Its tasks that are not over and acknowledged, and how many of them use resources.
    pub(crate) tasks: BTreeSet<TaskKey>,
    pub(crate) active_tasks: u32,
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
            link: None,
            written: None,
            known: false,
            tasks: BTreeSet::new(),
            active_tasks: 0,
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
        agent.free = if agent.standing == AgentStanding::Connected {
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
