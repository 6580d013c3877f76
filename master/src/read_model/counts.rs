//! How much there is of what, kept up with each change.

use master_core::effect::{AgentStanding, AgentView, FrameworkView, TaskView};
use proto_types::{TaskState, resources::Quantities};
use std::{collections::BTreeMap, sync::Arc};

/// How much there is of what. Amounts are those of connected agents, and only such as can be added up over agents: ports
/// of two machines are not one set.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counts {
    pub(crate) agents: BTreeMap<AgentStanding, u64>,
    /// Agents that are not gone, by the name of what operators want of them.
    pub(crate) duties: BTreeMap<&'static str, u64>,
    pub(crate) tasks: BTreeMap<TaskState, u64>,
    pub(crate) frameworks_connected: u64,
    pub(crate) frameworks_disconnected: u64,
    pub(crate) offers: u64,
    pub(crate) total: Quantities,
    pub(crate) used: Quantities,
    pub(crate) offered: Quantities,
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
        let remains = |view: &&AgentView| view.standing != AgentStanding::Gone;
        if let Some(old) = old.filter(remains) {
            *self.duties.entry(old.duty.name()).or_default() -= 1;
        }
        if let Some(new) = new.filter(remains) {
            *self.duties.entry(new.duty.name()).or_default() += 1;
        }
        let connected = |view: &&AgentView| view.standing == AgentStanding::Connected;
        let (old, new) = (old.filter(connected), new.filter(connected));
        let same = old.zip(new).is_some_and(|(old, new)| Arc::ptr_eq(&old.info, &new.info));
        if let Some(old) = old {
            self.used.subtract(&old.used);
            self.offered.subtract(&old.offered);
            if !same {
                self.total.subtract(&old.info.resources);
            }
        }
        if let Some(new) = new {
            self.used.add(&new.used);
            self.offered.add(&new.offered);
            if !same {
                self.total.add(&new.info.resources);
            }
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
