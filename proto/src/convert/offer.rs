//! Offers and filters.

use super::{
    Invalid,
    agent::{agent_info, agent_info_to_wire},
    at::{At, optional, required},
    duty::unavailability,
    readable,
    resources::{bag, resources_to_wire},
    text::{framework_id, id, millis, role, to_millis},
};
use crate::v1;
use proto_types::{Filters, Offer, Resources, offer::REFUSE_MAX};
use std::sync::Arc;

readable! { v1::Offer => Offer: offer; }

pub(crate) fn offer(wire: v1::Offer, at: &At<'_>) -> Result<Offer, Invalid> {
    let agent = required(wire.agent, &at.field("agent"))?;
    Ok(Offer {
        id: id(&wire.id, &at.field("id"))?,
        framework: framework_id(&wire.framework_id, at)?,
        role: role(&wire.role, &at.field("role"))?,
        agent: id(&wire.agent_id, &at.field("agent_id"))?,
        agent_info: Arc::new(agent_info(agent, &at.field("agent"))?),
        resources: bag(wire.resources, &at.field("resources"))?,
        unavailability: optional(wire.unavailability, &at.field("unavailability"), unavailability)?,
    })
}

/// Absent filters are the default ones; a refusal longer than the longest is cut to it.
pub(crate) fn filters(wire: Option<v1::Filters>) -> Filters {
    let given = wire.and_then(|filters| filters.refuse_ms);
    given.map_or_else(Filters::default, |refuse| Filters { refuse: millis(refuse).min(REFUSE_MAX) })
}

impl From<Filters> for v1::Filters {
    fn from(filters: Filters) -> Self {
        Self { refuse_ms: Some(to_millis(filters.refuse)) }
    }
}

impl From<&Offer> for v1::Offer {
    fn from(offer: &Offer) -> Self {
        Self {
            id: offer.id.to_string(),
            framework_id: offer.framework.to_string(),
            role: offer.role.to_string(),
            agent_id: offer.agent.to_string(),
            // What the agent has in total is nobody's business, and most of the bytes.
            agent: Some(agent_info_to_wire(&offer.agent_info, &Resources::default())),
            resources: resources_to_wire(&offer.resources),
            unavailability: offer.unavailability.map(Into::into),
        }
    }
}
