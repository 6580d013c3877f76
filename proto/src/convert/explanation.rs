//! Reasons.

use crate::v1;
use proto_types::scheduling::{Explanation, ReasonLine};

/// The codes of reasons known here.
const CODES: [&str; 8] =
    ["constraint", "filtered", "insufficient", "limit", "offered", "reserved", "suppressed", OTHER_CODE];

/// What a code is read as that this version does not know; the message says what it means.
const OTHER_CODE: &str = "other";

impl From<Explanation> for v1::ExplainResponse {
    fn from(explanation: Explanation) -> Self {
        let line = |line: ReasonLine| v1::ReasonLine {
            code: line.code.to_owned(),
            message: line.message,
            agents: line.agents,
        };
        Self { summary: explanation.summary, reasons: explanation.reasons.into_iter().map(line).collect() }
    }
}

impl From<v1::ExplainResponse> for Explanation {
    fn from(wire: v1::ExplainResponse) -> Self {
        let line = |line: v1::ReasonLine| ReasonLine {
            code: CODES.into_iter().find(|code| *code == line.code).unwrap_or(OTHER_CODE),
            message: line.message,
            agents: line.agents,
        };
        Self { summary: wire.summary, reasons: wire.reasons.into_iter().map(line).collect() }
    }
}
