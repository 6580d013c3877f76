//! Who has what: the three books (agent, framework, role) are only written together, here.

use crate::Master;
use proto_types::{AgentId, FrameworkId, Offer, OfferId, Resources, Role, TaskKey, scheduling::Event};
use std::{collections::BTreeMap, sync::Arc};

impl Master {
    /// Tasks or an executor of the framework now use these resources of the agent.
    pub(crate) fn charge(&mut self, agent: &AgentId, framework: &FrameworkId, role: &Role, resources: &Resources) {
        if let Some(agent) = self.agents.change(agent) {
            agent.used.add(resources);
        }
        if let Some(framework) = self.frameworks.change(framework) {
            framework.used.add(resources);
        }
        self.roles.allocate(role, framework, resources);
        self.agents.account(agent);
    }

    /// They use them no more.
    pub(crate) fn discharge(&mut self, agent: &AgentId, framework: &FrameworkId, role: &Role, resources: &Resources) {
        if let Some(agent) = self.agents.change(agent) {
            agent.used = agent.used.minus(resources);
        }
        if let Some(framework) = self.frameworks.change(framework) {
            framework.used.subtract(resources);
        }
        self.roles.release(role, framework, resources);
        self.agents.account(agent);
    }

    /// The task's resources are accounted to it from now on.
    pub(crate) fn charge_task(&mut self, key: &TaskKey) {
        let Some(task) = self.frameworks.change_task(key) else { return };
        if std::mem::replace(&mut task.charged, true) {
            return;
        }
        let (agent, role, resources) = (task.agent.clone(), task.role.clone(), task.resources());
        if let Some(framework) = self.frameworks.change(&key.framework) {
            framework.active_tasks += 1;
        }
        if let Some(agent) = self.agents.change(&agent) {
            agent.active_tasks += 1;
        }
        self.charge(&agent, &key.framework, &role, &resources);
    }

    /// They no more are: it is over, or its agent unreachable.
    pub(crate) fn discharge_task(&mut self, key: &TaskKey) {
        let Some(task) = self.frameworks.change_task(key) else { return };
        if !std::mem::replace(&mut task.charged, false) {
            return;
        }
        let (agent, role, resources) = (task.agent.clone(), task.role.clone(), task.resources());
        if let Some(framework) = self.frameworks.change(&key.framework) {
            framework.active_tasks -= 1;
        }
        if let Some(agent) = self.agents.change(&agent) {
            agent.active_tasks -= 1;
        }
        self.discharge(&agent, &key.framework, &role, &resources);
    }

    /// The offer holds its resources from now on.
    pub(crate) fn hold(&mut self, offer: &Arc<Offer>) {
        if let Some(agent) = self.agents.change(&offer.agent) {
            agent.offered.add(&offer.resources);
            agent.offers.insert(offer.id.clone());
        }
        if let Some(framework) = self.frameworks.change(&offer.framework) {
            framework.offered.add(&offer.resources);
            framework.offers.insert(offer.id.clone());
        }
        self.roles.allocate(&offer.role, &offer.framework, &offer.resources);
        self.agents.account(&offer.agent);
    }

    /// The offer is no more, and what it held is free.
    pub(crate) fn let_go(&mut self, id: &OfferId) -> Option<Arc<Offer>> {
        let offer = self.offers.remove(id)?;
        if let Some(agent) = self.agents.change(&offer.agent) {
            agent.offered = agent.offered.minus(&offer.resources);
            agent.offers.remove(id);
        }
        if let Some(framework) = self.frameworks.change(&offer.framework) {
            let had_credit = framework.offers.len() < framework.wants.credit.offers as usize;
            framework.offered.subtract(&offer.resources);
            framework.offers.remove(id);
            if !had_credit {
                self.frameworks.dirty.insert(offer.framework.clone());
            }
        }
        self.roles.release(&offer.role, &offer.framework, &offer.resources);
        self.agents.account(&offer.agent);
        self.out.push(None, crate::Body::Changed(crate::Change::OfferRemoved(id.clone())));
        Some(offer)
    }

    /// Takes offers back and tells their frameworks.
    pub(crate) fn rescind(&mut self, ids: impl IntoIterator<Item = OfferId>) {
        let mut by_framework: BTreeMap<FrameworkId, Vec<OfferId>> = BTreeMap::new();
        for id in ids {
            if let Some(offer) = self.let_go(&id) {
                by_framework.entry(offer.framework.clone()).or_default().push(id);
            }
        }
        for (framework, offers) in by_framework {
            self.tell(&framework, None, Event::Rescinded(offers));
        }
    }
}
