//! What operators want of agents.

use super::{
    Invalid,
    at::{At, required},
    readable,
    text::{millis, to_millis},
};
use crate::v1;
use proto_types::{
    agent::{Drain, Unavailability},
    time::Wall,
};

readable! { v1::Unavailability => Unavailability: unavailability; }

/// What an operator plans, from the field of this name.
///
/// # Errors
/// What is wrong or missing.
pub fn unavailability_from_wire(
    wire: Option<v1::Unavailability>,
    field: &'static str,
) -> Result<Unavailability, Invalid> {
    let at = At::root();
    let at = at.field(field);
    unavailability(required(wire, &at)?, &at)
}

pub(crate) fn unavailability(wire: v1::Unavailability, at: &At<'_>) -> Result<Unavailability, Invalid> {
    if wire.end_ms.is_some_and(|end| end <= wire.start_ms) {
        return Err(at.field("end_ms").invalid("must be later than start_ms"));
    }
    Ok(Unavailability { start: Wall(wire.start_ms), end: wire.end_ms.map(Wall) })
}

impl From<Unavailability> for v1::Unavailability {
    fn from(unavailability: Unavailability) -> Self {
        Self { start_ms: unavailability.start.0, end_ms: unavailability.end.map(|end| end.0) }
    }
}

pub(crate) fn drain(wire: v1::AgentDrain) -> Drain {
    Drain {
        max_grace: wire.max_grace_ms.map(millis),
        deadline: wire.deadline_ms.map(Wall),
        mark_gone: wire.mark_gone,
        maintenance: wire.maintenance,
    }
}

impl From<Drain> for v1::AgentDrain {
    fn from(drain: Drain) -> Self {
        Self {
            max_grace_ms: drain.max_grace.map(to_millis),
            deadline_ms: drain.deadline.map(|deadline| deadline.0),
            mark_gone: drain.mark_gone,
            maintenance: drain.maintenance,
        }
    }
}
