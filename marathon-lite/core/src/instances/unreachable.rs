//! Instances whose agent is cut off.

use super::{Condition, Instance, Instances, Transition, TransitionKind, Write};
use crate::{
    app::{PathId, Timestamp, UnreachableStrategy},
    events::instance_changed,
};
use proto_types::{TaskId, TaskState};
use std::sync::Arc;

impl Instances {
    /// Gives up instances that were unreachable for too long: first they count no more, so that others are launched in
    /// their place; then they are forgotten. Costs nothing while none is due.
    pub fn give_up(&mut self, now: Timestamp) -> Vec<Transition> {
        let mut given_up = Vec::new();
        while let Some(id) = self.unreachable.pop(now) {
            given_up.extend(self.give_up_one(&id, now));
        }
        given_up
    }

    /// An app's strategy changed: it holds for the instances that are unreachable already.
    pub fn strategy_changed(&mut self, app: &PathId, strategy: UnreachableStrategy, now: Timestamp) {
        let affected: Vec<Arc<Instance>> =
            self.of_app(app).filter(|one| one.is_unreachable()).map(Arc::clone).collect();
        for instance in affected {
            self.await_return(&instance, strategy, now);
        }
    }

    fn give_up_one(&mut self, id: &TaskId, now: Timestamp) -> Option<Transition> {
        let before = self.get(id).filter(|one| one.is_unreachable()).map(Arc::clone)?;
        let strategy = *self.strategies.get(id)?;
        let UnreachableStrategy::Enabled { expunge_after, .. } = strategy else { return None };
        let since = before.unreachable_since.unwrap_or(now);
        if now >= since.after(expunge_after) {
            let transition = Transition {
                before: Some(Arc::clone(&before)),
                after: Some(Arc::clone(&before)),
                ..Transition::nothing(id, TransitionKind::Changed)
            };
            return Some(self.expunge(&before, transition, now));
        }
        let after = Instance { condition: Condition::UnreachableInactive, ..Instance::clone(&before) };
        let events = vec![instance_changed(now, &after)];
        let transition = self.replace(before, after, events);
        if let Some(after) = &transition.after {
            let after = Arc::clone(after);
            self.await_return(&after, strategy, now);
        }
        Some(transition)
    }

    /// From now on an unreachable instance is waited for as the strategy says.
    pub(super) fn await_return(&mut self, instance: &Instance, strategy: UnreachableStrategy, now: Timestamp) {
        self.strategies.insert(instance.id.clone(), strategy);
        let since = instance.unreachable_since.unwrap_or(now);
        match strategy {
            UnreachableStrategy::Disabled => self.unreachable.clear(&instance.id),
            UnreachableStrategy::Enabled { inactive_after, expunge_after } => {
                let inactive = instance.condition == Condition::UnreachableInactive;
                let wait = if inactive { expunge_after } else { inactive_after.min(expunge_after) };
                self.unreachable.set(&instance.id, since.after(wait));
            }
        }
    }

    pub(super) fn forget_unreachable(&mut self, id: &TaskId) {
        self.unreachable.clear(id);
        self.strategies.remove(id);
    }

    /// Whether nobody would ever tell the end of an instance that is to be killed: it is cut off, and may be replaced.
    pub(super) fn cannot_wait_for(&self, instance: &Instance) -> bool {
        let waits = self.strategies.get(&instance.id) == Some(&UnreachableStrategy::Disabled);
        instance.goal_stopped && instance.is_unreachable() && !waits
    }

    /// Forgets an unreachable instance. Should it come back, nobody knows it, and it is killed.
    pub(super) fn expunge(&mut self, instance: &Instance, mut transition: Transition, now: Timestamp) -> Transition {
        self.remove(instance);
        let last = Instance { condition: Condition::Task(TaskState::Gone), ..instance.clone() };
        transition.events.push(instance_changed(now, &last));
        Transition { kind: TransitionKind::Expunged, write: Write::Remove, kills: Vec::new(), ..transition }
    }
}
