//! Tasks: what is to run, and where it stands.

use crate::{ExecutorId, FrameworkId, Labels, Resources, TaskId, container::Container, health::HealthCheck};
use std::{collections::BTreeMap, fmt, time::Duration};

/// A task among all tasks: ids are unique within a framework.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskKey {
    /// Whose.
    pub framework: FrameworkId,
    /// Which.
    pub task: TaskId,
}

impl fmt::Display for TaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.framework, self.task)
    }
}

/// Where a task stands. Names and meanings are Mesos's (partition-aware, without the legacy LOST).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TaskState {
    /// Accepted, not yet at its executor. Executors never send it.
    Staging,
    /// The executor has it: fetching, pulling, starting.
    Starting,
    /// It runs.
    Running,
    /// It is being killed.
    Killing,
    /// It ended by itself with success.
    Finished,
    /// It ended otherwise, or could not be started.
    Failed,
    /// It was killed.
    Killed,
    /// Its description is wrong; it was never started.
    Error,
    /// It could not be started for a passing reason; it certainly never ran.
    Dropped,
    /// Its agent is cut off; it may come back.
    Unreachable,
    /// Its agent says that it runs no more.
    Gone,
    /// An operator said that its agent is gone for good.
    GoneByOperator,
    /// There is no such task. Only in answers to reconciliation.
    Unknown,
}

impl TaskState {
    /// Every state.
    pub const ALL: [Self; 13] = [
        Self::Staging,
        Self::Starting,
        Self::Running,
        Self::Killing,
        Self::Finished,
        Self::Failed,
        Self::Killed,
        Self::Error,
        Self::Dropped,
        Self::Unreachable,
        Self::Gone,
        Self::GoneByOperator,
        Self::Unknown,
    ];

    /// Whether nothing follows. Resources of the task are free again.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        match self {
            Self::Staging | Self::Starting | Self::Running | Self::Killing | Self::Unreachable | Self::Unknown => false,
            Self::Finished
            | Self::Failed
            | Self::Killed
            | Self::Error
            | Self::Dropped
            | Self::Gone
            | Self::GoneByOperator => true,
        }
    }

    /// Whether a task in this state may next be reported in `next`. Staying in a state is allowed where health or data
    /// may change; terminal states are final.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            Self::Staging => !matches!(next, Self::Unknown),
            Self::Starting => !matches!(next, Self::Unknown | Self::Staging),
            Self::Running => !matches!(next, Self::Unknown | Self::Staging | Self::Starting | Self::Dropped),
            Self::Killing => {
                !matches!(next, Self::Unknown | Self::Staging | Self::Starting | Self::Running | Self::Dropped)
            }
            Self::Unreachable => !matches!(next, Self::Unknown),
            Self::Finished
            | Self::Failed
            | Self::Killed
            | Self::Error
            | Self::Dropped
            | Self::Gone
            | Self::GoneByOperator
            | Self::Unknown => false,
        }
    }

    /// The name, as Mesos's users know it, without `TASK_`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Staging => "STAGING",
            Self::Starting => "STARTING",
            Self::Running => "RUNNING",
            Self::Killing => "KILLING",
            Self::Finished => "FINISHED",
            Self::Failed => "FAILED",
            Self::Killed => "KILLED",
            Self::Error => "ERROR",
            Self::Dropped => "DROPPED",
            Self::Unreachable => "UNREACHABLE",
            Self::Gone => "GONE",
            Self::GoneByOperator => "GONE_BY_OPERATOR",
            Self::Unknown => "UNKNOWN",
        }
    }
}

