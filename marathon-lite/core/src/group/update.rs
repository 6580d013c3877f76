//! What a client wants of a group.

use super::{Group, Root};
use crate::{
    app::{self, AppUpdate, PathId, Purpose, Timestamp, scaled_by},
    json::{Fields, Item, Report},
    support::Support,
    validate,
};
use std::{collections::BTreeSet, sync::Arc};

/// A group as a client sent it. What is absent stays as it is; lists that are present replace what was there.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupUpdate {
    /// Which group.
    pub id: PathId,
    /// The apps directly in it, with where each stands in the body.
    pub apps: Option<Vec<(AppUpdate, String)>>,
    /// The groups directly in it.
    pub groups: Option<Vec<GroupUpdate>>,
    /// Pods that the body shows, with where. They are changed by requests of their own.
    pods: Vec<(PathId, String)>,
    /// What everything in it depends on.
    pub dependencies: Option<BTreeSet<PathId>>,
    /// The factor by which all apps in it are to be scaled; nothing else is looked at then.
    pub scale_by: Option<f64>,
    /// The version that the group is to go back to; nothing else is looked at then.
    pub version: Option<Timestamp>,
    /// Where it stands in the body.
    at: String,
}

/// Reads a group from a body or a part of it. `known` is its id where the body need not say it; otherwise its id is seen
/// from `base`. What is wrong goes to the item's report.
#[must_use]
pub fn read(item: &Item<'_>, base: &PathId, known: Option<&PathId>, support: &Support) -> Option<GroupUpdate> {
    let fields = item.object()?;
    let id = if known.is_some() { fields.get("id") } else { fields.required("id") };
    let id = match (id.map(|id| id.path_id(base)), known) {
        (Some(read), _) => read,
        (None, Some(known)) => Some(known.clone()),
        (None, None) => None,
    };
    // What is below is looked at even if the id is missing, so that a client hears of everything at once.
    let seen_from = id.clone().unwrap_or_else(|| base.clone());
    let apps = fields.read("apps", |item| {
        item.each(|one| Some((app::read(one, &seen_from, None, Purpose::Definition, support), one.path.clone())))
    });
    let groups = fields.read("groups", |item| item.each(|one| read(one, &seen_from, None, support)));
    let pod = |item: &Item<'_>| Some((item.object()?.required("id")?.path_id(&seen_from)?, item.path.clone()));
    let pods = fields.read("pods", |item| item.each(pod)).unwrap_or_default();
    let dependencies = fields.read("dependencies", |item| item.each(|one| one.path_id(&seen_from)));
    if fields.read("enforceRole", Item::flag) == Some(true) {
        fields
            .report()
            .refuse(&fields.path_of("enforceRole"), "roles cannot be enforced; leave it out or set it to false");
    }
    Some(GroupUpdate {
        apps,
        groups,
        pods,
        dependencies: dependencies.map(|ids| ids.into_iter().collect()),
        scale_by: fields.read("scaleBy", |item| item.number(0.0..=1e6)),
        version: alone(&fields),
        at: item.path.clone(),
        id: id?,
    })
}

/// The version to go back to. It is said alone; beside other fields it is what an earlier answer had, and means nothing.
fn alone(fields: &Fields<'_>) -> Option<Timestamp> {
    let version = fields.read("version", Item::timestamp)?;
    fields.entries().all(|(key, _)| matches!(key, "version" | "id")).then_some(version)
}

impl GroupUpdate {
    /// Puts the group, with all that is in it, into the tree. Rules that single apps break go to `report`; those of the
    /// tree are looked at when it is settled.
    pub fn apply(self, root: &mut Root, version: Timestamp, support: &Support, report: &Report) {
        if let Some(factor) = self.scale_by {
            return scale(&self.id, factor, root, version);
        }
        let before = root.clone();
        self.put(&before, root, version, support, report);
    }

    fn put(self, before: &Root, root: &mut Root, version: Timestamp, support: &Support, report: &Report) {
        let mut group =
            root.group(&self.id).map_or_else(|| Group::new(self.id.clone(), version), |old| Group::clone(old));
        group.version = version;
        if let Some(dependencies) = self.dependencies {
            group.dependencies = dependencies;
        }
        root.put_group(group);
        for (pod, at) in self.pods.iter().filter(|(pod, _)| before.pod(pod).is_none()) {
            report.refuse(at, format!("there is no pod {pod}, and groups do not make any; create it with /v2/pods"));
        }
        if let Some(apps) = self.apps {
            for old in children(root.apps_below(&self.id).map(|app| &app.id), &self.id) {
                root.remove_app(&old, version);
            }
            for (update, at) in apps {
                put_app(update, &at, &self.id, root, version, support, report);
            }
        }
        if let Some(groups) = self.groups {
            let wanted: BTreeSet<PathId> = groups.iter().map(|group| group.id.clone()).collect();
            for old in children(before.groups_below(&self.id).map(|group| &group.id), &self.id) {
                if !wanted.contains(&old) {
                    root.remove_group(&old, version);
                }
            }
            for group in groups {
                if group.id.parent().as_ref() == Some(&self.id) {
                    group.put(before, root, version, support, report);
                } else {
                    not_a_child(&group.id, &self.id, &group.at, report);
                }
            }
        }
    }
}

fn put_app(
    update: AppUpdate,
    at: &str,
    group: &PathId,
    root: &mut Root,
    version: Timestamp,
    support: &Support,
    report: &Report,
) {
    // An app without an id was reported when it was read.
    let Some(id) = update.id().cloned() else { return };
    if id.parent().as_ref() != Some(group) {
        return not_a_child(&id, group, at, report);
    }
    if root.app(&id).is_some() {
        return report.refuse(&format!("{at}/id"), format!("{id} stands in this group twice"));
    }
    let app = update.apply(&id, None, at, report);
    validate::app(&app, at, support, report);
    root.put_app(Arc::new(app), version);
}

fn not_a_child(id: &PathId, group: &PathId, at: &str, report: &Report) {
    report.refuse(&format!("{at}/id"), format!("identifier {id} is not child of {group}. Hint: use relative paths."));
}

/// Those of the paths that are directly in the group.
fn children<'a>(ids: impl Iterator<Item = &'a PathId>, group: &PathId) -> Vec<PathId> {
    ids.filter(|id| id.parent().as_ref() == Some(group)).cloned().collect()
}

fn scale(group: &PathId, factor: f64, root: &mut Root, version: Timestamp) {
    let apps: Vec<_> = root.apps_below(group).cloned().collect();
    for app in apps {
        let instances = scaled_by(app.instances, factor);
        if instances != app.instances {
            root.put_app(Arc::new(app::AppDefinition { instances, ..app::AppDefinition::clone(&app) }), version);
        }
    }
}
