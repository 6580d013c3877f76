//! The conversation between a master and a scheduler.

mod calls;
mod events;
mod replies;
mod subscribe;

pub use calls::Request;
pub use replies::Unexpected;
