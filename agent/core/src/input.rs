//! Everything that an agent reacts to.

use proto_types::{Epoch, ExecutorId, FrameworkId, executing::FromExecutor, link::ToAgent};

/// A link to a master: one control stream, numbered by the shell, never used twice, later ones higher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u64);

/// A connection of an executor, numbered by the shell, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// Everything that an agent reacts to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Time has passed. Comes at least every [`crate::config::TICK`].
    Tick,
    /// A link to a master is open; the agent registers on it.
    LinkOpened {
        /// Which.
        link: LinkId,
    },
    /// A link is gone.
    LinkClosed {
        /// Which.
        link: LinkId,
    },
    /// A master said something.
    FromMaster {
        /// On which link.
        link: LinkId,
        /// In which epoch.
        epoch: Epoch,
        /// What.
        message: ToAgent,
    },
    /// An executor said something. Its first message is its subscription.
    FromExecutor {
        /// On which connection.
        connection: ConnectionId,
        /// What.
        message: FromExecutor,
    },
    /// An executor's connection is gone.
    ExecutorClosed {
        /// Which.
        connection: ConnectionId,
    },
    /// The process of an executor ended, could not be started, or is nowhere to be found.
    ExecutorExited {
        /// Whose.
        framework: FrameworkId,
        /// Which.
        executor: ExecutorId,
        /// Which start of it.
        token: String,
        /// How, for people.
        message: String,
    },
    /// End all tasks and executors, and take no more.
    EndAll,
}
