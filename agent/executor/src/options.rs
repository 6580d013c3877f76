//! What an agent tells the executor that it starts, in its environment.

use crate::{
    isolation::{self, Choice, ISOLATION},
    layout::Layout,
};
use executor_core::Identity;
use proto_types::{ExecutorId, FrameworkId, ids::InvalidId};
use std::path::{Path, PathBuf};

/// The environment variable by which an agent tells its executors where the Docker engine listens.
pub const DOCKER_SOCKET: &str = "PROFFER_DOCKER_SOCKET";

/// What an executor is told.
#[derive(Debug, Clone)]
pub struct Options {
    /// Who it is.
    pub identity: Identity,
    /// Where the agent listens.
    pub socket: PathBuf,
    /// The executor's own directory.
    pub directory: PathBuf,
    /// What keeps its process tasks apart.
    pub isolation: Choice,
    /// Where the Docker engine listens; none: where it usually does.
    pub docker_socket: Option<PathBuf>,
    /// Where fetched files are kept.
    pub cache: PathBuf,
}

/// Why an executor cannot work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It was not started by an agent.
    #[error("{0} is not in the environment; agents start executors, people do not")]
    Missing(&'static str),
    /// An id is none.
    #[error("{name}: {source}")]
    Id {
        /// Which variable.
        name: &'static str,
        /// What is wrong with it.
        source: InvalidId,
    },
    /// The isolation is none.
    #[error(transparent)]
    Isolation(#[from] isolation::Error),
    /// Its directory cannot be used.
    #[error("cannot work in {}", path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl Options {
    /// What the environment says.
    ///
    /// # Errors
    /// What is missing or wrong.
    pub fn from_environment() -> Result<Self, Error> {
        let text = |name| std::env::var(name).map_err(|_| Error::Missing(name));
        let framework = text("PROFFER_FRAMEWORK_ID")?;
        let executor = text("PROFFER_EXECUTOR_ID")?;
        let wrong = |name| move |source| Error::Id { name, source };
        let identity = Identity {
            framework: FrameworkId::new(framework).map_err(wrong("PROFFER_FRAMEWORK_ID"))?,
            executor: ExecutorId::new(executor).map_err(wrong("PROFFER_EXECUTOR_ID"))?,
            token: text("PROFFER_EXECUTOR_TOKEN")?,
            pid: std::process::id(),
        };
        let directory = PathBuf::from(text("PROFFER_SANDBOX")?);
        let isolation = std::env::var(ISOLATION).ok().map(|choice| choice.parse()).transpose()?.unwrap_or_default();
        Ok(Self {
            identity,
            socket: PathBuf::from(text("PROFFER_AGENT_SOCKET")?),
            isolation,
            docker_socket: std::env::var_os(DOCKER_SOCKET).map(PathBuf::from),
            cache: layout(&directory).cache(),
            directory,
        })
    }

    /// The agent's work directory.
    #[must_use]
    pub fn layout(&self) -> Layout {
        layout(&self.directory)
    }
}

/// The work directory in which a run directory lies at run/FRAMEWORK/EXECUTOR.
fn layout(run: &Path) -> Layout {
    Layout::new(run.ancestors().nth(3).unwrap_or(run))
}
