//! All instances.

use super::{
    CheckHealth, Counts, Instance, Rules, Transition, TransitionKind, Write, deadlines::Deadlines, ended::Ended,
    seen::Seen,
};
use crate::{
    app::{PathId, Timestamp, UnreachableStrategy},
    events::instance_changed,
    kill::PendingKills,
};
use imbl::OrdMap;
use proto_types::TaskId;
use std::{collections::BTreeMap, sync::Arc};

/// The instances of each app that has any.
pub type ByApp = OrdMap<PathId, OrdMap<TaskId, Arc<Instance>>>;

/// All instances, with what is to be done about them in time.
///
/// A change costs the logarithm of what there is: counts are kept with it, and so are the moments at which unreachable
/// instances are given up and kills repeated.
#[derive(Debug, Clone, Default)]
pub struct Instances {
    by_app: ByApp,
    /// The app and the instance of each task: a pod's instance has several.
    tasks: BTreeMap<TaskId, (PathId, TaskId)>,
    counts: BTreeMap<PathId, Counts>,
    /// By the `config_version`, which tells old instances from new ones.
    version_counts: BTreeMap<(PathId, Timestamp), Counts>,
    pub(super) unreachable: Deadlines,
    /// The strategies of unreachable instances.
    pub(super) strategies: BTreeMap<TaskId, UnreachableStrategy>,
    pub(super) kills: PendingKills,
    pub(super) ended: Ended,
    pub(super) seen: Seen,
}

impl Instances {
    /// The instances of each app. Cloning it costs nothing.
    #[must_use]
    pub const fn by_app(&self) -> &ByApp {
        &self.by_app
    }

    /// The instances of an app, by id.
    pub fn of_app(&self, app: &PathId) -> impl Iterator<Item = &Arc<Instance>> {
        self.by_app.get(app).into_iter().flat_map(OrdMap::values)
    }

    /// An instance.
    #[must_use]
    pub fn get(&self, id: &TaskId) -> Option<&Arc<Instance>> {
        self.of_task(id).filter(|instance| instance.id == *id)
    }

    /// The instance that a task belongs to.
    #[must_use]
    pub fn of_task(&self, task: &TaskId) -> Option<&Arc<Instance>> {
        let (app, instance) = self.tasks.get(task)?;
        self.by_app.get(app)?.get(instance)
    }

    /// How many an app has, and how they do.
    #[must_use]
    pub fn counts(&self, app: &PathId) -> Counts {
        self.counts.get(app).copied().unwrap_or_default()
    }

    /// How many an app has of one `config_version`.
    #[must_use]
    pub fn counts_of_version(&self, app: &PathId, config_version: Timestamp) -> Counts {
        self.version_counts.get(&(app.clone(), config_version)).copied().unwrap_or_default()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.counts.values().map(|counts| counts.total as usize).sum()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_app.is_empty()
    }

    /// Takes in an instance that is about to be launched. It is to be stored before it is.
    ///
    /// It has no say on its health until its checks have spoken, and is ready at once if nobody asks.
    pub fn launched(&mut self, mut instance: Instance, rules: &Rules<'_>, now: Timestamp) -> Transition {
        instance.health = vec![CheckHealth::default(); rules.checks_len()];
        instance.readiness.ready |= !rules.readiness;
        let after = Arc::new(instance);
        self.put(Arc::clone(&after));
        Transition {
            kind: TransitionKind::Changed,
            write: Write::Put,
            events: vec![instance_changed(now, &after)],
            after: Some(Arc::clone(&after)),
            ..Transition::nothing(&after.id, TransitionKind::Changed)
        }
    }

    pub(super) const fn all_counts(&self) -> &BTreeMap<PathId, Counts> {
        &self.counts
    }

    pub(super) const fn all_version_counts(&self) -> &BTreeMap<(PathId, Timestamp), Counts> {
        &self.version_counts
    }

    pub(super) fn tasks_len(&self) -> usize {
        self.tasks.len()
    }

    /// Puts an instance in its place.
    pub(super) fn put(&mut self, instance: Arc<Instance>) {
        self.count(&instance, true);
        for task in instance.tasks().chain([&instance.id]) {
            self.tasks.insert(task.clone(), (instance.app.clone(), instance.id.clone()));
        }
        let of_app = self.by_app.entry(instance.app.clone()).or_default();
        if let Some(old) = of_app.insert(instance.id.clone(), instance) {
            self.count(&old, false);
        }
    }

    /// Takes an instance out, with everything that is to be done about it.
    pub(super) fn remove(&mut self, instance: &Instance) {
        if let Some(of_app) = self.by_app.get_mut(&instance.app)
            && let Some(old) = of_app.remove(&instance.id)
        {
            if of_app.is_empty() {
                self.by_app.remove(&instance.app);
            }
            self.count(&old, false);
        }
        for task in instance.tasks().chain([&instance.id]) {
            self.tasks.remove(task);
            self.kills.told(task);
            self.seen.forget(task);
        }
        self.forget_unreachable(&instance.id);
    }

    fn count(&mut self, instance: &Instance, add: bool) {
        let one = Counts::of(instance);
        let counts = self.counts.entry(instance.app.clone()).or_default();
        counts.count(one, add);
        if counts.total == 0 {
            self.counts.remove(&instance.app);
        }
        let key = (instance.app.clone(), instance.config_version);
        let counts = self.version_counts.entry(key.clone()).or_default();
        counts.count(one, add);
        if counts.total == 0 {
            self.version_counts.remove(&key);
        }
    }
}
