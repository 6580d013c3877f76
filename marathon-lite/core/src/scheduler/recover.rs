//! A leader begins: everything as it was stored.

use super::{
    Config, Marathon, View,
    follow::rules,
    stored::{self, Key, Undo, Wrong},
};
use crate::{
    app::{AppDefinition, PathId, Timestamp},
    deployment::{DeploymentId, Unrecoverable, Versions, recover},
    group::{Group, Root},
    instances::{Instance, Instances, RunProgress, read_instance},
    launch::RunSpec,
    pods::PodDefinition,
};
use imbl::OrdMap;
use proto_types::{FrameworkId, Now, TaskId};
use std::{collections::BTreeMap, sync::Arc};

/// A stored object that this program cannot read. Going on without it could kill what runs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the stored object {key:?} cannot be read: {why}; a newer version may have written it")]
pub struct Unreadable {
    /// Which.
    pub key: String,
    /// What is wrong with it.
    pub why: String,
}

/// What was found so far.
struct Found {
    view: View,
    apps: Vec<AppDefinition>,
    pods: Vec<PodDefinition>,
    groups: Vec<Group>,
    undos: BTreeMap<Timestamp, Undo>,
    plans: BTreeMap<DeploymentId, Vec<u8>>,
    progress: BTreeMap<DeploymentId, Vec<u8>>,
    runs: BTreeMap<PathId, RunProgress>,
    instances: Vec<Instance>,
}

impl Marathon {
    /// Goes on where the leader before was, from everything that is stored. `seed` is drawn at random.
    ///
    /// # Errors
    /// An object that cannot be read.
    pub fn recover<K: AsRef<str>, V: AsRef<[u8]>>(
        config: Config,
        objects: impl IntoIterator<Item = (K, V)>,
        seed: u128,
        now: Now,
    ) -> Result<Self, Unreadable> {
        let mut found = Found::new();
        for (key, bytes) in objects {
            let (key, bytes) = (key.as_ref(), bytes.as_ref());
            // A key of another form was written by a later version, for something that this one does not have.
            let Some(name) = Key::parse(key) else { continue };
            found.take(name, bytes, &config).map_err(|Wrong(why)| Unreadable { key: key.to_owned(), why })?;
        }
        let root = found.root();
        found.view.root_versions = root_versions(&root, &found.undos);
        found.view.root = root;
        let wall = Timestamp::from_millis(now.wall.0);
        let lost = found.deployments(wall)?;
        let instances = found.instances(wall);
        let mut marathon = Self::new(config, found.view, instances, found.runs, seed, now);
        for id in lost {
            marathon.outbox.remove(&Key::Deployment(id.clone()));
            marathon.outbox.remove(&Key::DeploymentStep(id));
        }
        Ok(marathon)
    }
}

impl Found {
    fn new() -> Self {
        Self {
            view: View {
                root: Root::new(Timestamp::default()),
                framework: None,
                instances: OrdMap::new(),
                deployments: OrdMap::new(),
                queue: OrdMap::new(),
                failures: OrdMap::new(),
                app_versions: OrdMap::new(),
                pod_versions: OrdMap::new(),
                root_versions: OrdMap::new(),
            },
            apps: Vec::new(),
            pods: Vec::new(),
            groups: Vec::new(),
            undos: BTreeMap::new(),
            plans: BTreeMap::new(),
            progress: BTreeMap::new(),
            runs: BTreeMap::new(),
            instances: Vec::new(),
        }
    }

