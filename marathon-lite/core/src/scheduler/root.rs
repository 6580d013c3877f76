//! The tree takes its next form: stored object by object, with the versions that are kept.

use super::{
    Marathon,
    outbox::Outbox,
    stored::{self, Changes, Key},
};
use crate::{
    app::{PathId, Timestamp},
    group::{Changed, Root},
};
use imbl::OrdMap;
use std::sync::Arc;

/// The versions of each app, or of each pod.
type Versions<T> = OrdMap<PathId, OrdMap<Timestamp, Arc<T>>>;

/// How something of one kind is stored.
struct Kind<T> {
    key: fn(PathId) -> Key,
    key_of_version: fn(PathId, Timestamp) -> Key,
    version: fn(&T) -> Timestamp,
    bytes: fn(&T) -> Vec<u8>,
}

impl Marathon {
    /// The version that the next change makes.
    pub(super) fn next_version(&self) -> Timestamp {
        self.view.root.version().next(self.wall())
    }

    /// Makes `target` what is wanted, which differs in `changes`. Only those are stored.
    pub(super) fn put_root(&mut self, target: Root, changes: &Changes) {
        if changes.groups.is_empty() && changes.apps.is_empty() && changes.pods.is_empty() {
            return;
        }
        let (outbox, kept) = (&mut self.outbox, self.config.versions_kept);
        let apps = Kind {
            key: Key::App,
            key_of_version: Key::AppVersion,
            version: |app: &crate::app::AppDefinition| app.version,
            bytes: stored::app,
        };
        changes.apps.iter().for_each(|change| apps.put(change, &mut self.view.app_versions, kept, outbox));
        let pods = Kind {
            key: Key::Pod,
            key_of_version: Key::PodVersion,
            version: |pod: &crate::pods::PodDefinition| pod.version,
            bytes: stored::pod,
        };
        changes.pods.iter().for_each(|change| pods.put(change, &mut self.view.pod_versions, kept, outbox));
        for change in &changes.groups {
            let key = Key::Group(change.id.clone());
            match &change.after {
                Some(group) => outbox.put(&key, stored::group(group)),
                None => outbox.remove(&key),
            }
        }
        let version = target.version();
        outbox.put(&Key::RootVersion(version), stored::undo(changes));
        self.view.root_versions.insert(version, target.clone());
        for gone in surplus(&mut self.view.root_versions, kept, &[version]) {
            outbox.remove(&Key::RootVersion(gone));
        }
        self.view.root = target;
    }

    /// Drops the versions of what is not wanted any more.
    pub(super) fn drop_versions(&mut self, id: &PathId) {
        drop_all(&mut self.view.app_versions, id, None, &mut self.outbox, Key::AppVersion);
        drop_all(&mut self.view.pod_versions, id, None, &mut self.outbox, Key::PodVersion);
    }
}

impl<T> Kind<T> {
    fn put(&self, change: &Changed<T>, all: &mut Versions<T>, kept: usize, outbox: &mut Outbox) {
        let (id, key) = (&change.id, (self.key)(change.id.clone()));
        let Some(after) = &change.after else {
            outbox.remove(&key);
            // The deployment that ends it still has to know what it was.
            let before = change.before.as_ref().map(|before| (self.version)(before));
            drop_all(all, id, before, outbox, self.key_of_version);
            return;
        };
        outbox.put(&key, (self.bytes)(after));
        let versions = all.entry(id.clone()).or_default();
        let mut needed = Vec::new();
        for one in change.before.iter().chain([after]) {
            let version = (self.version)(one);
            needed.push(version);
            if versions.insert(version, Arc::clone(one)).is_none() {
                outbox.put(&(self.key_of_version)(id.clone(), version), (self.bytes)(one));
            }
        }
        for gone in surplus(versions, kept, &needed) {
            outbox.remove(&(self.key_of_version)(id.clone(), gone));
        }
    }
}

/// Takes the oldest versions away until so many are left; never those that a deployment needs, which is about to begin.
fn surplus<T: Clone>(versions: &mut OrdMap<Timestamp, T>, kept: usize, needed: &[Timestamp]) -> Vec<Timestamp> {
    let surplus = versions.len().saturating_sub(kept);
    let gone: Vec<Timestamp> =
        versions.keys().copied().filter(|version| !needed.contains(version)).take(surplus).collect();
    for version in &gone {
        versions.remove(version);
    }
    gone
}

/// Takes all versions away but one.
fn drop_all<T>(
    all: &mut Versions<T>,
    id: &PathId,
    kept: Option<Timestamp>,
    outbox: &mut Outbox,
    key: fn(PathId, Timestamp) -> Key,
) {
    let Some(versions) = all.remove(id) else { return };
    let (left, gone): (OrdMap<_, _>, OrdMap<_, _>) =
        versions.into_iter().partition(|(version, _)| Some(*version) == kept);
    for version in gone.keys() {
        outbox.remove(&key(id.clone(), *version));
    }
    if !left.is_empty() {
        all.insert(id.clone(), left);
    }
}
