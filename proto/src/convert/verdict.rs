//! What came of what a framework asked for.

use super::{
    Invalid,
    at::At,
    readable,
    resources::{bag, resources_to_wire},
    text::id,
};
use crate::v1;
use proto_types::{Rejection, RejectionKind, verdict::TaskVerdict};

readable! { v1::TaskVerdict => TaskVerdict: verdict; }

pub(crate) fn verdict(wire: v1::TaskVerdict, at: &At<'_>) -> Result<TaskVerdict, Invalid> {
    let rejection = wire.rejection.map(|wire| rejection(wire, &at.field("rejection"))).transpose()?;
    Ok(TaskVerdict { task: id(&wire.task_id, &at.field("task_id"))?, result: rejection.map_or(Ok(()), Err) })
}

fn rejection(wire: v1::Rejection, at: &At<'_>) -> Result<Rejection, Invalid> {
    let kind = match v1::RejectionKind::try_from(wire.kind) {
        Ok(v1::RejectionKind::Invalid) => RejectionKind::Invalid,
        Ok(v1::RejectionKind::OfferGone) => RejectionKind::OfferGone,
        Ok(v1::RejectionKind::Conflict) => RejectionKind::Conflict,
        Ok(v1::RejectionKind::AgentGone) => RejectionKind::AgentGone,
        Ok(v1::RejectionKind::GangAborted) => RejectionKind::GangAborted,
        Ok(v1::RejectionKind::Unauthorized) => RejectionKind::Unauthorized,
        // Of a kind that a newer master knows only so much is certain: reconciling shows what became of the task.
        Ok(v1::RejectionKind::OutcomeUnknown | v1::RejectionKind::Unspecified) | Err(_) => {
            RejectionKind::OutcomeUnknown
        }
    };
    let free = bag(wire.free, &at.field("free"))?;
    // Nothing free is said by a conflict alone; the other kinds say nothing of what is free.
    let free = (kind == RejectionKind::Conflict || !free.is_empty()).then_some(free);
    Ok(Rejection { kind, field: wire.field, message: wire.message, free })
}

impl From<TaskVerdict> for v1::TaskVerdict {
    fn from(verdict: TaskVerdict) -> Self {
        Self { task_id: verdict.task.to_string(), rejection: verdict.result.err().map(Into::into) }
    }
}

impl From<Rejection> for v1::Rejection {
    fn from(rejection: Rejection) -> Self {
        Self {
            kind: v1::RejectionKind::from(rejection.kind).into(),
            field: rejection.field,
            message: rejection.message,
            free: rejection.free.as_ref().map(resources_to_wire).unwrap_or_default(),
        }
    }
}

impl From<RejectionKind> for v1::RejectionKind {
    fn from(kind: RejectionKind) -> Self {
        match kind {
            RejectionKind::Invalid => Self::Invalid,
            RejectionKind::OfferGone => Self::OfferGone,
            RejectionKind::Conflict => Self::Conflict,
            RejectionKind::AgentGone => Self::AgentGone,
            RejectionKind::GangAborted => Self::GangAborted,
            RejectionKind::OutcomeUnknown => Self::OutcomeUnknown,
            RejectionKind::Unauthorized => Self::Unauthorized,
        }
    }
}
