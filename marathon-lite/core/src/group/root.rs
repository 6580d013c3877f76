//! Everything that is wanted: all groups, apps and pods.

use super::{Changed, Group, changed::changes, port_uses::PortUses};
use crate::{
    app::{AppDefinition, PathId, Timestamp},
    pods::PodDefinition,
};
use imbl::OrdMap;
use std::{collections::BTreeSet, ops::Bound, sync::Arc};

/// The root group with everything below it.
///
/// The tree is kept flat, by path, in persistent maps: a clone shares everything with its original, and a change costs
/// the logarithm of what there is. So a deployment keeps the tree from before and the one after it as they are.
#[derive(Debug, Clone, PartialEq)]
pub struct Root {
    apps: OrdMap<PathId, Arc<AppDefinition>>,
    pods: OrdMap<PathId, Arc<PodDefinition>>,
    /// Always has the root, and every group that something is in.
    groups: OrdMap<PathId, Arc<Group>>,
    service_ports: PortUses,
    /// How many apps and groups depend on each path.
    dependents: OrdMap<PathId, u32>,
}

impl Root {
    /// A root with nothing below it.
    #[must_use]
    pub fn new(version: Timestamp) -> Self {
        let root = Group::new(PathId::root(), version);
        Self {
            apps: OrdMap::new(),
            pods: OrdMap::new(),
            groups: OrdMap::unit(PathId::root(), Arc::new(root)),
            service_ports: PortUses::default(),
            dependents: OrdMap::new(),
        }
    }

    /// When anything last changed.
    #[must_use]
    pub fn version(&self) -> Timestamp {
        self.groups.get(&PathId::root()).map_or_else(Timestamp::default, |root| root.version)
    }

    /// The app with this id.
    #[must_use]
    pub fn app(&self, id: &PathId) -> Option<&Arc<AppDefinition>> {
        self.apps.get(id)
    }

    /// The pod with this id.
    #[must_use]
    pub fn pod(&self, id: &PathId) -> Option<&Arc<PodDefinition>> {
        self.pods.get(id)
    }

    /// The group with this id.
    #[must_use]
    pub fn group(&self, id: &PathId) -> Option<&Arc<Group>> {
        self.groups.get(id)
    }

    /// All apps, by path.
    pub fn apps(&self) -> impl DoubleEndedIterator<Item = &Arc<AppDefinition>> {
        self.apps.values()
    }

    /// All pods, by path.
    pub fn pods(&self) -> impl DoubleEndedIterator<Item = &Arc<PodDefinition>> {
        self.pods.values()
    }

    /// All groups, the root first.
    pub fn groups(&self) -> impl DoubleEndedIterator<Item = &Arc<Group>> {
        self.groups.values()
    }

    /// How many apps there are.
    #[must_use]
    pub fn apps_len(&self) -> usize {
        self.apps.len()
    }

    /// The apps below a group, at any depth.
    pub fn apps_below(&self, group: &PathId) -> impl Iterator<Item = &Arc<AppDefinition>> {
        below(&self.apps, group)
    }

    /// The pods below a group, at any depth.
    pub fn pods_below(&self, group: &PathId) -> impl Iterator<Item = &Arc<PodDefinition>> {
        below(&self.pods, group)
    }

    /// The groups below a group, at any depth.
    pub fn groups_below(&self, group: &PathId) -> impl Iterator<Item = &Arc<Group>> {
        below(&self.groups, group).filter(|group| !group.id.is_root())
    }

    /// The service ports that apps have, lowest first.
    pub fn service_ports(&self) -> impl Iterator<Item = u16> {
        self.service_ports.ports()
    }

    /// The lowest service port from `min` to `max` that no app has.
    #[must_use]
    pub fn free_service_port(&self, min: u16, max: u16) -> Option<u16> {
        self.service_ports.lowest_free(min, max)
    }

    /// How many apps have this service port.
    #[must_use]
    pub fn service_port_uses(&self, port: u16) -> u32 {
        self.service_ports.of(port)
    }

    /// How many apps and groups depend on this path.
    #[must_use]
    pub fn dependents(&self, id: &PathId) -> u32 {
        self.dependents.get(id).copied().unwrap_or(0)
    }

    /// The apps that are not as they were in `before`, by path. What both have in common is not looked at.
    #[must_use]
    pub fn changed_apps(&self, before: &Self) -> Vec<Changed<AppDefinition>> {
        changes(&before.apps, &self.apps)
    }

    /// The pods that are not as they were in `before`, by path.
    #[must_use]
    pub fn changed_pods(&self, before: &Self) -> Vec<Changed<PodDefinition>> {
        changes(&before.pods, &self.pods)
    }

    /// The groups that are not as they were in `before`, by path.
    #[must_use]
    pub fn changed_groups(&self, before: &Self) -> Vec<Changed<Group>> {
        changes(&before.groups, &self.groups)
    }

    /// Puts an app in its place, instead of the one that was there. Its group is made if there is none.
    pub fn put_app(&mut self, app: Arc<AppDefinition>, version: Timestamp) -> Option<Arc<AppDefinition>> {
        let id = app.id.clone();
        self.touch(&id, version);
        self.count_app(&app, true);
        let old = self.apps.insert(id, app);
        if let Some(old) = &old {
            self.count_app(old, false);
        }
        old
    }

    /// Takes an app away; its group stays.
    pub fn remove_app(&mut self, id: &PathId, version: Timestamp) -> Option<Arc<AppDefinition>> {
        let app = self.apps.remove(id)?;
        self.count_app(&app, false);
        self.touch(id, version);
        Some(app)
    }

