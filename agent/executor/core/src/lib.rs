//! The built-in executor as a synchronous function: what it hears of its agent and of its tasks' processes, and what it
//! does about it.
//!
//! ```text
//! agent: launch, kill, shut down                     shell: prepared, started, exited, probed, adopted
//!            \                                            /
//!             Task { phase, kill, health, updates until acknowledged }
//!            /                                            \
//! updates to the agent                               prepare, start, adopt, signal, probe, release
//! ```
//!
//! **Architecture invariant:** no clock, no process, no socket. It stores nothing: what must outlive it is written by the
//! launcher and the engine, and comes back as an adoption.

mod ending;
mod health;
mod input;
mod launching;
mod reporting;
mod task;

pub use input::{Adoption, Effect, Exit, Input};

use proto_types::{AgentId, ExecutorId, FrameworkId, Now, TaskId, time::Monotonic};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};
use task::Task;

/// Ids of ended tasks that are remembered, so that a launch that comes twice starts nothing. It comes again within
/// seconds or not at all; more would only cost memory.
const ENDED_MAX: usize = 10_000;

/// From the polite to the hard kill until the agent says otherwise.
const KILL_GRACE: Duration = Duration::from_secs(5);

/// Who an executor is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Whose.
    pub framework: FrameworkId,
    /// Which.
    pub executor: ExecutorId,
    /// Which start of it.
    pub token: String,
    /// Its process id.
    pub pid: u32,
}

/// The executor.
#[derive(Debug)]
pub struct Executor {
    identity: Identity,
    agent: Option<AgentId>,
    connected: bool,
    /// Whether the agent welcomed it on this connection.
    welcome: bool,
    /// Whether the agent does not know it: nobody will acknowledge its updates.
    unknown: bool,
    kill_grace: Duration,
    tasks: BTreeMap<TaskId, Task>,
    ended: BTreeSet<TaskId>,
    ended_order: VecDeque<TaskId>,
    groups: u64,
    shutting_down: bool,
    now: Now,
    effects: Vec<Effect>,
    /// Updates made by this input, sent as one message.
    fresh: Vec<proto_types::executing::NumberedStatus>,
}

impl Executor {
    /// An executor without tasks.
    #[must_use]
    pub fn new(identity: Identity, now: Now) -> Self {
        Self {
            identity,
            agent: None,
            connected: false,
            welcome: false,
            unknown: false,
            kill_grace: KILL_GRACE,
            tasks: BTreeMap::new(),
            ended: BTreeSet::new(),
            ended_order: VecDeque::new(),
            groups: 0,
            shutting_down: false,
            now,
            effects: Vec::new(),
            fresh: Vec::new(),
        }
    }

    /// Reacts to inputs that came together; the updates that they cause leave as one message.
    pub fn handle(&mut self, now: Now, inputs: impl IntoIterator<Item = Input>, effects: &mut Vec<Effect>) {
        self.now = now;
        for input in inputs {
            self.on_input(input);
        }
        self.send_fresh();
        if self.shutting_down && (self.tasks.is_empty() || self.unknown && self.runs_nothing()) {
            self.effects.push(Effect::Exit);
        }
        effects.append(&mut self.effects);
    }

    fn on_input(&mut self, input: Input) {
        match input {
            Input::FromAgent(message) => self.on_agent(message),
            Input::Connected => self.on_connected(),
            Input::Disconnected => self.connected = false,
            Input::Tick => self.on_tick(),
            Input::Unreadable { task, message } => self.on_unreadable(task, message),
            Input::Prepared { task, result } => self.on_prepared(&task, result),
            Input::Progress { task, message } => self.on_progress(&task, message),
            Input::Started { task, container } => self.on_started(&task, container),
            Input::StartFailed { task, message } => self.on_start_failed(&task, message),
            Input::Exited { task, exit } => self.on_exited(&task, exit),
            Input::Probed { task, result } => self.on_probed(&task, result),
            Input::Adopted { task, adoption } => self.on_adopted(&task, adoption),
        }
    }

    /// When the next [`Input::Tick`] is due; none: not before something else happens.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Monotonic> {
        self.tasks.values().filter_map(Task::next_deadline).min()
    }

    /// Whether all its tasks are over, although their last updates may not be acknowledged.
    #[must_use]
    pub fn runs_nothing(&self) -> bool {
        self.tasks.values().all(Task::is_over)
    }

    fn remember_ended(&mut self, id: TaskId) {
        if self.ended_order.len() == ENDED_MAX
            && let Some(oldest) = self.ended_order.pop_front()
        {
            self.ended.remove(&oldest);
        }
        self.ended_order.push_back(id.clone());
        self.ended.insert(id);
    }
}

#[cfg(test)]
mod tests;
