//! The rules of the tree as a whole. They are checked where it changed, which is enough: it obeyed them before.

use crate::{
    app::PathId,
    group::{Changed, Group, Root},
    json::Report,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Checks the root after a change.
pub fn root(before: &Root, after: &Root, report: &Report) {
    let apps = after.changed_apps(before);
    let pods = after.changed_pods(before);
    let groups = after.changed_groups(before);
    let changed = apps
        .iter()
        .map(|change| (&change.id, change.after.is_some()))
        .chain(pods.iter().map(|change| (&change.id, change.after.is_some())))
        .chain(groups.iter().filter(|change| is_rewired(change)).map(|change| (&change.id, change.after.is_some())));
    let (mut put, mut removed) = (BTreeSet::new(), BTreeSet::new());
    for (id, is_there) in changed {
        if is_there {
            put.insert(id.clone())
        } else {
            removed.insert(id.clone())
        };
    }
    for id in &put {
        one_thing_at(id, after, report);
        dependencies_exist(id, after, report);
    }
    for id in removed.iter().filter(|id| !exists(id, after)) {
        nobody_waits_for(id, after, report);
    }
    if let Some(cycle) = Search::new(after).cycle_from(&put) {
        let path = cycle.iter().map(PathId::as_str).collect::<Vec<_>>().join(" -> ");
        report.refuse("/dependencies", format!("Dependency graph has cyclic dependencies. {path}"));
    }
}

/// Groups change whenever something in them does; most of the time only their versions do.
fn is_rewired(change: &Changed<Group>) -> bool {
    let dependencies = |group: &Option<Arc<Group>>| group.as_ref().map(|group| group.dependencies.clone());
    dependencies(&change.before) != dependencies(&change.after)
}

fn exists(id: &PathId, root: &Root) -> bool {
    root.app(id).is_some() || root.pod(id).is_some() || root.group(id).is_some()
}

/// An app with something below it would be a group as well, since groups are made for what is in them.
fn one_thing_at(id: &PathId, root: &Root, report: &Report) {
    let things = [root.app(id).is_some(), root.pod(id).is_some(), root.group(id).is_some()];
    if things.into_iter().filter(|there| *there).count() > 1 {
        let why = format!(
            "Groups and Applications may not have the same identifier, and apps and pods may not be below one another: {id}"
        );
        report.refuse("/id", why);
    }
}

fn dependencies_exist(id: &PathId, root: &Root, report: &Report) {
    for dependency in dependencies(id, root).filter(|dependency| !exists(dependency, root)) {
        report.refuse("/dependencies", format!("{id} depends on {dependency}, which does not exist"));
    }
}

fn nobody_waits_for(id: &PathId, root: &Root, report: &Report) {
    if root.dependents(id) == 0 {
        return;
    }
    let apps = root.apps().map(|app| (&app.id, &app.dependencies));
    let groups = root.groups().map(|group| (&group.id, &group.dependencies));
    for (dependent, _) in apps.chain(groups).filter(|(_, dependencies)| dependencies.contains(id)) {
        report.refuse("/dependencies", format!("{dependent} depends on {id}, which would no longer exist"));
    }
}

/// What an app or a group itself depends on.
fn dependencies<'a>(id: &PathId, root: &'a Root) -> impl Iterator<Item = &'a PathId> + use<'a> {
    let app = root.app(id).into_iter().flat_map(|app| &app.dependencies);
    app.chain(root.group(id).into_iter().flat_map(|group| &group.dependencies))
}

/// A moment in the life of the tree that others wait for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Moment {
    /// An app is deployed, or everything in a group is.
    Done(PathId),
    /// What is in a group may start, since what the group depends on is done.
    MayStart(PathId),
}

/// Looks for circles in who waits for whom. Groups have two moments, so that a group of a thousand apps that depends on
/// another such costs two thousand steps and not a million.
struct Search<'a> {
    root: &'a Root,
    /// False while a moment is on the way that is being followed, true after.
    seen: BTreeMap<Moment, bool>,
    way: Vec<Moment>,
}

impl<'a> Search<'a> {
    fn new(root: &'a Root) -> Self {
        Self { root, seen: BTreeMap::new(), way: Vec::new() }
    }

    /// The apps on a circle that one of these is on or leads to.
    fn cycle_from(&mut self, ids: &BTreeSet<PathId>) -> Option<Vec<PathId>> {
        ids.iter().find_map(|id| {
            // Of a group only its own dependencies matter, not all that is in it.
            let is_group = self.root.group(id).is_some();
            self.follow(if is_group { Moment::MayStart(id.clone()) } else { Moment::Done(id.clone()) })
        })
    }

