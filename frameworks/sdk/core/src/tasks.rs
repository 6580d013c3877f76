//! What is known of the framework's tasks.

use proto_types::{AgentId, TaskId, TaskState, TaskStatus, status::MASTER_SEQUENCES};
use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

/// Tasks that are over and still remembered, so that a report that comes again is known as such. Fewer would let a
/// late repetition through to the scheduler as news.
const OVER_MAX: usize = 20_000;

/// Tasks of which nothing is known and that the scheduler wants killed. What it wants beyond is asked for once.
const DOOMED_MAX: usize = 10_000;

/// Where a task stands with the scheduler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It was asked for; there is no verdict yet.
    Launching,
    /// Whether it was launched is unknown; the master is asked.
    Unresolved,
    /// It was accepted; there is no report yet.
    Accepted,
    /// This was the last report.
    Reported { state: TaskState, healthy: Option<bool> },
}

/// A task as the session knows it.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) standing: Standing,
    agent: Option<AgentId>,
    /// Numbers of the last updates delivered: the agent's, the master's.
    seen: [u64; 2],
    /// Numbers of the last updates that the scheduler is done with.
    handled: [u64; 2],
    /// Counts the reports delivered: whoever asked before one of them has an old answer.
    pub(crate) version: u64,
    /// The scheduler wants it killed, with this grace.
    kill: Option<Option<Duration>>,
}

/// What is to be done with an update.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It is news.
    Deliver,
    /// The scheduler has handled it, and the acknowledgement was lost: acknowledge up to here.
    Acknowledge(u64),
    /// It was delivered and is not acknowledged yet.
    Drop,
}

/// What is known of the framework's tasks.
#[derive(Debug)]
pub(crate) struct Tasks {
    by_id: BTreeMap<TaskId, Task>,
    /// Those that are over, the oldest first.
    over: VecDeque<TaskId>,
    /// Those wanted killed before anything was heard of them: an earlier scheduler's, on agents that are away.
    doomed: BTreeMap<TaskId, Option<Duration>>,
    max: usize,
}

impl Task {
    fn new(standing: Standing, agent: Option<AgentId>) -> Self {
        Self { standing, agent, seen: [0; 2], handled: [0; 2], version: 0, kill: None }
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.standing, Standing::Reported { state, .. } if state.is_terminal())
    }
}

/// Which of the two ranges of numbers this belongs to.
fn range(sequence: u64) -> usize {
    usize::from(sequence >= MASTER_SEQUENCES)
}

