//! The bodies of requests about groups, from JSON to the tree that they want.

use super::{Root, read, settle};
use crate::{
    app::{PathId, Timestamp},
    json::{Item, Refusal, Report},
    support::Support,
};
use serde_json::Value;

/// What a client wants of a group.
#[derive(Debug, Clone, PartialEq)]
pub enum GroupChange {
    /// That the tree is this.
    To {
        /// The group that was named.
        id: PathId,
        /// The tree, with ports and versions, checked.
        root: Root,
    },
    /// That the group is as it was in a version of the tree.
    Back {
        /// The group that was named.
        id: PathId,
        /// The version.
        version: Timestamp,
    },
}

/// Reads what is wanted of a group. `known` is its id where the body need not say it; otherwise its id is seen from
/// `base`.
///
/// # Errors
/// Everything that is wrong with the body, or with the tree that it wants.
pub fn change(
    body: &Value,
    base: &PathId,
    known: Option<&PathId>,
    before: &Root,
    version: Timestamp,
    support: &Support,
) -> Result<GroupChange, Refusal> {
    let report = Report::default();
    let update = read(&Item::body(body, &report), base, known, support);
    if let (Some(update), Some(known)) = (&update, known)
        && update.id != *known
    {
        report.refuse("/id", format!("must be {known}, as in the address, or left out"));
    }
    let Some(update) = update else {
        report.finish()?;
        return Err(Refusal::invalid("/id", "not defined"));
    };
    let id = update.id.clone();
    if let Some(version) = update.version {
        report.finish()?;
        return Ok(GroupChange::Back { id, version });
    }
    let mut after = before.clone();
    update.apply(&mut after, version, support, &report);
    report.finish()?;
    let root = settle(before, after, version, support)?;
    Ok(GroupChange::To { id, root })
}

#[cfg(test)]
mod tests;
