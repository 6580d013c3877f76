//! Instances that are to go.

use super::{Instance, Instances, Rules, Transition, TransitionKind, Write};
use crate::app::Timestamp;
use proto_types::TaskId;
use std::{sync::Arc, time::Duration};

impl Instances {
    /// An instance is to be killed; that is stored, and the kill repeated until its end is told. One that is cut off
    /// cannot be killed: it is forgotten, and killed should it come back; unless its app waits for such instances.
    pub fn stop(&mut self, id: &TaskId, rules: &Rules<'_>, now: Timestamp) -> Transition {
        let Some(before) = self.get(id).filter(|one| !one.goal_stopped).map(Arc::clone) else {
            return Transition::nothing(id, TransitionKind::Unchanged);
        };
        if before.is_unreachable() {
            self.await_return(&before, rules.unreachable, now);
        }
        let after = Instance { goal_stopped: true, ..Instance::clone(&before) };
        let mut transition = self.replace(before, after, Vec::new());
        let Some(after) = transition.after.clone() else { return transition };
        if self.cannot_wait_for(&after) {
            return self.expunge(&after, transition, now);
        }
        transition.write = Write::Put;
        transition.kills = self.kills.begin(&after, rules.kill_grace, now);
        transition
    }

    /// The kills that are due again. Costs nothing while none is.
    pub fn kills_due(&mut self, now: Timestamp) -> Vec<(TaskId, Option<Duration>)> {
        self.kills.due(now)
    }
}
