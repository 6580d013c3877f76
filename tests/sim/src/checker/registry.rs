//! What the registry's log holds: nothing that depends on a record may be said before it is there.

use crate::{time::Time, violation::Invariant};
use master_core::{Body, ConnectionId, Effect};
use proto_types::{
    AgentId, FrameworkId, TaskState,
    link::ToAgent,
    registry::{Fact, RegistryChange},
    scheduling::{CloseReason, Event, Refusal},
    status::Source,
};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

/// What the log holds, and what is being written.
#[derive(Debug, Default)]
pub struct Registry {
    stored: Facts,
    /// With what was appended and may not be stored yet.
    made: Facts,
    applied: usize,
    marks: VecDeque<Time>,
}

#[derive(Debug, Default, Clone)]
struct Facts {
    frameworks: BTreeMap<FrameworkId, u64>,
    removed: BTreeSet<FrameworkId>,
    agents: BTreeSet<AgentId>,
    /// Agents that were ever marked unreachable.
    marked: BTreeSet<AgentId>,
    gone: BTreeSet<AgentId>,
    /// Agents that operators took out of use, and whether the end of their maintenance gives them back.
    withdrawn: BTreeMap<AgentId, bool>,
}

impl Facts {
    fn apply(&mut self, change: &RegistryChange) {
        match &change.fact {
            Fact::AgentAdmitted { agent, .. } => drop(self.agents.insert(agent.clone())),
            Fact::AgentMarkedUnreachable { agent, .. } => drop(self.marked.insert(agent.clone())),
            Fact::FrameworkRegistered { info, incarnation, .. } => {
                if let Some(id) = &info.id {
                    self.frameworks.insert(id.clone(), *incarnation);
                }
            }
            Fact::FrameworkRemoved { framework } => drop(self.removed.insert(framework.clone())),
            Fact::AgentMarkedGone { agent, .. } => drop(self.gone.insert(agent.clone())),
            Fact::AgentDeactivated { agent } => drop(self.withdrawn.insert(agent.clone(), false)),
            Fact::AgentDrainBegun { agent, drain } => {
                self.withdrawn.insert(agent.clone(), drain.maintenance);
            }
            Fact::AgentReactivated { agent } => drop(self.withdrawn.remove(agent)),
            Fact::AgentMaintenanceEnded { agent } => {
                if self.withdrawn.get(agent) == Some(&true) {
                    self.withdrawn.remove(agent);
                }
            }
            Fact::AgentMarkedReachable { .. }
            | Fact::ClusterAdopted { .. }
            | Fact::AgentForgotten { .. }
            | Fact::AgentDrained { .. }
            | Fact::AgentMaintenanceScheduled { .. }
            | Fact::FrameworkDisconnected { .. }
            | Fact::FrameworkConnected { .. }
            | Fact::RoleUpdated { .. } => {}
        }
    }
}

impl Registry {
    /// A crash ended what was being written: this is what the log holds. What was stored before still is.
    pub(super) fn settle(&mut self, entries: &[RegistryChange]) {
        let applied = self.applied.min(entries.len());
        entries[applied..].iter().for_each(|change| self.stored.apply(change));
        self.made = self.stored.clone();
        self.applied = entries.len();
    }

    /// Agents that are gone, whether that is stored yet or not.
    pub(super) fn gone(&self) -> impl Iterator<Item = &AgentId> {
        self.made.gone.iter()
    }

    /// Another epoch begins: what was being written is there or not, and no more of it comes.
    pub(super) fn settled(&mut self) {
        self.made = self.stored.clone();
    }

    /// These changes are stored.
    pub(super) fn write(&mut self, changes: &[RegistryChange]) {
        changes.iter().for_each(|change| self.stored.apply(change));
    }

    /// The log was replaced by a shorter one that amounts to the same.
    pub(super) fn compacted(&mut self, length: usize) {
        self.applied = length;
    }

    pub(super) fn store(&mut self, entries: &[RegistryChange]) {
        for change in entries.get(self.applied..).unwrap_or_default() {
            self.stored.apply(change);
        }
        self.applied = self.applied.max(entries.len());
    }

    pub(super) fn agents(&self) -> usize {
        self.made.agents.len()
    }

    /// The newest incarnation that a master took in.
    #[must_use]
    pub fn incarnation_made(&self, framework: &FrameworkId) -> Option<u64> {
        self.made.frameworks.get(framework).copied()
    }

    /// Whether the framework is dead for good.
    #[must_use]
    pub fn is_removed(&self, framework: &FrameworkId) -> bool {
        self.stored.removed.contains(framework)
    }

    /// Whether the framework was registered and not removed.
    #[must_use]
    pub fn is_alive(&self, framework: &FrameworkId) -> bool {
        self.stored.frameworks.contains_key(framework) && !self.made.removed.contains(framework)
    }