    /// Puts a pod in its place, instead of the one that was there. Its group is made if there is none.
    pub fn put_pod(&mut self, pod: Arc<PodDefinition>, version: Timestamp) -> Option<Arc<PodDefinition>> {
        self.touch(&pod.id, version);
        self.pods.insert(pod.id.clone(), pod)
    }

    /// Takes a pod away; its group stays.
    pub fn remove_pod(&mut self, id: &PathId, version: Timestamp) -> Option<Arc<PodDefinition>> {
        let pod = self.pods.remove(id)?;
        self.touch(id, version);
        Some(pod)
    }

    /// Puts a group in its place; what is in it stays. The groups above it are made if there are none.
    pub fn put_group(&mut self, group: Group) {
        self.touch(&group.id, group.version);
        self.count_dependencies(&group.dependencies, true);
        if let Some(old) = self.groups.insert(group.id.clone(), Arc::new(group)) {
            self.count_dependencies(&old.dependencies, false);
        }
    }

    /// Takes a group away with everything in it; of the root only what is in it.
    pub fn remove_group(&mut self, id: &PathId, version: Timestamp) {
        let apps: Vec<PathId> = self.apps_below(id).map(|app| app.id.clone()).collect();
        let pods: Vec<PathId> = self.pods_below(id).map(|pod| pod.id.clone()).collect();
        let groups: Vec<PathId> = self.groups_below(id).map(|group| group.id.clone()).collect();
        for app in &apps {
            if let Some(app) = self.apps.remove(app) {
                self.count_app(&app, false);
            }
        }
        for pod in &pods {
            self.pods.remove(pod);
        }
        for group in groups.iter().chain([id]) {
            if let Some(group) = self.groups.remove(group) {
                self.count_dependencies(&group.dependencies, false);
            }
        }
        if id.is_root() {
            self.groups.insert(PathId::root(), Arc::new(Group::new(PathId::root(), version)));
        }
        self.touch(id, version);
    }

    /// Makes the groups above `id` and gives them this version.
    fn touch(&mut self, id: &PathId, version: Timestamp) {
        for above in id.ancestors() {
            match self.groups.get_mut(&above) {
                Some(group) => Arc::make_mut(group).version = version,
                None => {
                    self.groups.insert(above.clone(), Arc::new(Group::new(above, version)));
                }
            }
        }
    }

    fn count_app(&mut self, app: &AppDefinition, added: bool) {
        for port in app.service_ports().into_iter().filter(|port| *port != 0) {
            if added { self.service_ports.add(port) } else { self.service_ports.remove(port) }
        }
        self.count_dependencies(&app.dependencies, added);
    }

    fn count_dependencies(&mut self, dependencies: &BTreeSet<PathId>, added: bool) {
        for dependency in dependencies {
            let uses = self.dependents(dependency);
            match if added { uses + 1 } else { uses.saturating_sub(1) } {
                0 => self.dependents.remove(dependency),
                uses => self.dependents.insert(dependency.clone(), uses),
            };
        }
    }
}

/// What lies below a path in a map by path.
fn below<'a, V>(map: &'a OrdMap<PathId, V>, group: &PathId) -> impl Iterator<Item = &'a V> + use<'a, V> {
    let (from, to) = group.bounds_below();
    let bounds: (Bound<&str>, Bound<&str>) = (Bound::Included(&from), Bound::Excluded(&to));
    map.range::<_, str>(bounds).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::PortDefinition;

    fn path(text: &str) -> PathId {
        PathId::parse(text).unwrap()
    }

    fn app(id: &str, port: u16) -> Arc<AppDefinition> {
        let mut app = AppDefinition::new(path(id));
        app.port_definitions = vec![PortDefinition { port, ..PortDefinition::default() }];
        Arc::new(app)
    }

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn groups_are_made_and_carry_the_last_version() {
        let mut root = Root::new(at(1));
        root.put_app(app("/shop/eu/web", 0), at(2));
        root.put_app(app("/shop/us/web", 0), at(3));
        let versions: Vec<(String, u64)> =
            root.groups().map(|group| (group.id.to_string(), group.version.millis())).collect();
        assert_eq!(versions, [("/".into(), 3), ("/shop".into(), 3), ("/shop/eu".into(), 2), ("/shop/us".into(), 3)]);
        assert_eq!(root.apps_below(&path("/shop")).count(), 2);
        assert_eq!(root.groups_below(&PathId::root()).count(), 3);
    }

    #[test]
    fn a_removed_group_takes_everything_with_it() {
        let mut root = Root::new(at(1));
        for (id, port) in [("/shop/web", 10), ("/shop/eu/web", 11), ("/shop-b/web", 12)] {
            root.put_app(app(id, port), at(2));
        }
        let before = root.clone();
        root.remove_group(&path("/shop"), at(3));
        assert_eq!(root.apps().map(|app| app.id.to_string()).collect::<Vec<_>>(), ["/shop-b/web"]);
        assert_eq!(root.service_ports().collect::<Vec<_>>(), [12]);
        assert!(root.group(&path("/shop")).is_none() && root.version() == at(3));
        assert_eq!(before.apps_len(), 3);
        root.remove_group(&PathId::root(), at(4));
        assert!(root.apps_len() == 0 && root.groups().count() == 1 && root.service_ports().count() == 0);
    }

    #[test]
    fn service_ports_are_counted_by_use() {
        let mut root = Root::new(at(1));
        root.put_app(app("/a", 10), at(2));
        root.put_app(app("/b", 10), at(2));
        root.put_app(app("/a", 11), at(3));
        assert_eq!((root.service_port_uses(10), root.service_port_uses(11)), (1, 1));
        root.remove_app(&path("/b"), at(4));
        assert_eq!(root.service_ports().collect::<Vec<_>>(), [11]);
    }
}
