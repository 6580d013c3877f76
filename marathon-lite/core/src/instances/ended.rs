//! Tasks that ended lately.

use proto_types::TaskId;
use std::collections::{BTreeSet, VecDeque};

/// So many are remembered.
const REMEMBERED_MAX: usize = 8192;

/// The tasks whose end was told lately. An update is sent until it is acknowledged, so the same end may be told again, and
/// what was said before it may come after it; neither is news of an unknown task.
#[derive(Debug, Clone, Default)]
pub(super) struct Ended {
    tasks: BTreeSet<TaskId>,
    oldest_first: VecDeque<TaskId>,
}

impl Ended {
    /// Remembers a task.
    pub(super) fn remember(&mut self, task: &TaskId) {
        if self.tasks.insert(task.clone()) {
            self.oldest_first.push_back(task.clone());
        }
        if self.oldest_first.len() > REMEMBERED_MAX
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.tasks.remove(&oldest);
        }
    }

    /// Whether a task's end was told.
    pub(super) fn knows(&self, task: &TaskId) -> bool {
        self.tasks.contains(task)
    }
}