    fn take(&mut self, key: Key, bytes: &[u8], config: &Config) -> Result<(), Wrong> {
        let support = &config.support;
        match key {
            Key::Framework => {
                let id = std::str::from_utf8(bytes).ok().and_then(|text| FrameworkId::new(text).ok());
                self.view.framework = Some(id.ok_or_else(|| Wrong("must be a framework's id".into()))?);
            }
            Key::App(_) => self.apps.push(stored::read_app(bytes, support)?),
            Key::Pod(_) => self.pods.push(stored::read_pod(bytes, support)?),
            Key::Group(_) => self.groups.push(stored::read_group(bytes)?),
            Key::AppVersion(id, version) => {
                let app = Arc::new(stored::read_app(bytes, support)?);
                self.view.app_versions.entry(id).or_default().insert(version, app);
            }
            Key::PodVersion(id, version) => {
                let pod = Arc::new(stored::read_pod(bytes, support)?);
                self.view.pod_versions.entry(id).or_default().insert(version, pod);
            }
            Key::RootVersion(version) => {
                self.undos.insert(version, stored::read_undo(bytes, support)?);
            }
            Key::Deployment(id) => {
                self.plans.insert(id, bytes.to_vec());
            }
            Key::DeploymentStep(id) => {
                self.progress.insert(id, bytes.to_vec());
            }
            Key::Instance(id) => {
                self.instances.push(read_instance(&id, bytes).map_err(|error| Wrong(error.to_string()))?);
            }
            Key::Failure(id) => {
                self.view.failures.insert(id, stored::read_failure(bytes)?);
            }
            Key::Runs(id) => {
                let runs = RunProgress::read(bytes).ok_or_else(|| Wrong("it is damaged".into()))?;
                self.runs.insert(id, runs);
            }
        }
        Ok(())
    }

    fn root(&mut self) -> Root {
        let mut root = Root::new(Timestamp::default());
        for app in self.apps.drain(..) {
            root.put_app(Arc::new(app), Timestamp::default());
        }
        for pod in self.pods.drain(..) {
            root.put_pod(Arc::new(pod), Timestamp::default());
        }
        // Those inside before those around them: each put gives the groups above its own version.
        self.groups.sort_by(|one, other| other.id.cmp(&one.id));
        for group in self.groups.drain(..) {
            root.put_group(group);
        }
        root
    }

    /// The deployments that were under way; those that need a version that is not kept cannot go on.
    fn deployments(&mut self, now: Timestamp) -> Result<Vec<DeploymentId>, Unreadable> {
        let mut lost = Vec::new();
        for (id, plan) in std::mem::take(&mut self.plans) {
            let unreadable = |why: String| Unreadable { key: Key::Deployment(id.clone()).text(), why };
            let progress = self.progress.get(&id).ok_or_else(|| unreadable("nothing says how far it is".into()))?;
            let mut deployment = match recover(id.clone(), &plan, progress, &self.view.root, &self.view) {
                Ok(deployment) => deployment,
                Err(Unrecoverable::NoSuchVersion { .. }) => {
                    lost.push(id);
                    continue;
                }
                Err(error @ Unrecoverable::Unreadable { .. }) => return Err(unreadable(error.to_string())),
            };
            deployment.resume(now);
            self.view.deployments.insert(id, Arc::new(deployment));
        }
        Ok(lost)
    }

    fn instances(&mut self, now: Timestamp) -> Instances {
        let stored = std::mem::take(&mut self.instances);
        let specs: BTreeMap<TaskId, RunSpec> =
            stored.iter().filter_map(|one| Some((one.id.clone(), self.spec_of(one)?))).collect();
        Instances::recover(stored, |one| rules(specs.get(&one.id)), now)
    }

    /// What an instance was launched from.
    fn spec_of(&self, instance: &Instance) -> Option<RunSpec> {
        let kept = self.view.app_versions.get(&instance.app).and_then(|versions| versions.get(&instance.version));
        kept.cloned().map(RunSpec::App).or_else(|| RunSpec::find(&self.view.root, &instance.app))
    }
}

impl Versions for View {
    fn app(&self, id: &PathId, version: Timestamp) -> Option<Arc<AppDefinition>> {
        self.app_versions.get(id)?.get(&version).cloned()
    }

    fn pod(&self, id: &PathId, version: Timestamp) -> Option<Arc<PodDefinition>> {
        self.pod_versions.get(id)?.get(&version).cloned()
    }
}

/// The versions of the root, each found by undoing what the next one changed.
fn root_versions(root: &Root, undos: &BTreeMap<Timestamp, Undo>) -> OrdMap<Timestamp, Root> {
    let (mut versions, mut root) = (OrdMap::new(), root.clone());
    for (version, undo) in undos.iter().rev() {
        versions.insert(*version, root.clone());
        root = undo.undone(&root);
    }
    versions
}
