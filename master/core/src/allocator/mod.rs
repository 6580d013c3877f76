//! A round of allocation: who is offered what.
//!
//! A round looks at agents of which something changed, for everybody; and, if frameworks want offers which they did not
//! want before, at the other agents with something free, for those frameworks alone. What nobody wanted stays as it is
//! until something changes, so an idle round costs nothing.

use crate::{Body, Change, LogIndex, Master, agents::Agent, frameworks::Framework};
use proto_types::{
    AgentId, Filters, FrameworkId, Offer, OfferId, ResourceName, Resources, Role, Scalar,
    resources::Limits,
    scheduling::Event,
    weight::{BATCH_MAX, batches},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
    sync::Arc,
};

/// Less than both of these is not worth an offer (Mesos's `--min_allocatable_resources`).
const CPUS_MIN: Scalar = Scalar::from_milli(10);
const MEM_MIN: Scalar = Scalar::from_units(32);

/// What a round looked at and did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RoundReport {
    /// Agents looked at.
    pub agents: usize,
    /// Frameworks that wanted offers anew.
    pub frameworks: usize,
    /// Offers made.
    pub offers: usize,
}

/// Why a framework is not offered what is free on an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WhyNot {
    /// The agent does not satisfy the framework's constraints.
    Constraint,
    /// Everything usable is too little for the framework's or the master's minimum.
    TooLittle,
    /// The role's limit leaves too little of it.
    Limit,
    /// The framework refused as much or more of the agent.
    Filtered(proto_types::time::Monotonic),
    /// The framework holds as many offers as it can take.
    NoCredit,
}

impl Master {
    pub(crate) fn on_allocate(&mut self) {
        let mut wanting = std::mem::take(&mut self.frameworks.dirty);
        wanting.append(&mut self.roles.take_loosened());
        let dirty = std::mem::take(&mut self.agents.dirty);
        let others: Vec<AgentId> =
            if wanting.is_empty() { Vec::new() } else { self.agents.offerable.difference(&dirty).cloned().collect() };
        let agents = dirty.len() + others.len();
        let mut made = BTreeMap::new();
        for agent in &dirty {
            self.allocate_agent(agent, None, &mut made);
        }
        for agent in &others {
            self.allocate_agent(agent, Some(&wanting), &mut made);
        }
        let offers = made.values().map(Vec::len).sum();
        self.last_round = RoundReport { agents, frameworks: wanting.len(), offers };
        for (framework, offers) in made {
            self.send_offers(&framework, offers);
        }
    }

    /// Offers what is free on an agent to whoever is next in order and wants it, until nobody wants the rest.
    fn allocate_agent(
        &mut self,
        id: &AgentId,
        only: Option<&BTreeSet<FrameworkId>>,
        made: &mut BTreeMap<FrameworkId, Vec<Arc<Offer>>>,
    ) {
        while let Some((role, framework, resources)) = self.next_taker(id, only) {
            let Some(agent) = self.agents.get(id) else { return };
            let offer = Arc::new(Offer {
                id: self.mint.offer(),
                framework: framework.clone(),
                role,
                agent: id.clone(),
                agent_info: Arc::clone(&agent.info),
                resources,
                unavailability: agent.unavailability,
            });
            self.hold(&offer);
            self.offers.insert(Arc::clone(&offer), self.now.monotonic + self.config.offer_timeout);
            made.entry(framework).or_default().push(offer);
        }
        self.agents.dirty.remove(id);
    }

    fn next_taker(
        &mut self,
        id: &AgentId,
        only: Option<&BTreeSet<FrameworkId>>,
    ) -> Option<(Role, FrameworkId, Resources)> {
        self.roles.refresh();
        let agent = self.agents.get(id).filter(|agent| !agent.free.is_empty())?;
        let flow = self.roles.in_order(&mut |role, framework_id| {
            if only.is_some_and(|only| !only.contains(framework_id)) {
                return ControlFlow::Continue(());
            }
            let Some(framework) = self.frameworks.get(framework_id) else { return ControlFlow::Continue(()) };
            match offerable(agent, framework_id, framework, role, &self.roles.headroom(role)) {
                Ok(resources) => ControlFlow::Break((role.clone(), framework_id.clone(), resources)),
                Err(_) => ControlFlow::Continue(()),
            }
        });
        flow.break_value()
    }

    fn send_offers(&mut self, framework: &FrameworkId, offers: Vec<Arc<Offer>>) {
        for batch in batches(offers, BATCH_MAX) {
            let agents: BTreeSet<&AgentId> = batch.iter().map(|offer| &offer.agent).collect();
            let after: Option<LogIndex> = agents.into_iter().filter_map(|agent| self.agents.get(agent)?.written).max();
            for offer in &batch {
                self.out.push(after, Body::Changed(Change::Offer(offer.id.clone(), Arc::clone(offer))));
            }
            let event = Event::Offers(batch.iter().map(|offer| Offer::clone(offer)).collect());
            self.tell(framework, after, event);
        }
    }

    /// Nobody hoards: what was held too long goes to others first.
    pub(crate) fn on_offer_expired(&mut self, id: &OfferId) {
        let Some(offer) = self.offers.get(id).cloned() else { return };
        self.rescind([id.clone()]);
        self.refuse(&offer.agent, &offer.framework, &offer.role, &offer.resources, Filters::default());
    }
}

/// What of the agent's free resources the framework would be offered for the role, or why nothing.
pub(crate) fn offerable(
    agent: &Agent,
    id: &FrameworkId,
    framework: &Framework,
    role: &Role,
    headroom: &Limits,
) -> Result<Resources, WhyNot> {
    if framework.offers.len() >= framework.wants.credit.offers as usize {
        return Err(WhyNot::NoCredit);
    }
    let constraints = framework.wants.constraints.get(role);
    if constraints.is_some_and(|constraints| !constraints.admits_agent(&agent.info)) {
        return Err(WhyNot::Constraint);
    }
    let usable = agent.free.usable_by(role);
    let enough = |resources: &Resources| match constraints.filter(|constraints| !constraints.minimum.is_empty()) {
        Some(constraints) => constraints.admits_amounts(resources),
        None => resources.scalar(&ResourceName::Cpus) >= CPUS_MIN || resources.scalar(&ResourceName::Mem) >= MEM_MIN,
    };
    if !enough(&usable) {
        return Err(WhyNot::TooLittle);
    }
    let allowed = usable.shrunk_to(headroom);
    if !enough(&allowed) {
        return Err(WhyNot::Limit);
    }
    match agent.filtered(id, role, &allowed) {
        Some(until) => Err(WhyNot::Filtered(until)),
        None => Ok(allowed),
    }
}