impl fmt::Display for TaskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A task as its framework describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskInfo {
    /// Its id, never used before by its framework.
    pub id: TaskId,
    /// For people.
    pub name: String,
    /// What it gets.
    pub resources: Resources,
    /// What it runs.
    pub command: Command,
    /// What it runs in; none: a process of the agent.
    pub container: Option<Container>,
    /// How its health is found out.
    pub health_check: Option<HealthCheck>,
    /// From the polite to the hard kill; none: the agent's (5 s).
    pub kill_grace: Option<Duration>,
    /// After so long it is killed and FAILED.
    pub max_completion_time: Option<Duration>,
    /// Free-form.
    pub labels: Labels,
    /// For the framework's own executor.
    pub data: Vec<u8>,
    /// How others find it.
    pub discovery: Option<Discovery>,
}

/// What a task, a health check or a custom executor runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Command {
    /// A line for `/bin/sh -c` if `shell`, else a program. Empty with a container: the image's own command.
    pub value: String,
    /// Whether the shell reads `value`.
    pub shell: bool,
    /// Arguments after the program; not with `shell`.
    pub arguments: Vec<String>,
    /// Environment, besides what Proffer sets.
    pub environment: BTreeMap<String, String>,
    /// What is fetched into the sandbox first.
    pub uris: Vec<Uri>,
    /// As whom; none: the framework's user.
    pub user: Option<String>,
    /// Where, relative to the sandbox; none: the sandbox itself.
    pub working_directory: Option<String>,
    /// Limits of the process.
    pub rlimits: Vec<Rlimit>,
}

/// Something to fetch into a sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uri {
    /// `http://`, `https://`, `file://` or a path on the agent.
    pub value: String,
    /// Whether an archive is unpacked (tar, tar.gz, tgz, zip, gz). Mesos's default: yes.
    pub extract: bool,
    /// Whether the executable bit is set.
    pub executable: bool,
    /// Whether a copy is kept for the next task.
    pub cache: bool,
    /// Its name in the sandbox; none: the last part of the path.
    pub output_file: Option<String>,
    /// The SHA-256 of what is fetched, in hexadecimal.
    pub sha256: Option<String>,
}

/// A limit of a process, as `setrlimit` knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rlimit {
    /// Such as `NOFILE` or `CORE`, without `RLIMIT_`.
    pub name: String,
    /// The soft limit; none: unlimited.
    pub soft: Option<u64>,
    /// The hard limit; none: unlimited.
    pub hard: Option<u64>,
}

/// How others find a task. Stored and shown; Proffer's DNS and load balancer read it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Discovery {
    /// The name others look for.
    pub name: String,
    /// Its ports by name.
    pub ports: Vec<DiscoveryPort>,
    /// Free-form.
    pub labels: Labels,
}

/// A port that others find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscoveryPort {
    /// Its number.
    pub number: u16,
    /// Its name.
    pub name: String,
    /// `tcp` or `udp`.
    pub protocol: String,
}

/// An executor that a framework brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutorInfo {
    /// Its id; equal ids on one agent must mean equal executors.
    pub id: ExecutorId,
    /// For people.
    pub name: String,
    /// What starts it.
    pub command: Command,
    /// What it gets besides its tasks.
    pub resources: Resources,
    /// For the executor.
    pub data: Vec<u8>,
}

/// Tasks to be launched together on one agent by one executor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// The executor; none: the built-in one.
    pub executor: Option<ExecutorInfo>,
    /// The tasks.
    pub tasks: Vec<std::sync::Arc<TaskInfo>>,
    /// Whether they live and die together: if one fails or is killed, so are the others.
    pub group: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_states_are_final() {
        for from in TaskState::ALL {
            for to in TaskState::ALL {
                assert!(!(from.is_terminal() && from.may_become(to)), "{from} -> {to}");
                assert!(!from.may_become(TaskState::Unknown), "{from} -> UNKNOWN");
            }
        }
    }

    #[test]
    fn only_what_never_ran_is_dropped() {
        let may = TaskState::ALL.into_iter().filter(|from| from.may_become(TaskState::Dropped));
        assert_eq!(may.collect::<Vec<_>>(), [TaskState::Staging, TaskState::Starting, TaskState::Unreachable]);
    }
}
