//! A registry that takes the place of one that was lost: what agents and schedulers come with is taken in, where within
//! one cluster it would be dead.

use crate::{Master, effect::LogIndex, frameworks::Framework, minted::epoch_of};
use proto_types::{
    AgentId, Epoch, FrameworkId, FrameworkInfo, Labels, Principal, Role,
    link::{HeldExecutor, HeldTask},
    registry::Fact,
    time::Monotonic,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

/// How long the tasks of a framework that is only known from agents outlive its scheduler: what it wants itself was lost,
/// and whoever repairs a cluster may need days for its schedulers.
const FAILOVER_TIMEOUT: Duration = Duration::from_secs(7 * 24 * 3600);

/// What is kept of the loss.
#[derive(Debug)]
pub(crate) struct Adoption {
    /// Ids of this epoch and those before were given by the registry that was lost.
    above: Epoch,
    /// Those of them that died since.
    dead_frameworks: BTreeSet<FrameworkId>,
    forgotten_agents: BTreeSet<AgentId>,
    /// Until then agents that nobody knows may come back with tasks that nobody knows.
    expects_until: Monotonic,
}

impl Adoption {
    pub(crate) fn new(above: Epoch, expects_until: Monotonic) -> Self {
        Self { above, dead_frameworks: BTreeSet::new(), forgotten_agents: BTreeSet::new(), expects_until }
    }

    fn is_from_before(&self, id: &str) -> bool {
        epoch_of(id).is_some_and(|epoch| epoch <= self.above)
    }

    /// The changes that rebuild it.
    pub(crate) fn facts(&self) -> impl Iterator<Item = Fact> {
        let dead = self.dead_frameworks.iter().map(|id| Fact::FrameworkRemoved { framework: id.clone() });
        let forgotten = self.forgotten_agents.iter().map(|id| Fact::AgentForgotten { agent: id.clone() });
        std::iter::once(Fact::ClusterAdopted { above: self.above }).chain(dead).chain(forgotten)
    }
}

impl Master {
    /// Whether this framework may have been in the registry that was lost: then nobody can say that it is dead.
    pub(crate) fn may_be_lost_framework(&self, id: &FrameworkId) -> bool {
        let lost = |adoption: &Adoption| adoption.is_from_before(id.as_str()) && !adoption.dead_frameworks.contains(id);
        self.adoption.as_ref().is_some_and(lost)
    }

    /// As for frameworks.
    pub(crate) fn may_be_lost_agent(&self, id: &AgentId) -> bool {
        let lost =
            |adoption: &Adoption| adoption.is_from_before(id.as_str()) && !adoption.forgotten_agents.contains(id);
        self.adoption.as_ref().is_some_and(lost)
    }

    /// Whether agents that this registry does not know may still come with tasks.
    pub(crate) fn expects_lost_agents(&self) -> bool {
        self.adoption.as_ref().is_some_and(|adoption| self.now.monotonic < adoption.expects_until)
    }

    /// The framework is dead from now on, whatever was lost.
    pub(crate) fn remember_dead_framework(&mut self, id: &FrameworkId) {
        if let Some(adoption) = &mut self.adoption
            && adoption.is_from_before(id.as_str())
        {
            adoption.dead_frameworks.insert(id.clone());
        }
    }

    /// The agent is dead from now on, though its record goes.
    pub(crate) fn remember_forgotten_agent(&mut self, id: &AgentId) {
        if let Some(adoption) = &mut self.adoption
            && adoption.is_from_before(id.as_str())
        {
            adoption.forgotten_agents.insert(id.clone());
        }
    }

    /// Takes frameworks in that are only known from what an agent holds.
    pub(crate) fn take_lost_frameworks(
        &mut self,
        principal: &Principal,
        executors: &[HeldExecutor],
        tasks: &[HeldTask],
    ) {
        if self.adoption.is_none() {
            return;
        }
        let of_tasks = tasks.iter().map(|task| (&task.key.framework, &task.role));
        let of_executors = executors.iter().map(|executor| (&executor.framework, &executor.role));
        let mut lost: BTreeMap<FrameworkId, BTreeSet<Role>> = BTreeMap::new();
        for (framework, role) in of_tasks.chain(of_executors) {
            if self.frameworks.get(framework).is_none() && self.may_be_lost_framework(framework) {
                lost.entry(framework.clone()).or_default().insert(role.clone());
            }
        }
        for (id, roles) in lost {
            self.take_lost_framework(id, principal, roles);
        }
    }

    fn take_lost_framework(&mut self, id: FrameworkId, principal: &Principal, roles: BTreeSet<Role>) {
        let info = Arc::new(FrameworkInfo {
            id: Some(id.clone()),
            name: id.to_string(),
            user: None,
            roles: roles.into_iter().collect(),
            failover_timeout: FAILOVER_TIMEOUT,
            webui_url: String::new(),
            hostname: String::new(),
            labels: Labels::default(),
        });
        self.store_framework(id.clone(), info, 0, principal);
        self.subscribe_roles(&id);
        self.arm_failover(&id, FAILOVER_TIMEOUT);
    }

    /// Stores a framework that the registry does not hold yet, and takes it in.
    pub(crate) fn store_framework(
        &mut self,
        id: FrameworkId,
        info: Arc<FrameworkInfo>,
        incarnation: u64,
        principal: &Principal,
    ) -> LogIndex {
        let registered = self.now.wall;
        let fact = Fact::FrameworkRegistered { info: Arc::clone(&info), incarnation, registered };
        let written = self.out.append(principal, fact);
        let mut framework = Framework::new(info, incarnation, principal.clone(), registered);
        framework.written = Some(written);
        self.frameworks.insert(id, framework);
        written
    }
}
