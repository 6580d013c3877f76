//! Who there is in a world: processes on machines, by number.

use std::fmt;

/// A master process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MasterIndex(pub u32);

/// An agent's machine, with the agent process, its executors and their tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AgentIndex(pub u32);

/// A scheduler process. A scheduler that takes over is another process of the same framework.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SchedulerIndex(pub u32);

/// A framework as planned, whatever id the master gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameworkIndex(pub u32);

/// Who can be at an end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// A master.
    Master(MasterIndex),
    /// An agent.
    Agent(AgentIndex),
    /// A scheduler.
    Scheduler(SchedulerIndex),
    /// ZooKeeper, whichever of its servers.
    ZooKeeper,
}

/// How often a process was started: what was meant for an earlier start reaches nobody.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Life(pub u32);

impl fmt::Display for MasterIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m{}", self.0 + 1)
    }
}

impl fmt::Display for AgentIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a{}", self.0 + 1)
    }
}

impl fmt::Display for SchedulerIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s{}", self.0 + 1)
    }
}

impl fmt::Display for FrameworkIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "f{}", self.0 + 1)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Master(index) => index.fmt(f),
            Self::Agent(index) => index.fmt(f),
            Self::Scheduler(index) => index.fmt(f),
            Self::ZooKeeper => f.write_str("zookeeper"),
        }
    }
}
