//! What happened in a cluster, as those saw it who cannot be wrong: tasks write down when they start and end, schedulers
//! what they launched and were told, and agents are asked which epoch they obey. [`check`] compares.
//!
//! All times are nanoseconds of the machine's boot clock, which no clock jump reaches.

mod check;
mod collect;
mod evidence;
mod log;
#[cfg(test)]
mod tests;

pub use check::{Rule, Violation, check};
pub use collect::{assert_sound, collect, file, observe, shown};
pub use evidence::{read, witnessed};
pub use log::Log;

use proffer_proto::v1::{Resource, TaskState, resource};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// A task of a framework.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TaskKey {
    /// The framework's id.
    pub framework: String,
    /// The task's id.
    pub task: String,
}

/// One start of a task, by its own evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Which task.
    pub key: TaskKey,
    /// The process that wrote the evidence.
    pub pid: u32,
    /// On which agent.
    pub agent: String,
    /// When it started, rounded down.
    pub start: u64,
    /// When it was about to end by itself, rounded down. None: it runs, or something ended it.
    pub end: Option<u64>,
}

/// What a scheduler knows of a launch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The master took it.
    Accepted,
    /// The master refused it.
    Refused,
    /// No answer came.
    Unknown,
}

/// What a scheduler launched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launched {
    /// Which task.
    pub key: TaskKey,
    /// On an offer of which agent.
    pub agent: String,
    /// What for.
    pub amounts: Amounts,
    /// The epoch of the master that made the offer.
    pub offer_epoch: u64,
    /// The epoch of the master that was asked.
    pub session_epoch: u64,
    /// When it was asked.
    pub at: u64,
    /// What came of it.
    pub outcome: Outcome,
}

/// An update that a scheduler saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Of which task.
    pub key: TaskKey,
    /// The session in which it was seen.
    pub session: String,
    /// The state.
    pub state: TaskState,
    /// The number of the update.
    pub sequence: u64,
    /// When it was seen.
    pub at: u64,
}

/// The epoch that an agent said it obeys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obeyed {
    /// Which agent.
    pub agent: String,
    /// The epoch.
    pub epoch: u64,
    /// When it was asked: from then on it obeys no lower one.
    pub at: u64,
}

/// Amounts of resources.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Amounts {
    /// Scalars in thousandths, by name.
    pub milli: BTreeMap<String, u64>,
    /// Ranges of ports, with their ends.
    pub ports: Vec<(u64, u64)>,
}

/// Everything that is known of a run of a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// What ran.
    pub runs: Vec<Run>,
    /// What was launched.
    pub launches: Vec<Launched>,
    /// What schedulers saw, in the order in which they saw it.
    pub seen: Vec<Seen>,
    /// Which epochs agents obeyed, in the order in which they said so.
    pub obeyed: Vec<Obeyed>,
    /// What each agent has in all.
    pub totals: BTreeMap<String, Amounts>,
    /// The tasks that the master says run, or may run, in the end.
    pub known: BTreeSet<TaskKey>,
}

impl fmt::Display for TaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task {} of framework {}", self.task, self.framework)
    }
}

impl Amounts {
    /// Those of resources as they are sent.
    #[must_use]
    pub fn of(resources: &[Resource]) -> Self {
        let mut amounts = Self::default();
        for resource in resources {
            match &resource.value {
                Some(resource::Value::ScalarMilli(milli)) => {
                    *amounts.milli.entry(resource.name.clone()).or_default() += milli;
                }
                Some(resource::Value::Ranges(ranges)) => {
                    amounts.ports.extend(ranges.ranges.iter().map(|range| (range.begin, range.end)));
                }
                _ => {}
            }
        }
        amounts
    }
}

/// Whether nothing follows the state.
#[must_use]
pub fn is_terminal(state: TaskState) -> bool {
    matches!(
        state,
        TaskState::TaskFinished
            | TaskState::TaskFailed
            | TaskState::TaskKilled
            | TaskState::TaskError
            | TaskState::TaskDropped
            | TaskState::TaskGone
            | TaskState::TaskGoneByOperator
    )
}

/// The boot clock now.
///
/// # Panics
/// If the kernel has no such clock, which Linux has.
#[must_use]
pub fn now() -> u64 {
    let time = nix::time::clock_gettime(nix::time::ClockId::CLOCK_BOOTTIME).expect("Linux has a boot clock");
    let seconds = u64::try_from(time.tv_sec()).unwrap_or_default();
    seconds * 1_000_000_000 + u64::try_from(time.tv_nsec()).unwrap_or_default()
}
