//! Whether a table is consistent in itself.

use super::{Counts, Instances};
use crate::app::{PathId, Timestamp};
use std::collections::BTreeMap;

impl Instances {
    /// Counts everything anew and compares; for tests and simulations. Costs as much as there are instances.
    ///
    /// # Errors
    /// What does not agree.
    pub fn audit(&self) -> Result<(), String> {
        let mut counts: BTreeMap<PathId, Counts> = BTreeMap::new();
        let mut version_counts: BTreeMap<(PathId, Timestamp), Counts> = BTreeMap::new();
        let mut tasks = 0;
        for (app, instances) in self.by_app() {
            if instances.is_empty() {
                return Err(format!("{app} is kept without instances"));
            }
            for (id, one) in instances {
                if one.id != *id || one.app != *app {
                    return Err(format!("{id} of {app} is in a wrong place"));
                }
                counts.entry(app.clone()).or_default().count(Counts::of(one), true);
                version_counts.entry((app.clone(), one.config_version)).or_default().count(Counts::of(one), true);
                tasks += one.containers.len() + 1;
                if one.tasks().any(|task| self.of_task(task).is_none_or(|found| found.id != *id)) {
                    return Err(format!("a task of {id} does not lead to it"));
                }
                if one.is_unreachable() != self.strategies.contains_key(id) {
                    return Err(format!("{id} is {} and is waited for: {}", one.condition, !one.is_unreachable()));
                }
                if one.goal_stopped && !one.is_unreachable() && !one.tasks().any(|task| self.kills.has(task)) {
                    return Err(format!("{id} is to be killed and nobody does"));
                }
            }
        }
        if counts != *self.all_counts() || version_counts != *self.all_version_counts() {
            return Err(format!("counts are {:?}, but should be {counts:?}", self.all_counts()));
        }
        if self.seen.len() > tasks {
            return Err(format!("updates of {} tasks are remembered, but there are {tasks}", self.seen.len()));
        }
        if tasks != self.tasks_len() {
            return Err(format!("{} tasks are known, but there are {tasks}", self.tasks_len()));
        }
        Ok(())
    }
}
