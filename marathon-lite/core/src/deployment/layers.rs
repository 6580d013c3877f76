//! Who waits for whom: layers of the dependency graph.

use crate::{app::PathId, group::Root};
use std::collections::BTreeMap;

/// The layer of each of these apps and pods: the longest way through what it depends on, itself included. What depends on
/// nothing is in layer 1, and everything is in a later layer than what it depends on.
///
/// Groups are followed as two moments each, so that a group of a thousand apps that depends on another such costs two
/// thousand steps and not a million.
pub(super) fn layers<'a>(root: &Root, ids: impl Iterator<Item = &'a PathId>) -> BTreeMap<PathId, usize> {
    let ids: Vec<&PathId> = ids.collect();
    if let [only] = ids.as_slice() {
        return BTreeMap::from([(PathId::clone(only), 1)]);
    }
    let mut search = Search { root, depths: BTreeMap::new() };
    ids.into_iter().map(|id| (id.clone(), search.depth(Moment::Done(id.clone())))).collect()
}

/// A moment in a deployment that others wait for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Moment {
    /// An app is deployed, or everything in a group is.
    Done(PathId),
    /// What is in a group may start, since what the group depends on is done.
    MayStart(PathId),
}

struct Search<'a> {
    root: &'a Root,
    /// None while a moment is on the way that is being followed. Trees without circles never come back to such a one; in
    /// others it counts as if nobody waited for it.
    depths: BTreeMap<Moment, Option<usize>>,
}

impl Search<'_> {
    /// How many apps and pods are done one after the other until this moment. Without recursion: chains may be long.
    fn depth(&mut self, moment: Moment) -> usize {
        let known = |depths: &BTreeMap<Moment, Option<usize>>, moment: &Moment| depths.get(moment).copied().flatten();
        let mut open = vec![moment.clone()];
        while let Some(next) = open.last() {
            match self.depths.get(next) {
                None => {
                    self.depths.insert(next.clone(), None);
                    let waits_for = self.waits_for(next);
                    open.extend(waits_for.into_iter().filter(|other| !self.depths.contains_key(other)));
                }
                Some(None) => {
                    let before = self.waits_for(next).iter().filter_map(|other| known(&self.depths, other)).max();
                    let depth = before.unwrap_or(0) + usize::from(self.is_deployed(next));
                    self.depths.insert(next.clone(), Some(depth));
                    open.pop();
                }
                Some(Some(_)) => {
                    open.pop();
                }
            }
        }
        known(&self.depths, &moment).unwrap_or(0)
    }

    /// Whether this moment takes a deployment of its own.
    fn is_deployed(&self, moment: &Moment) -> bool {
        matches!(moment, Moment::Done(id) if self.root.group(id).is_none())
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
                let own = self.root.app(id).into_iter().flat_map(|app| &app.dependencies);
                above.into_iter().chain(own.cloned().map(Moment::Done)).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deployment::small_world::tree;

    fn layers_of(lines: &[&str]) -> String {
        let root = tree(lines);
        let ids: Vec<PathId> = root.apps().map(|app| app.id.clone()).collect();
        let layers = layers(&root, ids.iter());
        layers.iter().map(|(id, layer)| format!("{id}:{layer}")).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_longest_way_counts() {
        assert_eq!(layers_of(&["/a:", "/b:"]), "/a:1 /b:1");
        assert_eq!(layers_of(&["/a:", "/b: /a", "/c: /a /b", "/d: /a"]), "/a:1 /b:2 /c:3 /d:2");
    }

    #[test]
    fn groups_pass_on_what_they_depend_on() {
        let lines = ["/h/a:", "/h/b: /h/a", "/g/: /h", "/g/x:", "/g/y/z: /g/x", "/last: /g"];
        assert_eq!(layers_of(&lines), "/g/x:3 /g/y/z:4 /h/a:1 /h/b:2 /last:5");
        // A group without apps takes no time.
        assert_eq!(layers_of(&["/empty/:", "/g/: /empty", "/g/a:", "/b:"]), "/b:1 /g/a:1");
    }

    #[test]
    fn circles_end() {
        assert_eq!(layers_of(&["/a: /b", "/b: /a", "/c:"]), "/a:2 /b:1 /c:1");
    }

    #[test]
    fn long_chains_do_not_overflow() {
        let lines: Vec<String> = (0..3000).map(|n| format!("/a{:04}: /a{n:04}", n + 1)).collect();
        let mut lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        lines.insert(0, "/a0000:");
        assert!(layers_of(&lines).ends_with("/a3000:3001"));
    }
}