impl Tasks {
    pub(crate) fn new(max: usize) -> Self {
        Self { by_id: BTreeMap::new(), over: VecDeque::new(), doomed: BTreeMap::new(), max }
    }

    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.by_id.len(), self.by_id.len() - self.over.len())
    }

    pub(crate) fn contains(&self, task: &TaskId) -> bool {
        self.by_id.contains_key(task)
    }

    pub(crate) fn get(&self, task: &TaskId) -> Option<&Task> {
        self.by_id.get(task)
    }

    pub(crate) fn is_full(&self) -> bool {
        self.by_id.len() - self.over.len() >= self.max
    }

    pub(crate) fn agent_of(&self, task: &TaskId) -> Option<AgentId> {
        self.by_id.get(task)?.agent.clone()
    }

    pub(crate) fn launch(&mut self, task: TaskId, agent: Option<AgentId>) {
        self.by_id.insert(task, Task::new(Standing::Launching, agent));
    }

    /// The launch was accepted. Answers with the grace if the task is wanted killed, now that this can be asked for.
    pub(crate) fn accepted(&mut self, task: &TaskId) -> Option<Option<Duration>> {
        let task = self.by_id.get_mut(task)?;
        if !matches!(task.standing, Standing::Launching | Standing::Unresolved) {
            return None;
        }
        task.standing = Standing::Accepted;
        // What was asked before says nothing of the launch.
        task.version += 1;
        task.kill
    }

    /// Forgets a task that was never launched; false if reports say otherwise.
    pub(crate) fn forget_unreported(&mut self, task: &TaskId) -> bool {
        let unreported = self.by_id.get(task).is_some_and(|task| !matches!(task.standing, Standing::Reported { .. }));
        if unreported {
            self.by_id.remove(task);
        }
        unreported
    }

    /// Nobody knows whether it was launched; false if reports say so.
    pub(crate) fn unresolved(&mut self, task: &TaskId) -> bool {
        let Some(task) = self.by_id.get_mut(task) else { return false };
        let unknown = matches!(task.standing, Standing::Launching | Standing::Unresolved);
        if unknown {
            task.standing = Standing::Unresolved;
        }
        unknown
    }

    /// Notes that the scheduler wants this task killed. False if its launch must be answered first, or it is over.
    pub(crate) fn want_killed(&mut self, task: &TaskId, grace: Option<Duration>) -> bool {
        let Some(task) = self.by_id.get_mut(task) else {
            if self.doomed.len() < DOOMED_MAX {
                self.doomed.insert(task.clone(), grace);
            }
            return true;
        };
        if task.is_over() {
            return false;
        }
        task.kill = Some(grace);
        !matches!(task.standing, Standing::Launching | Standing::Unresolved)
    }

    /// Those that the scheduler wants killed and that are not over.
    pub(crate) fn to_be_killed(&self) -> Vec<(TaskId, Option<Duration>)> {
        let wanted = |(id, task): (&TaskId, &Task)| {
            let launched = matches!(task.standing, Standing::Accepted | Standing::Reported { .. });
            task.kill.filter(|_| launched && !task.is_over()).map(|grace| (id.clone(), grace))
        };
        let doomed = self.doomed.iter().map(|(id, grace)| (id.clone(), *grace));
        self.by_id.iter().filter_map(wanted).chain(doomed).collect()
    }

    pub(crate) fn kill_wanted(&self, task: &TaskId) -> Option<Option<Duration>> {
        self.by_id.get(task).filter(|task| !task.is_over())?.kill
    }

    /// Those that were launched, or may have been, and are not over.
    pub(crate) fn to_be_asked_about(&self) -> Vec<(TaskId, Option<AgentId>)> {
        let wanted = |task: &Task| !task.is_over() && task.standing != Standing::Launching;
        let asked = self.by_id.iter().filter(|(_, task)| wanted(task));
        asked.map(|(id, task)| (id.clone(), task.agent.clone())).collect()
    }

    /// Whether the scheduler wanted a task killed of which nothing was heard yet.
    pub(crate) fn is_doomed(&self, task: &TaskId) -> bool {
        self.doomed.contains_key(task)
    }

    /// The task, which may be heard of for the first time.
    fn meet(&mut self, id: &TaskId) -> &mut Task {
        let doomed = &mut self.doomed;
        self.by_id.entry(id.clone()).or_insert_with(|| {
            let mut task = Task::new(Standing::Accepted, None);
            task.kill = doomed.remove(id);
            task
        })
    }

    /// Whether an update is news; if so, it is noted.
    pub(crate) fn admit(&mut self, status: &TaskStatus) -> Admission {
        let task = self.meet(&status.task);
        let index = range(status.sequence);
        if status.sequence > 0 {
            if status.sequence <= task.handled[index] {
                return Admission::Acknowledge(task.handled[index]);
            }
            if status.sequence <= task.seen[index] {
                return Admission::Drop;
            }
            task.seen[index] = status.sequence;
            if task.is_over() {
                task.handled[index] = status.sequence;
                return Admission::Acknowledge(status.sequence);
            }
        }
        self.note(status);
        Admission::Deliver
    }

    /// Notes a report that is delivered.
    pub(crate) fn note(&mut self, status: &TaskStatus) {
        let task = self.meet(&status.task);
        let was_over = task.is_over();
        task.standing = Standing::Reported { state: status.state, healthy: status.healthy };
        task.version += 1;
        if status.agent.is_some() {
            task.agent.clone_from(&status.agent);
        }
        if task.is_over() && !was_over {
            self.over.push_back(status.task.clone());
        }
        if self.over.len() > OVER_MAX
            && let Some(oldest) = self.over.pop_front()
        {
            self.by_id.remove(&oldest);
        }
    }

    /// The scheduler is done with an update.
    pub(crate) fn handled(&mut self, task: &TaskId, sequence: u64) {
        if let Some(task) = self.by_id.get_mut(task) {
            let index = range(sequence);
            task.handled[index] = task.handled[index].max(sequence);
        }
    }

    /// There is no such task.
    pub(crate) fn forget(&mut self, task: &TaskId) {
        self.doomed.remove(task);
        if self.by_id.get(task).is_some_and(|task| !task.is_over()) {
            self.by_id.remove(task);
        }
    }
}
