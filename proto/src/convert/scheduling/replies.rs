//! What came of a scheduler's calls.

use crate::{
    convert::{
        Invalid,
        at::{At, list},
        reconcile::answer,
        verdict::verdict,
    },
    v1,
};
use proto_types::scheduling::Reply;

/// A reply of a kind that the call does not have: a fault of the master, never of the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this call is not answered so: {0:?}")]
pub struct Unexpected(pub Reply);

/// Each response is one kind of reply; the closures write and read it.
macro_rules! replies {
    ($($wire:ty: $kind:pat => $write:expr, |$response:ident, $at:ident| $read:expr;)*) => {
        $(
            impl TryFrom<Reply> for $wire {
                type Error = Unexpected;

                fn try_from(reply: Reply) -> Result<Self, Unexpected> {
                    match reply {
                        $kind => Ok($write),
                        other => Err(Unexpected(other)),
                    }
                }
            }

            impl TryFrom<$wire> for Reply {
                type Error = Invalid;

                fn try_from($response: $wire) -> Result<Self, Invalid> {
                    let $at = &At::root();
                    Ok($read)
                }
            }
        )*
    };
}

replies! {
    v1::AcceptResponse: Reply::Verdicts(verdicts) => Self { verdicts: verdicts.into_iter().map(Into::into).collect() },
        |wire, at| Self::Verdicts(list(wire.verdicts, &at.field("verdicts"), verdict)?);
    v1::DeclineResponse: Reply::Declined(declined) => Self { declined },
        |wire, _at| Self::Declined(wire.declined);
    v1::ReviveResponse: Reply::Done => Self {},
        |_wire, _at| Self::Done;
    v1::SuppressResponse: Reply::Done => Self {},
        |_wire, _at| Self::Done;
    v1::KillResponse: Reply::Answers { answers, more } => {
            Self { unknown: answers.into_iter().map(Into::into).collect(), more }
        },
        |wire, at| Self::Answers { answers: list(wire.unknown, &at.field("unknown"), answer)?, more: wire.more };
    v1::AcknowledgeResponse: Reply::Done => Self {},
        |_wire, _at| Self::Done;
    v1::ReconcileResponse: Reply::Answers { answers, more } => {
            Self { answers: answers.into_iter().map(Into::into).collect(), more }
        },
        |wire, at| Self::Answers { answers: list(wire.answers, &at.field("answers"), answer)?, more: wire.more };
    v1::SendMessageResponse: Reply::Sent(sent) => Self { sent },
        |wire, _at| Self::Sent(wire.sent);
    v1::UpdateFrameworkResponse: Reply::Done => Self {},
        |_wire, _at| Self::Done;
    v1::TeardownResponse: Reply::Done => Self {},
        |_wire, _at| Self::Done;
    v1::ExplainResponse: Reply::Explanation(explanation) => explanation.into(),
        |wire, _at| Self::Explanation(wire.into());
}
