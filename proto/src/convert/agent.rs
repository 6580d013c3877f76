//! Agents as they describe themselves.

use super::{
    DESCRIPTION_BYTES_MAX, Invalid,
    at::{At, list, required},
    readable,
    resources::{bag, ranges, ranges_to_wire, resources_to_wire, scalar},
    text::{self, filled, optional_filled},
};
use crate::v1::{self, attribute::Value as WireValue};
use proto_types::{AgentInfo, Attribute, Attributes, Resources, attributes::AttributeValue};

readable! { v1::AgentInfo => AgentInfo: agent_info; }

/// A description that comes from an agent, which must not outgrow an entry of a log.
pub(crate) fn own_agent_info(wire: v1::AgentInfo, at: &At<'_>) -> Result<AgentInfo, Invalid> {
    text::check_size(&wire, DESCRIPTION_BYTES_MAX, at)?;
    agent_info(wire, at)
}

pub(crate) fn agent_info(wire: v1::AgentInfo, at: &At<'_>) -> Result<AgentInfo, Invalid> {
    Ok(AgentInfo {
        hostname: filled(wire.hostname, &at.field("hostname"))?,
        address: wire.address,
        resources: bag(wire.resources, &at.field("resources"))?,
        attributes: Attributes(list(wire.attributes, &at.field("attributes"), attribute)?),
        region: optional_filled(wire.region, &at.field("region"))?,
        zone: optional_filled(wire.zone, &at.field("zone"))?,
        version: wire.version,
        isolation: wire.isolation,
    })
}

fn attribute(wire: v1::Attribute, at: &At<'_>) -> Result<Attribute, Invalid> {
    let name = filled(wire.name, &at.field("name"))?;
    if let Some(wrong) = name.chars().find(|c| matches!(c, ':' | ';') || c.is_control()) {
        return Err(at.field("name").invalid(format_args!("contains {wrong:?}; ':' and ';' are not allowed")));
    }
    let value = match required(wire.value, &at.field("value"))? {
        WireValue::ScalarMilli(milli) => AttributeValue::Scalar(scalar(milli, &at.field("scalar_milli"))?),
        WireValue::Ranges(wire) => AttributeValue::Ranges(ranges(wire, &at.field("ranges"))?),
        WireValue::Text(text) => AttributeValue::Text(filled(text, &at.field("text"))?),
    };
    Ok(Attribute { name, value })
}

/// The description with other resources than the agent's own, such as none in an offer.
pub(crate) fn agent_info_to_wire(info: &AgentInfo, resources: &Resources) -> v1::AgentInfo {
    v1::AgentInfo {
        hostname: info.hostname.clone(),
        address: info.address.clone(),
        resources: resources_to_wire(resources),
        attributes: info.attributes.0.iter().map(v1::Attribute::from).collect(),
        region: info.region.clone(),
        zone: info.zone.clone(),
        version: info.version.clone(),
        isolation: info.isolation.clone(),
    }
}

impl From<&AgentInfo> for v1::AgentInfo {
    fn from(info: &AgentInfo) -> Self {
        agent_info_to_wire(info, &info.resources)
    }
}

impl From<&Attribute> for v1::Attribute {
    fn from(attribute: &Attribute) -> Self {
        let value = match &attribute.value {
            AttributeValue::Scalar(amount) => WireValue::ScalarMilli(amount.milli()),
            AttributeValue::Ranges(ranges) => WireValue::Ranges(ranges_to_wire(ranges)),
            AttributeValue::Text(text) => WireValue::Text(text.clone()),
        };
        Self { name: attribute.name.clone(), value: Some(value) }
    }
}
