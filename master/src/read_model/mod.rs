//! What is shown of the state: records that are shared, never copied, in maps that can be kept as they were at any
//! version for the price of a pointer.

mod counts;
mod pages;
mod watching;

pub(crate) use counts::Counts;
pub(crate) use pages::{ListError, Page, PageRequest};
pub(crate) use watching::difference;

use crate::notices;

use arc_swap::ArcSwap;
use imbl::{OrdMap, OrdSet};
use master_core::{
    Change,
    effect::{AgentView, FrameworkView, RoleView, TaskView},
};
use pages::Pins;
use proto_types::{AgentId, ClusterId, Epoch, FrameworkId, Offer, OfferId, Role, TaskKey};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};
use tokio::sync::broadcast;

/// Batches of changes that a watcher may be behind. Further behind, it is cut off and has to begin anew.
const WATCH_BATCHES_MAX: usize = 1024;

/// The state at one version.
#[derive(Debug, Clone, Default)]
pub(crate) struct Snapshot {
    pub(crate) version: u64,
    pub(crate) agents: OrdMap<AgentId, Arc<AgentView>>,
    pub(crate) frameworks: OrdMap<FrameworkId, Arc<FrameworkView>>,
    pub(crate) tasks: OrdMap<TaskKey, Arc<TaskView>>,
    /// The tasks again, by where they are.
    pub(crate) by_agent: OrdSet<(AgentId, TaskKey)>,
    pub(crate) offers: OrdMap<OfferId, Arc<Offer>>,
    pub(crate) roles: OrdMap<Role, Arc<RoleView>>,
    pub(crate) counts: Counts,
}

/// Changes that were published together, and the version after them.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) version: u64,
    pub(crate) changes: Vec<Change>,
}

/// The model: written by the driver, read by everybody.
#[derive(Debug)]
pub(crate) struct ReadModel {
    pub(crate) cluster: ClusterId,
    pub(crate) epoch: Epoch,
    pub(crate) leader: String,
    pub(crate) elected: SystemTime,
    shown: ArcSwap<Snapshot>,
    writing: Mutex<Writing>,
    pins: Mutex<Pins>,
    watchers: broadcast::Sender<Arc<Batch>>,
}

/// What the driver has applied and not yet published.
#[derive(Debug, Default)]
struct Writing {
    snapshot: Snapshot,
    changes: Vec<Change>,
    changed: bool,
}

impl ReadModel {
    pub(crate) fn new(cluster: ClusterId, epoch: Epoch, leader: String) -> Arc<Self> {
        let (watchers, _) = broadcast::channel(WATCH_BATCHES_MAX);
        Arc::new(Self {
            cluster,
            epoch,
            leader,
            elected: SystemTime::now(),
            shown: ArcSwap::default(),
            writing: Mutex::default(),
            pins: Mutex::default(),
            watchers,
        })
    }

    /// The present state.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.shown.load_full()
    }

    /// The present state and every batch after it.
    pub(crate) fn watch(&self) -> (Arc<Snapshot>, broadcast::Receiver<Arc<Batch>>) {
        // What was applied before there was a watcher is in no batch, so it must be in the snapshot; and publishing takes
        // the same lock, so no batch falls between the two.
        let mut writing = self.writing();
        self.publish_locked(&mut writing);
        let receiver = self.watchers.subscribe();
        (self.snapshot(), receiver)
    }

    /// Takes a change in; it is shown with the next [`ReadModel::publish`].
    pub(crate) fn apply(&self, change: Change) {
        let mut writing = self.writing();
        writing.snapshot.apply(&change);
        if self.watchers.receiver_count() > 0 {
            writing.changes.push(change);
        }
        writing.changed = true;
    }

    /// Shows what was applied, as one new version.
    pub(crate) fn publish(&self) {
        self.publish_locked(&mut self.writing());
    }

    fn publish_locked(&self, writing: &mut Writing) {
        if !std::mem::take(&mut writing.changed) {
            return;
        }
        writing.snapshot.version += 1;
        self.shown.store(Arc::new(writing.snapshot.clone()));
        let (version, changes) = (writing.snapshot.version, std::mem::take(&mut writing.changes));
        if !changes.is_empty() {
            let _ = self.watchers.send(Arc::new(Batch { version, changes }));
        }
    }

    /// The state that a page is of: that of its token, or the present one.
    pub(crate) fn page(&self, request: &PageRequest) -> Result<Arc<Snapshot>, ListError> {
        match request.stamp {
            None => Ok(self.snapshot()),
            // Versions are counted anew in each term.
            Some((epoch, _)) if epoch != self.epoch => Err(ListError::Expired),
            Some((_, version)) => self.pins.lock().unwrap_or_else(PoisonError::into_inner).get(version),
        }
    }

    /// Keeps a state for the pages after this one.
    pub(crate) fn pin(&self, snapshot: &Arc<Snapshot>) {
        self.pins.lock().unwrap_or_else(PoisonError::into_inner).keep(Arc::clone(snapshot));
    }

    fn writing(&self) -> std::sync::MutexGuard<'_, Writing> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Snapshot {
    fn apply(&mut self, change: &Change) {
        match change {
            Change::Agent(id, view) => {
                let old = self.agents.insert(id.clone(), Arc::clone(view));
                notices::agent(id, old.as_deref(), view);
                self.counts.agent(old.as_deref(), Some(view));
            }
            Change::AgentRemoved(id) => {
                let old = self.agents.remove(id);
                self.counts.agent(old.as_deref(), None);
            }
            Change::Framework(id, view) => {
                let old = self.frameworks.insert(id.clone(), Arc::clone(view));
                notices::framework(id, old.as_deref(), view);
                self.counts.framework(old.as_deref(), Some(view));
            }
            Change::FrameworkForgotten(id) => {
                let old = self.frameworks.remove(id);
                self.counts.framework(old.as_deref(), None);
            }
            Change::Task(key, view) => {
                let old = self.tasks.insert(key.clone(), Arc::clone(view));
                self.place(key, old.as_deref(), Some(view));
                self.counts.task(old.as_deref(), Some(view));
            }
            Change::TaskForgotten(key) => {
                let old = self.tasks.remove(key);
                self.place(key, old.as_deref(), None);
                self.counts.task(old.as_deref(), None);
            }
            Change::Offer(id, offer) => drop(self.offers.insert(id.clone(), Arc::clone(offer))),
            Change::OfferRemoved(id) => drop(self.offers.remove(id)),
            Change::Role(role, view) => drop(self.roles.insert(role.clone(), Arc::clone(view))),
            Change::RoleRemoved(role) => drop(self.roles.remove(role)),
        }
        self.counts.offers = self.offers.len() as u64;
    }
    /// Keeps the tasks of agents. Tasks hardly ever change their agent, so this is mostly a comparison.
    fn place(&mut self, key: &TaskKey, old: Option<&TaskView>, new: Option<&TaskView>) {
        let (old, new) = (old.map(|view| &view.agent), new.map(|view| &view.agent));
        if old == new {
            return;
        }
        if let Some(agent) = old {
            self.by_agent.remove(&(agent.clone(), key.clone()));
        }
        if let Some(agent) = new {
            self.by_agent.insert((agent.clone(), key.clone()));
        }
    }
}
