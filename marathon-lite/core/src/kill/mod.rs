//! Which instances are killed when there are too many, and how often a kill is repeated.

mod pending;
mod select;

pub use pending::PendingKills;
pub use select::select;
