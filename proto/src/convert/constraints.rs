//! Which offers a framework wants.

use super::{
    Invalid,
    at::{At, list, required},
    readable,
    resources::{quantities, quantities_to_wire},
    text::{filled, role},
};
use crate::v1::{
    self, AgentField,
    constraint::{Predicate as WirePredicate, Selector as WireSelector},
};
use proto_types::{
    Role,
    constraints::{Constraint, OfferConstraints, Predicate, Selector},
};
use std::collections::BTreeMap;

readable! { v1::OfferConstraints => OfferConstraints: offer_constraints; }

/// The constraints by role; each role must be among those of the framework.
pub(crate) fn by_role(
    wire: BTreeMap<String, v1::OfferConstraints>,
    roles: &[Role],
    at: &At<'_>,
) -> Result<BTreeMap<Role, OfferConstraints>, Invalid> {
    wire.into_iter()
        .map(|(name, constraints)| {
            let at = at.key(&name);
            let role = role(&name, &at)?;
            if !roles.contains(&role) {
                return Err(at.invalid(format_args!("the framework does not have the role {role}")));
            }
            Ok((role, offer_constraints(constraints, &at)?))
        })
        .collect()
}

pub(crate) fn offer_constraints(wire: v1::OfferConstraints, at: &At<'_>) -> Result<OfferConstraints, Invalid> {
    let groups = list(wire.groups, &at.field("groups"), |group, at| {
        list(group.constraints, &at.field("constraints"), constraint)
    })?;
    Ok(OfferConstraints { groups, minimum: quantities(wire.minimum, &at.field("minimum"))? })
}

fn constraint(wire: v1::Constraint, at: &At<'_>) -> Result<Constraint, Invalid> {
    let selector = match required(wire.selector, &at.field("selector"))? {
        WireSelector::Attribute(name) => Selector::Attribute(filled(name, &at.field("attribute"))?),
        WireSelector::AgentField(field) => match AgentField::try_from(field) {
            Ok(AgentField::Hostname) => Selector::Hostname,
            Ok(AgentField::Region) => Selector::Region,
            Ok(AgentField::Zone) => Selector::Zone,
            Ok(AgentField::Unspecified) | Err(_) => {
                return Err(at.field("agent_field").invalid("must be hostname, region or zone"));
            }
        },
    };
    let predicate = match required(wire.predicate, &at.field("predicate"))? {
        WirePredicate::Exists(true) => Predicate::Exists,
        WirePredicate::Exists(false) => Predicate::NotExists,
        WirePredicate::Equals(text) => Predicate::Equals(text),
        WirePredicate::NotEquals(text) => Predicate::NotEquals(text),
    };
    Ok(Constraint { selector, predicate })
}

impl From<OfferConstraints> for v1::OfferConstraints {
    fn from(constraints: OfferConstraints) -> Self {
        let group = |group: Vec<Constraint>| v1::ConstraintGroup {
            constraints: group.into_iter().map(v1::Constraint::from).collect(),
        };
        Self {
            groups: constraints.groups.into_iter().map(group).collect(),
            minimum: quantities_to_wire(&constraints.minimum),
        }
    }
}

impl From<Constraint> for v1::Constraint {
    fn from(constraint: Constraint) -> Self {
        let selector = match constraint.selector {
            Selector::Attribute(name) => WireSelector::Attribute(name),
            Selector::Hostname => WireSelector::AgentField(AgentField::Hostname.into()),
            Selector::Region => WireSelector::AgentField(AgentField::Region.into()),
            Selector::Zone => WireSelector::AgentField(AgentField::Zone.into()),
        };
        let predicate = match constraint.predicate {
            Predicate::Exists => WirePredicate::Exists(true),
            Predicate::NotExists => WirePredicate::Exists(false),
            Predicate::Equals(text) => WirePredicate::Equals(text),
            Predicate::NotEquals(text) => WirePredicate::NotEquals(text),
        };
        Self { selector: Some(selector), predicate: Some(predicate) }
    }
}