    /// What is wrong with an offer of this agent.
    pub(super) fn judge_offer(&self, agent: &AgentId) -> Option<(Invariant, String)> {
        if self.made.gone.contains(agent) {
            return Some((Invariant::AnAgentThatIsGoneStaysGone, format!("{agent} is offered")));
        }
        let withdrawn = self.made.withdrawn.contains_key(agent);
        withdrawn.then(|| (Invariant::NoAgentOutOfUseIsOffered, format!("{agent} is offered")))
    }

    /// Whether an operator said that the agent is gone.
    pub(super) fn is_gone(&self, agent: &AgentId) -> bool {
        self.made.gone.contains(agent)
    }

    /// Whether its removal is appended and not stored yet.
    fn is_dying(&self, framework: &FrameworkId) -> bool {
        self.made.removed.contains(framework) && !self.stored.removed.contains(framework)
    }

    /// A change is appended; says if too many agents are removed at once.
    pub(super) fn made(
        &mut self,
        now: Time,
        change: &RegistryChange,
        known: usize,
        window: Duration,
    ) -> Option<String> {
        self.made.apply(change);
        if !matches!(change.fact, Fact::AgentMarkedUnreachable { .. }) {
            return None;
        }
        self.marks.push_back(now);
        while self.marks.front().is_some_and(|at| now - *at >= window) {
            self.marks.pop_front();
        }
        (self.marks.len() > known / 5 + 2)
            .then(|| format!("{} of {known} agents are marked unreachable within {window:?}", self.marks.len()))
    }

    /// What is wrong with something that leaves a master.
    pub(super) fn judge(&self, effect: &Effect, streams: &BTreeMap<ConnectionId, u64>) -> Vec<(Invariant, String)> {
        match &effect.body {
            Body::ToScheduler(connection, event) => self.judge_event(&event.event, streams.get(connection).copied()),
            Body::RefuseSubscription(_, Refusal::FrameworkRemoved(id)) if self.is_alive(id) => {
                vec![(Invariant::AFrameworkThatWasNotRemovedLives, format!("{id} is refused as removed"))]
            }
            Body::RefuseSubscription(_, Refusal::FrameworkRemoved(id)) if self.is_dying(id) => {
                vec![(Invariant::NothingIsAnsweredBeforeItIsStored, format!("{id} is refused as removed"))]
            }
            Body::ToAgent(_, ToAgent::Registered { id, .. }) if !self.stored.agents.contains(id) => {
                vec![(Invariant::NothingIsAnsweredBeforeItIsStored, format!("agent {id} is told that it is admitted"))]
            }
            Body::ToAgent(_, ToAgent::ShutdownFramework(id)) => self.judge_shutdown(id),
            Body::ToAgent(_, ToAgent::Launch(launch)) if !self.stored.frameworks.contains_key(&launch.framework) => {
                let detail = format!("tasks of {}, which is not stored, are launched", launch.framework);
                vec![(Invariant::NothingIsAnsweredBeforeItIsStored, detail)]
            }
            _ => Vec::new(),
        }
    }

    fn judge_shutdown(&self, id: &FrameworkId) -> Vec<(Invariant, String)> {
        if self.is_alive(id) {
            return vec![(Invariant::AFrameworkThatWasNotRemovedLives, format!("agents are told to end {id}"))];
        }
        if self.is_dying(id) {
            return vec![(Invariant::NothingIsAnsweredBeforeItIsStored, format!("agents are told to end {id}"))];
        }
        Vec::new()
    }

    fn judge_event(&self, event: &Event, incarnation: Option<u64>) -> Vec<(Invariant, String)> {
        let early = |detail: String| vec![(Invariant::NothingIsAnsweredBeforeItIsStored, detail)];
        match event {
            Event::Subscribed { framework, .. } => match self.stored.frameworks.get(framework) {
                None => early(format!("{framework} is told that it is subscribed")),
                Some(stored) if incarnation.is_some_and(|given| given > *stored) => {
                    early(format!("{framework} is told that incarnation {incarnation:?} has taken over from {stored}"))
                }
                Some(_) => Vec::new(),
            },
            Event::Updates(updates) => {
                let unreachable = updates.iter().filter(|update| {
                    update.state == TaskState::Unreachable && update.source == Source::Master && update.sequence > 0
                });
                let early_agent = unreachable
                    .filter_map(|update| update.agent.as_ref())
                    .find(|agent| !self.stored.marked.contains(*agent));
                early_agent.map_or_else(Vec::new, |agent| early(format!("tasks of {agent} are told to be unreachable")))
            }
            Event::Closed { reason: CloseReason::Removed, .. } => Vec::new(),
            _ => Vec::new(),
        }
    }
}
