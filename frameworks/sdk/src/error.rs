//! Why a scheduler ended otherwise than by its own wish.

use proto_types::{ids::InvalidRole, scheduling::Refusal};
use std::{io, path::PathBuf};

pub use framework_core::Unanswered;

/// Why a scheduler ended otherwise than by its own wish.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A role is none.
    #[error("roles")]
    Role(#[source] InvalidRole),
    /// The address of a master is none.
    #[error("master {address:?} is not an address such as 127.0.0.1:5050: {message}")]
    Address {
        /// The text.
        address: String,
        /// What is wrong with it.
        message: String,
    },
    /// The address of an election is none.
    #[error("master zk://...: {message}")]
    Election {
        /// What is wrong with it.
        message: String,
    },
    /// The file with the framework's id cannot be used.
    #[error("id file {path}", path = .path.display())]
    IdFile {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file with the framework's id holds something else.
    #[error("id file {path} is none of Proffer's: {message}", path = .path.display())]
    IdFileContent {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// The address of the node for the framework's id is none.
    #[error("id in ZooKeeper: {message}")]
    IdAddress {
        /// What is wrong with it.
        message: String,
    },
    /// The node with the framework's id cannot be used.
    #[cfg(feature = "zookeeper")]
    #[error("id in ZooKeeper")]
    IdNode(#[source] coordination::NodeError),
    /// No master could be reached in the time set for it.
    #[error("no master at {masters}: {message}")]
    Unreachable {
        /// Where it was looked for.
        masters: String,
        /// The last trouble.
        message: String,
    },
    /// A scheduler of a higher incarnation has taken over.
    #[error("superseded: {0}")]
    Superseded(String),
    /// The framework is no more.
    #[error("the framework was removed: {0}")]
    Removed(String),
    /// The subscription was refused for good.
    #[error("the master refused the subscription")]
    Refused(#[source] Refusal),
    /// Nobody confirmed the teardown in time.
    #[error("the teardown was not confirmed: {0}")]
    TeardownUnconfirmed(String),
    /// The driver has stopped.
    #[error("the driver has stopped")]
    Stopped,
}

/// An error with its causes, in one line.
#[derive(Debug)]
pub struct Trouble<'a>(pub &'a dyn std::error::Error);

impl std::fmt::Display for Trouble<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
