//! How a scheduler's event stream is opened.

use crate::{
    convert::{
        Invalid,
        at::{At, required},
        constraints::by_role,
        framework::own_framework_info,
        readable,
        text::{self, id, optional_id, or_empty},
    },
    v1,
};
use proto_types::{
    Role,
    constraints::OfferConstraints,
    scheduling::{CREDIT_MAX, Credit, Resume, Subscribe, Wants},
};
use std::collections::BTreeMap;

readable! { v1::SubscribeRequest => Subscribe: subscribe; }

fn subscribe(wire: v1::SubscribeRequest, at: &At<'_>) -> Result<Subscribe, Invalid> {
    let framework = own_framework_info(required(wire.framework, &at.field("framework"))?, &at.field("framework"))?;
    let resume = wire.resume.map(|wire| resume(&wire, &at.field("resume"))).transpose()?;
    Ok(Subscribe {
        wants: wants(wire.suppressed_roles, wire.offer_constraints, wire.credit, &framework.roles, at)?,
        framework,
        incarnation: wire.incarnation,
        cluster: optional_id(&wire.cluster_id, &at.field("cluster_id"))?,
        resume,
    })
}

fn resume(wire: &v1::Resume, at: &At<'_>) -> Result<Resume, Invalid> {
    Ok(Resume { session: id(&wire.session_id, &at.field("session_id"))?, after_event: wire.after_event })
}

/// What a framework with these roles wants; `at` is the message that has the fields.
pub(super) fn wants(
    suppressed: Vec<String>,
    constraints: BTreeMap<String, v1::OfferConstraints>,
    credit: Option<v1::Credit>,
    roles: &[Role],
    at: &At<'_>,
) -> Result<Wants, Invalid> {
    let suppressed = text::roles(suppressed, &at.field("suppressed_roles"))?;
    if let Some(index) = suppressed.iter().position(|role| !roles.contains(role)) {
        let message = format_args!("the framework does not have the role {}", suppressed[index]).to_string();
        return Err(at.field("suppressed_roles").index(index).invalid(message));
    }
    let constraints = by_role(constraints, roles, &at.field("offer_constraints"))?;
    let credit = credit.map_or_else(Credit::default, |wire| Credit {
        offers: credit_or_most(wire.offers),
        updates: credit_or_most(wire.updates),
    });
    Ok(Wants { suppressed, constraints, credit })
}

const fn credit_or_most(credit: u32) -> u32 {
    if credit == 0 || credit > CREDIT_MAX { CREDIT_MAX } else { credit }
}

pub(super) fn constraints_to_wire(
    constraints: BTreeMap<Role, OfferConstraints>,
) -> BTreeMap<String, v1::OfferConstraints> {
    constraints.into_iter().map(|(role, constraints)| (role.to_string(), constraints.into())).collect()
}

impl From<Subscribe> for v1::SubscribeRequest {
    fn from(subscribe: Subscribe) -> Self {
        Self {
            framework: Some((&subscribe.framework).into()),
            incarnation: subscribe.incarnation,
            cluster_id: or_empty(subscribe.cluster),
            suppressed_roles: text::texts(subscribe.wants.suppressed),
            offer_constraints: constraints_to_wire(subscribe.wants.constraints),
            credit: Some(subscribe.wants.credit.into()),
            resume: subscribe
                .resume
                .map(|resume| v1::Resume { session_id: resume.session.to_string(), after_event: resume.after_event }),
        }
    }
}

impl From<Credit> for v1::Credit {
    fn from(credit: Credit) -> Self {
        Self { offers: credit.offers, updates: credit.updates }
    }
}
