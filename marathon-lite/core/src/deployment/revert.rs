//! Setting back what a deployment changed.

use super::Deployment;
use crate::{
    app::{PathId, Timestamp},
    group::{Changed, Group, Root},
};
use std::{collections::BTreeSet, sync::Arc};

/// The current root with everything that the deployment changed as it was before: what it added is gone, what it removed is
/// back, what it changed is as it was, and so is what groups depend on. All other changes since then stay. `version` is
/// given to the groups that this changes.
///
/// Apps come back with the versions that they had. Deployed as they are, their instances from before count as new ones and
/// live on; only if they are given versions of their own are all instances replaced.
#[must_use]
pub fn revert(current: &Root, deployment: &Deployment, version: Timestamp) -> Root {
    let (original, target) = (&deployment.original, &deployment.target);
    let mut root = current.clone();
    for change in target.changed_apps(original) {
        match change.before {
            Some(before) if root.app(&change.id) == Some(&before) => {}
            Some(before) => {
                root.put_app(before, version);
            }
            None => {
                root.remove_app(&change.id, version);
            }
        }
    }
    for change in target.changed_pods(original) {
        match change.before {
            Some(before) if root.pod(&change.id) == Some(&before) => {}
            Some(before) => {
                root.put_pod(before, version);
            }
            None => {
                root.remove_pod(&change.id, version);
            }
        }
    }
    // Inner groups first: one that this empties may be the last thing in another.
    for change in target.changed_groups(original).iter().rev() {
        revert_group(&mut root, change, version);
    }
    root
}

fn revert_group(root: &mut Root, change: &Changed<Group>, version: Timestamp) {
    let dependencies = |group: &Option<Arc<Group>>| group.as_ref().map(|group| group.dependencies.clone());
    let before = dependencies(&change.before);
    let after = dependencies(&change.after).unwrap_or_default();
    if before.is_none() && !change.id.is_root() && is_empty(root, &change.id) {
        let unchanged = root.group(&change.id).is_some_and(|group| group.dependencies == after);
        if unchanged {
            root.remove_group(&change.id, version);
            return;
        }
    }
    let existing = root.group(&change.id);
    if existing.is_none() && change.before.is_none() {
        return;
    }
    let before = before.unwrap_or_default();
    let mut restored: BTreeSet<PathId> = existing.map(|group| group.dependencies.clone()).unwrap_or_default();
    restored.retain(|id| before.contains(id) || !after.contains(id));
    restored.extend(before.into_iter().filter(|id| !after.contains(id)));
    if existing.is_none_or(|group| group.dependencies != restored) {
        root.put_group(Group { id: change.id.clone(), dependencies: restored, version });
    }
}

/// Whether nothing is in a group.
pub(super) fn is_empty(root: &Root, group: &PathId) -> bool {
    root.apps_below(group).next().is_none()
        && root.pods_below(group).next().is_none()
        && root.groups_below(group).next().is_none()
}

#[cfg(test)]
mod tests;
