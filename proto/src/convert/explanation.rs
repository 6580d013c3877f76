//! Reasons.

use crate::v1;
use proto_types::scheduling::{Explanation, ReasonLine};

impl From<Explanation> for v1::ExplainResponse {
    fn from(explanation: Explanation) -> Self {
        let line = |line: ReasonLine| v1::ReasonLine {
            code: line.code.into_owned(),
            message: line.message,
            agents: line.agents,
        };
        Self { summary: explanation.summary, reasons: explanation.reasons.into_iter().map(line).collect() }
    }
}

impl From<v1::ExplainResponse> for Explanation {
    fn from(wire: v1::ExplainResponse) -> Self {
        let line =
            |line: v1::ReasonLine| ReasonLine { code: line.code.into(), message: line.message, agents: line.agents };
        Self { summary: wire.summary, reasons: wire.reasons.into_iter().map(line).collect() }
    }
}
