//! Constraints: which agents an app's instances may be on, which of them they should be on, and which instance goes
//! first when there are too many.
//!
//! A rule that must hold takes an agent out ([`Verdict::broken`]). Everything else makes one agent better than another
//! ([`Verdict::penalty`]): wishes (`prefer:field`), and the even spread of `GROUP_BY`, which orders agents and never
//! refuses one for being in a full group.
//!
//! | operator | must hold |
//! |---|---|
//! | `UNIQUE` | no instance is on an agent with the same value |
//! | `CLUSTER` | the value is the given one, or that of the instances that are there |
//! | `GROUP_BY` | there is a value; with a number, instances of one version are in at most so many groups |
//! | `LIKE`, `UNLIKE` | the whole value matches the pattern, or does not |
//! | `MAX_PER` | fewer than so many instances are on agents with the same value |
//! | `IS` | the value is the given one |
//!
//! An agent without the attribute satisfies `UNLIKE` alone.

mod pattern;
mod place;
mod placed;
mod rules;
mod surplus;

pub use pattern::check;
pub use place::Place;
pub use placed::Placed;
pub use rules::{Broken, Penalty, Rules, Verdict};
pub use surplus::surplus;
