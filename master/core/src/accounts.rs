//! Who has what: the three books (agent, framework, role) are only written together, here.

use crate::{Master, tasks::Task};
use proto_types::{AgentId, FrameworkId, Offer, OfferId, Resources, Role, TaskKey, scheduling::Event};
use std::{collections::BTreeMap, sync::Arc};

/// What tasks of one agent use that are not in the books yet. An agent comes with many tasks and a launch has many: the
/// books are written once for all of a framework and role.
#[derive(Debug, Default)]
pub(crate) struct Charges(Vec<Charge>);

#[derive(Debug)]
struct Charge {
    framework: FrameworkId,
    role: Role,
    resources: Resources,
    tasks: u32,
}

impl Charges {
    /// The task's resources are accounted to it from now on.
    pub(crate) fn add(&mut self, framework: &FrameworkId, task: &mut Task) {
        if std::mem::replace(&mut task.charged, true) {
            return;
        }
        let same = |charge: &&mut Charge| charge.framework == *framework && charge.role == task.role;
        let Some(charge) = self.0.iter_mut().find(same) else {
            let (framework, role, resources) = (framework.clone(), task.role.clone(), task.resources());
            self.0.push(Charge { framework, role, resources, tasks: 1 });
            return;
        };
        if let Some(info) = &task.info {
            charge.resources.add(&info.resources);
        }
        charge.tasks += 1;
    }
}

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

    /// Writes what tasks of the agent use into the books.
    pub(crate) fn charge_tasks(&mut self, agent: &AgentId, charges: Charges) {
        for Charge { framework, role, resources, tasks } in charges.0 {
            if let Some(framework) = self.frameworks.change(&framework) {
                framework.active_tasks += tasks;
            }
            if let Some(agent) = self.agents.change(agent) {
                agent.active_tasks += tasks;
            }
            self.charge(agent, &framework, &role, &resources);
        }
    }

    /// The task's resources are accounted to it no more: it is over, or its agent unreachable.
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
