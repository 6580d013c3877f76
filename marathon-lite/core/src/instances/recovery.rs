//! A new leader's beginning.

use super::{Instance, Instances, Rules};
use crate::app::Timestamp;
use proto_types::{TaskId, reconcile::Query};
use std::sync::Arc;

impl Instances {
    /// The table of the instances that were stored; `rules` finds those of each. Nothing is told of it: to clients nothing
    /// changed. What was to be killed is killed again at once, and who is cut off is waited for from when it was.
    ///
    /// The health of instances is what it was at its last change. Executors say with each state how their checks stand, and
    /// the others are made again; until then no healthy instance is anything else.
    #[must_use]
    pub fn recover<'a>(
        stored: impl IntoIterator<Item = Instance>,
        rules: impl Fn(&Instance) -> Rules<'a>,
        now: Timestamp,
    ) -> Self {
        let mut instances = Self::default();
        for instance in stored {
            let rules = rules(&instance);
            if instance.is_unreachable() {
                instances.await_return(&instance, rules.unreachable, now);
            }
            if instance.goal_stopped {
                instances.kills.resume(&instance, rules.kill_grace, now);
            }
            instances.put(Arc::new(instance));
        }
        instances
    }

    /// The questions about everything that there is, for the master.
    pub fn queries(&self) -> impl Iterator<Item = Query> {
        let all = self.by_app().values().flat_map(imbl::OrdMap::values);
        all.flat_map(|one| one.tasks().map(|task| query(task, one)))
    }
}

fn query(task: &TaskId, instance: &Instance) -> Query {
    Query { task: task.clone(), agent: Some(instance.agent.clone()) }
}
