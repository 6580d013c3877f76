//! A group, without what is in it.

use crate::app::{PathId, Timestamp};
use std::collections::BTreeSet;

/// A group's own properties. What is in it is found in [`super::Root`] by its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its path.
    pub id: PathId,
    /// Apps and groups that are deployed before everything in this one.
    pub dependencies: BTreeSet<PathId>,
    /// When anything in it last changed.
    pub version: Timestamp,
}

impl Group {
    /// A group that depends on nothing.
    #[must_use]
    pub fn new(id: PathId, version: Timestamp) -> Self {
        Self { id, dependencies: BTreeSet::new(), version }
    }
}
