//! Questions about tasks and their answers.

use super::{
    Invalid,
    at::{At, required},
    readable,
    task_status::from_master,
    text::{id, millis, optional_id, or_empty, to_millis},
};
use crate::v1::{self, reconciliation::Answer as WireAnswer};
use proto_types::reconcile::{Answer, Query};

readable! {
    v1::ReconcileQuery => Query: query;
    v1::Reconciliation => Answer: answer;
}

pub(crate) fn query(wire: v1::ReconcileQuery, at: &At<'_>) -> Result<Query, Invalid> {
    Ok(Query {
        task: id(&wire.task_id, &at.field("task_id"))?,
        agent: optional_id(&wire.agent_id, &at.field("agent_id"))?,
    })
}

pub(crate) fn answer(wire: v1::Reconciliation, at: &At<'_>) -> Result<Answer, Invalid> {
    Ok(match required(wire.answer, &at.field("answer"))? {
        WireAnswer::Status(wire) => Answer::Status(from_master(wire, &at.field("status"))?),
        WireAnswer::Recovering(wire) => Answer::Recovering {
            task: id(&wire.task_id, &at.field("recovering").field("task_id"))?,
            retry_after: millis(wire.retry_after_ms),
        },
    })
}

impl From<Query> for v1::ReconcileQuery {
    fn from(query: Query) -> Self {
        Self { task_id: query.task.to_string(), agent_id: or_empty(query.agent) }
    }
}

impl From<Answer> for v1::Reconciliation {
    fn from(answer: Answer) -> Self {
        let answer = match answer {
            Answer::Status(status) => WireAnswer::Status(status.into()),
            Answer::Recovering { task, retry_after } => WireAnswer::Recovering(v1::Recovering {
                task_id: task.to_string(),
                retry_after_ms: to_millis(retry_after),
            }),
        };
        Self { answer: Some(answer) }
    }
}
