//! How much there is of what, kept up with each change.

use master_core::effect::{AgentStanding, AgentView, FrameworkView, TaskView};
use proto_types::{Resources, TaskState};
use std::collections::BTreeMap;

/// How much there is of what.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counts {
    pub(crate) changed: bool,
    pub(crate) agents: BTreeMap<AgentStanding, u64>,
    pub(crate) tasks: BTreeMap<TaskState, u64>,
    pub(crate) frameworks_connected: u64,
    pub(crate) frameworks_disconnected: u64,
    pub(crate) offers: u64,
    pub(crate) total: Resources,
    pub(crate) used: Resources,
    pub(crate) offered: Resources,
}

impl Counts {
    pub(crate) fn tasks_active(&self) -> u64 {
        self.tasks.iter().filter(|(state, _)| !state.is_terminal()).map(|(_, count)| count).sum()
    }

    pub(super) fn agent(&mut self, old: Option<&AgentView>, new: Option<&AgentView>) {
        if let Some(old) = old {
            *self.agents.entry(old.standing).or_default() -= 1;
        }
        if let Some(new) = new {
            *self.agents.entry(new.standing).or_default() += 1;
        }
        let connected = |view: &&AgentView| view.standing == AgentStanding::Connected;
        if let Some(old) = old.filter(connected) {
            self.total = self.total.minus(&scalars(&old.info.resources));
            self.used = self.used.minus(&scalars(&old.used));
            self.offered = self.offered.minus(&scalars(&old.offered));
        }
        if let Some(new) = new.filter(connected) {
            self.total.add(&scalars(&new.info.resources));
            self.used.add(&scalars(&new.used));
            self.offered.add(&scalars(&new.offered));
        }
    }

    pub(super) fn framework(&mut self, old: Option<&FrameworkView>, new: Option<&FrameworkView>) {
        let counts = |view: &&FrameworkView| !view.removed;
        if let Some(old) = old.filter(counts) {
            *self.frameworks(old.connected) -= 1;
        }
        if let Some(new) = new.filter(counts) {
            *self.frameworks(new.connected) += 1;
        }
    }

    pub(super) fn task(&mut self, old: Option<&TaskView>, new: Option<&TaskView>) {
        if let Some(old) = old {
            *self.tasks.entry(old.latest.state).or_default() -= 1;
        }
        if let Some(new) = new {
            *self.tasks.entry(new.latest.state).or_default() += 1;
        }
    }

    fn frameworks(&mut self, connected: bool) -> &mut u64 {
        if connected { &mut self.frameworks_connected } else { &mut self.frameworks_disconnected }
    }
}

/// The amounts that can be added up over agents: ports of two machines are not one set.
fn scalars(resources: &Resources) -> Resources {
    let amounts = resources.quantities();
    amounts.iter().map(|(name, amount)| proto_types::Resource::scalar(name.clone(), *amount)).collect()
}
