//! The read model: the newest record of everything that the leader shows.

use master_core::{
    Change,
    effect::{AgentView, FrameworkView, RoleView, TaskView},
};
use proto_types::{AgentId, FrameworkId, Offer, OfferId, Role, TaskKey};
use std::{collections::BTreeMap, sync::Arc};

/// What the leader shows.
#[derive(Debug, Default)]
pub struct ReadModel {
    /// Agents.
    pub agents: BTreeMap<AgentId, Arc<AgentView>>,
    /// Frameworks.
    pub frameworks: BTreeMap<FrameworkId, Arc<FrameworkView>>,
    /// Tasks.
    pub tasks: BTreeMap<TaskKey, Arc<TaskView>>,
    /// Outstanding offers.
    pub offers: BTreeMap<OfferId, Arc<Offer>>,
    /// Roles.
    pub roles: BTreeMap<Role, Arc<RoleView>>,
}

impl ReadModel {
    /// Takes a change over.
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::Agent(id, view) => drop(self.agents.insert(id, view)),
            Change::Framework(id, view) => drop(self.frameworks.insert(id, view)),
            Change::Task(key, view) => drop(self.tasks.insert(key, view)),
            Change::Offer(id, offer) => drop(self.offers.insert(id, offer)),
            Change::Role(role, view) => drop(self.roles.insert(role, view)),
            Change::AgentRemoved(id) => drop(self.agents.remove(&id)),
            Change::FrameworkForgotten(id) => drop(self.frameworks.remove(&id)),
            Change::TaskForgotten(key) => drop(self.tasks.remove(&key)),
            Change::OfferRemoved(id) => drop(self.offers.remove(&id)),
            Change::RoleRemoved(role) => drop(self.roles.remove(&role)),
        }
    }

    /// Nobody leads: nothing is shown.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}
