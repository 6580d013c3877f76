//! The rules that apps, pods and the root must obey beyond the types of their fields.

mod app;
mod health;
mod networking;
mod root;
mod storage;
mod strategy;

pub use app::{app, app_change};
pub use root::root;

pub(crate) use app::{accepted_roles, identifier, patterns, role};
pub(crate) use networking::{named_networks, repeated};
pub(crate) use storage::secret_references;
pub(crate) use strategy::unreachable;
