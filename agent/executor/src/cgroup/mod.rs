//! Cgroups, version 1 and 2: a few files written and read.

mod hierarchy;
mod pool;

pub use hierarchy::Hierarchy;
pub(crate) use pool::{Limits, Pool, Slot};
