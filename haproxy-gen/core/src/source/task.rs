//! A task as far as traffic goes.

use std::{fmt, net::IpAddr};

/// The id of a task.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(pub String);

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a task is in its life, as far as traffic goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TaskState {
    /// It runs, or ran when it was last heard of (LOST, UNREACHABLE): it gets traffic.
    Running,
    /// It is about to be killed: it gets no new connections.
    Killing,
}

impl TaskState {
    /// What a state's name means; nothing if a task in it gets no traffic at all.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        match name {
            "TASK_RUNNING" | "TASK_LOST" | "TASK_UNREACHABLE" => Some(Self::Running),
            "TASK_KILLING" => Some(Self::Killing),
            _ => None,
        }
    }
}

/// What the health checks say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Nothing (yet).
    Unknown,
    /// At least one is passed.
    Alive,
    /// None is passed.
    Dead,
}

/// A task that may get traffic.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Task {
    /// Its id.
    pub id: TaskId,
    /// The host name or address of its agent.
    pub host: String,
    /// The id of its agent.
    pub agent: Option<String>,
    /// The host ports it was given, in the order of the app's ports.
    pub ports: Vec<u16>,
    /// The addresses of its own.
    pub addresses: Vec<IpAddr>,
    /// Where it is in its life.
    pub state: TaskState,
    /// When it started, as Marathon writes it: texts of one length that sort by time.
    pub started: Option<String>,
    /// What its health checks say.
    pub verdict: Verdict,
}
