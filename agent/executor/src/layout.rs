//! Where things lie in an agent's work directory. The agent and its executors of any version agree on this.
//!
//! ```text
//! lock                                  held by the agent that runs
//! origin                                tells the directory from copies of it
//! agent.sock                            where executors connect (or a short link to it elsewhere)
//! journal/                              the agent's journal
//! sandboxes/FRAMEWORK/TASK/             a task's files: what people list and read
//! executors/FRAMEWORK/EXECUTOR/         a custom executor's own sandbox
//! run/FRAMEWORK/EXECUTOR/               an executor's process, output, and handles of its tasks: not for people;
//!     draft-N, previous                 a custom executor's next sandbox while it is made, and its last one
//! removed/                              what is just being removed
//! cache/                                fetched files that are kept
//! ```

use proto_types::{ExecutorId, FrameworkId, TaskId};
use std::path::{Path, PathBuf};

/// An agent's work directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// The work directory at this absolute path.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The directory itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Held by the agent that runs.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    /// Tells the directory from copies of it.
    #[must_use]
    pub fn origin(&self) -> PathBuf {
        self.root.join("origin")
    }

    /// The socket for executors, if its path is short enough for a socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.root.join("agent.sock")
    }

    /// The agent's journal.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.root.join("journal")
    }

    /// All sandboxes of tasks.
    #[must_use]
    pub fn sandboxes(&self) -> PathBuf {
        self.root.join("sandboxes")
    }

    /// The sandbox of a task.
    #[must_use]
    pub fn sandbox(&self, framework: &FrameworkId, task: &TaskId) -> PathBuf {
        self.sandboxes().join(framework.as_str()).join(task.as_str())
    }

    /// All sandboxes of custom executors.
    #[must_use]
    pub fn executor_sandboxes(&self) -> PathBuf {
        self.root.join("executors")
    }

    /// The sandbox of a custom executor.
    #[must_use]
    pub fn executor_sandbox(&self, framework: &FrameworkId, executor: &ExecutorId) -> PathBuf {
        self.executor_sandboxes().join(framework.as_str()).join(executor.as_str())
    }

    /// All directories of executors.
    #[must_use]
    pub fn runs(&self) -> PathBuf {
        self.root.join("run")
    }

    /// The directory of an executor: its process, its output and the handles of its tasks.
    #[must_use]
    pub fn run(&self, framework: &FrameworkId, executor: &ExecutorId) -> PathBuf {
        self.runs().join(framework.as_str()).join(executor.as_str())
    }

    /// Fetched files that are kept for the next task.
    #[must_use]
    pub fn cache(&self) -> PathBuf {
        self.root.join("cache")
    }
}