    /// Follows everything that `start` waits for, without recursion: the tree may be deep.
    fn follow(&mut self, start: Moment) -> Option<Vec<PathId>> {
        let mut open: Vec<(Moment, bool)> = vec![(start, false)];
        while let Some((moment, leaving)) = open.pop() {
            if leaving {
                self.seen.insert(moment, true);
                self.way.pop();
                continue;
            }
            match self.seen.get(&moment) {
                Some(true) => continue,
                Some(false) => return Some(self.circle(&moment)),
                None => {}
            }
            self.seen.insert(moment.clone(), false);
            self.way.push(moment.clone());
            open.push((moment.clone(), true));
            open.extend(self.waits_for(&moment).into_iter().map(|next| (next, false)));
        }
        None
    }

    fn waits_for(&self, moment: &Moment) -> Vec<Moment> {
        match moment {
            Moment::MayStart(id) => {
                let above = id.parent().map(Moment::MayStart);
                let group = self.root.group(id).into_iter().flat_map(|group| &group.dependencies);
                above.into_iter().chain(group.cloned().map(Moment::Done)).collect()
            }
            Moment::Done(id) if self.root.group(id).is_some() => {
                let apps = self.root.apps_below(id).map(|app| &app.id);
                let pods = self.root.pods_below(id).map(|pod| &pod.id);
                apps.chain(pods).cloned().map(Moment::Done).collect()
            }
            Moment::Done(id) => {
                let above = id.parent().map(Moment::MayStart);
                above.into_iter().chain(dependencies(id, self.root).cloned().map(Moment::Done)).collect()
            }
        }
    }

    /// The apps between the two times that the way comes to `moment`.
    fn circle(&self, moment: &Moment) -> Vec<PathId> {
        let from = self.way.iter().position(|passed| passed == moment).unwrap_or(0);
        let done = |moment: &Moment| match moment {
            Moment::Done(id) => Some(id.clone()),
            Moment::MayStart(_) => None,
        };
        let mut circle: Vec<PathId> = self.way[from..].iter().filter_map(done).collect();
        circle.extend(circle.first().cloned());
        circle
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{AppDefinition, Timestamp};

    fn path(text: &str) -> PathId {
        PathId::parse(text).unwrap()
    }

    /// A root of apps (`/a: /b`) and groups (`/g/: /h`) with what they depend on.
    fn tree(lines: &[&str]) -> Root {
        let mut root = Root::new(Timestamp::default());
        for line in lines {
            let (id, dependencies) = line.split_once(':').unwrap();
            let dependencies = dependencies.split_whitespace().map(path).collect();
            if id.ends_with('/') {
                root.put_group(Group { id: path(id), dependencies, version: Timestamp::default() });
            } else {
                let app = AppDefinition { dependencies, ..AppDefinition::new(path(id)) };
                root.put_app(Arc::new(app), Timestamp::default());
            }
        }
        root
    }

    fn errors(before: &[&str], after: &[&str]) -> String {
        let report = Report::default();
        root(&tree(before), &tree(after), &report);
        report.finish().err().map(|refusal| refusal.to_string()).unwrap_or_default()
    }

    #[test]
    fn well_formed_trees() {
        for lines in [
            &["/a:", "/b: /a", "/c: /a /b"][..],
            &["/g/: /h", "/h/:", "/g/a:", "/h/a:"],
            &["/g/a: /g/b", "/g/b:"],
            &["/a-b:", "/a/c:"],
        ] {
            assert_eq!(errors(&[], lines), "", "{lines:?}");
        }
    }

    #[test]
    fn circles_through_apps_and_groups() {
        for lines in [
            &["/a: /a"][..],
            &["/a: /b", "/b: /c", "/c: /a"],
            &["/g/: /h", "/h/: /g", "/g/a:", "/h/a:"],
            &["/g/a: /h", "/h/b/c: /g/a"],
            &["/g/: /x", "/x: /g/a", "/g/a:"],
            &["/g/a: /g"],
        ] {
            assert!(errors(&[], lines).contains("cyclic"), "{lines:?}: {}", errors(&[], lines));
        }
        assert_eq!(
            errors(&[], &["/a: /b", "/b: /a"]),
            "/dependencies: Dependency graph has cyclic dependencies. /a -> /b -> /a"
        );
    }

    #[test]
    fn dependencies_that_lead_nowhere() {
        assert_eq!(errors(&[], &["/a: /b"]), "/dependencies: /a depends on /b, which does not exist");
        assert_eq!(
            errors(&["/a: /b", "/b:", "/c:"], &["/a: /b", "/c:"]),
            "/dependencies: /a depends on /b, which would no longer exist"
        );
        assert_eq!(errors(&["/a: /b", "/b:"], &[]), "");
    }

    #[test]
    fn one_path_names_one_thing() {
        for lines in [&["/a:", "/a/b:"][..], &["/a/:", "/a:"], &["/a:", "/a/b/c:"]] {
            assert!(errors(&[], lines).contains("same identifier"), "{lines:?}");
        }
    }
}
