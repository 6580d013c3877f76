//! Refusals as gRPC statuses with google.rpc details, as the head of `v1/scheduler.proto` promises, and back.

use super::{Invalid, scheduling::Unexpected};
use proto_types::{ClusterId, FrameworkId, SessionId, ids::InvalidId, scheduling::Refusal};
use std::collections::HashMap;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// Who gives the reasons.
pub const DOMAIN: &str = "proffer";

const STALE_SESSION: &str = "STALE_SESSION";
const SUPERSEDED: &str = "SUPERSEDED";
const FRAMEWORK_REMOVED: &str = "FRAMEWORK_REMOVED";
const NOT_LEADER: &str = "NOT_LEADER";
const WRONG_CLUSTER: &str = "WRONG_CLUSTER";
const AMBIGUOUS: &str = "AMBIGUOUS";

/// What a status says to a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// Another master leads.
    NotLeader {
        /// Where it is, as host:port; none: nobody knows of a leader now.
        leader: Option<String>,
    },
    /// The reader was too slow and was cut off.
    TooSlow,
    /// The call was refused.
    Refused(Refusal),
}

/// A refusal as a status.
#[must_use]
pub fn refused(refusal: &Refusal) -> Status {
    let message = refusal.to_string();
    match refusal {
        Refusal::Invalid { field, message: wrong } => {
            let details = ErrorDetails::with_bad_request_violation(field, wrong);
            Status::with_error_details(Code::InvalidArgument, message, details)
        }
        Refusal::StaleSession(session) => {
            with_info(Code::FailedPrecondition, message, STALE_SESSION, [("session", session.to_string())])
        }
        Refusal::Superseded { current, given } => {
            let metadata = [("current", current.to_string()), ("given", given.to_string())];
            with_info(Code::Aborted, message, SUPERSEDED, metadata)
        }
        Refusal::FrameworkRemoved(framework) => {
            with_info(Code::NotFound, message, FRAMEWORK_REMOVED, [("framework", framework.to_string())])
        }
        Refusal::WrongCluster { here, theirs } => {
            let metadata = [("here", here.to_string()), ("theirs", theirs.to_string())];
            with_info(Code::FailedPrecondition, message, WRONG_CLUSTER, metadata)
        }
        Refusal::NotFound(_) => Status::not_found(message),
        Refusal::Unauthorized(_) => Status::permission_denied(message),
        Refusal::Ambiguous(_) => with_info(Code::FailedPrecondition, message, AMBIGUOUS, []),
    }
}

/// What a master that does not lead answers to every call.
#[must_use]
pub fn not_leader(leader: Option<&str>) -> Status {
    let message = leader.map_or_else(
        || "this master does not lead, and knows of none that does".to_owned(),
        |leader| format!("this master does not lead; ask {leader}"),
    );
    with_info(Code::Unavailable, message, NOT_LEADER, leader.map(|leader| ("leader", leader.to_owned())))
}

/// How the stream of a slow reader ends.
#[must_use]
pub fn too_slow() -> Status {
    Status::resource_exhausted("the events were read too slowly; subscribe again")
}

/// What a status says to a program; nothing for statuses that only people understand, such as a broken connection.
#[must_use]
pub fn read(status: &Status) -> Option<Problem> {
    let message = || status.message().to_owned();
    let info = status.get_details_error_info().filter(|info| info.domain == DOMAIN);
    let Some(info) = info else {
        return match status.code() {
            Code::InvalidArgument => Some(Problem::Refused(invalid(status))),
            Code::NotFound => Some(Problem::Refused(Refusal::NotFound(message()))),
            Code::PermissionDenied => Some(Problem::Refused(Refusal::Unauthorized(message()))),
            Code::ResourceExhausted => Some(Problem::TooSlow),
            _ => None,
        };
    };
    let id = |key: &str| info.metadata.get(key).map(String::as_str).unwrap_or_default();
    let number = |key: &str| id(key).parse().unwrap_or(0);
    let refusal = match info.reason.as_str() {
        NOT_LEADER => return Some(Problem::NotLeader { leader: info.metadata.get("leader").cloned() }),
        STALE_SESSION => SessionId::new(id("session")).map(Refusal::StaleSession),
        SUPERSEDED => Ok(Refusal::Superseded { current: number("current"), given: number("given") }),
        FRAMEWORK_REMOVED => FrameworkId::new(id("framework")).map(Refusal::FrameworkRemoved),
        WRONG_CLUSTER => wrong_cluster(id("here"), id("theirs")),
        AMBIGUOUS => Ok(Refusal::Ambiguous(message())),
        _ => return None,
    };
    refusal.ok().map(Problem::Refused)
}

/// The field violations of a status, the first of which is what [`read`] returns.
#[must_use]
pub fn violations(status: &Status) -> Vec<Invalid> {
    let request = status.get_details_bad_request();
    let violations = request.map(|request| request.field_violations).unwrap_or_default();
    violations.into_iter().map(|wrong| Invalid { field: wrong.field, message: wrong.description }).collect()
}

fn invalid(status: &Status) -> Refusal {
    match violations(status).into_iter().next() {
        Some(Invalid { field, message }) => Refusal::Invalid { field, message },
        None => Refusal::Invalid { field: String::new(), message: status.message().to_owned() },
    }
}

fn wrong_cluster(here: &str, theirs: &str) -> Result<Refusal, InvalidId> {
    Ok(Refusal::WrongCluster { here: ClusterId::new(here)?, theirs: ClusterId::new(theirs)? })
}

fn with_info(
    code: Code,
    message: String,
    reason: &str,
    metadata: impl IntoIterator<Item = (&'static str, String)>,
) -> Status {
    let metadata: HashMap<String, String> =
        metadata.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Status::with_error_details(code, message, ErrorDetails::with_error_info(reason, DOMAIN, metadata))
}

impl From<Invalid> for Refusal {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid { field: invalid.field, message: invalid.message }
    }
}

impl From<Invalid> for Status {
    fn from(invalid: Invalid) -> Self {
        refused(&invalid.into())
    }
}

impl From<Unexpected> for Status {
    fn from(unexpected: Unexpected) -> Self {
        Self::internal(unexpected.to_string())
    }
}
