//! Who calls, and whether they may.

use proto_types::Principal;
use tonic::{Request, Status};

/// The metadata in which a caller says who they are, until there is authentication.
const PRINCIPAL: &str = "proffer-principal";

/// What somebody wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Be a scheduler.
    Schedule,
    /// Be an agent.
    Serve,
    /// Look.
    View,
    /// Change the cluster, or end somebody's work.
    Operate,
}

/// Who calls.
///
/// # Errors
/// If what they say is no principal.
pub(crate) fn principal<T>(request: &Request<T>) -> Result<Principal, Status> {
    let Some(value) = request.metadata().get(PRINCIPAL) else { return Ok(Principal::anonymous()) };
    let text = value.to_str().map_err(|_| Status::unauthenticated("proffer-principal: must be visible ASCII"))?;
    Principal::new(text).map_err(|error| Status::unauthenticated(format!("proffer-principal: {error}")))
}

/// Whether the principal may do this. Everybody may do everything as long as only this machine can call; the one place
/// to change that.
///
/// # Errors
/// Never yet.
pub(crate) fn authorise(principal: &Principal, action: Action) -> Result<(), Status> {
    tracing::trace!(%principal, ?action, "allowed");
    Ok(())
}
