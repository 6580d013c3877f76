//! What can go wrong.

use proffer_proto::convert::Invalid;
use proto_types::{ClusterId, Epoch};
use std::{io, path::PathBuf};

/// Why a term could not begin.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody else leads here.
    #[error("another process works in {}; a directory serves one master at a time", .0.display())]
    Busy(PathBuf),
    /// The directory cannot be made or used.
    #[error("cannot use the directory {}", .path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The storage fails.
    #[error("cannot read or write {}", .path.display())]
    Storage {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<redb::Error>,
    },
    /// What is stored cannot be read. Nothing was changed.
    #[error("the log in {} cannot be used", .path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Damage,
    },
    /// The log is of another cluster than it should be. Nothing was changed.
    #[error("the log in {} is of cluster {found}, not of {wanted}", .path.display())]
    WrongCluster {
        /// Which file.
        path: PathBuf,
        /// The log's.
        found: ClusterId,
        /// The one that was expected.
        wanted: ClusterId,
    },
    /// The log is empty, and should not be. Nothing was changed.
    #[error(
        "there is no log in {}, but there was one, of cluster {wanted}; what keeps it was wiped, or the path is wrong",
        .path.display()
    )]
    Emptied {
        /// Where.
        path: PathBuf,
        /// Which cluster it was of.
        wanted: ClusterId,
    },
    /// There is a log where one was to be begun in the place of a lost one. Nothing was changed.
    #[error(
        "there is a log in {} already, of cluster {found}; stop its masters and remove it first, if nothing of it is wanted",
        .path.display()
    )]
    NotEmpty {
        /// Where.
        path: PathBuf,
        /// Which cluster it is of.
        found: ClusterId,
    },
    /// ZooKeeper refuses.
    #[error("ZooKeeper refuses {path}: {why}")]
    Refused {
        /// What was asked for.
        path: String,
        /// Why, and what to do.
        why: String,
    },
    /// This process is ending.
    #[error("stopped before the log was open")]
    Stopped,
}

/// Why a log cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// The file around the entries is corrupt.
    #[error("the file is corrupt: {0}")]
    File(String),
    /// An entry is not what was written.
    #[error("entry {0} is corrupt: its checksum is wrong")]
    Checksum(u64),
    /// An entry has its checksum but does not decode.
    #[error("entry {0} is corrupt: {1}")]
    Decode(u64, prost::DecodeError),
    /// An entry says what this version does not allow.
    #[error("entry {0} is corrupt: {1}")]
    Invalid(u64, Invalid),
    /// A newer version wrote it.
    #[error(
        "entry {entry} is of format {format}, which needs a version that reads format {needed}; this one reads up to \
         {here}. Use the newer version of Proffer that wrote it"
    )]
    TooNew {
        /// Which entry.
        entry: u64,
        /// Its format.
        format: u32,
        /// The format that a reader must know.
        needed: u32,
        /// The one known here.
        here: u32,
    },
    /// Entries of two clusters.
    #[error("entry {entry} is of cluster {found:?}, the ones before are of {expected}")]
    Mixed {
        /// Which entry.
        entry: u64,
        /// Its cluster.
        found: String,
        /// The log's.
        expected: ClusterId,
    },
    /// An entry that does not follow from the one before.
    #[error("entry {entry} does not follow: {why}")]
    Order {
        /// Which entry.
        entry: u64,
        /// What is wrong.
        why: &'static str,
    },
}

/// What became of changes whose append did not succeed. Whichever it is, the term has ended.
#[derive(Debug, thiserror::Error)]
pub enum Fate {
    /// They were certainly not written.
    #[error("the changes were not written")]
    Unwritten(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// They may have been written or not; the next term will know.
    #[error("whether the changes were written is unknown")]
    Unknown(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The leadership is lost; whether changes that were under way were written, the next leader will know.
    #[error("the leadership is lost")]
    Lost(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Another leader has begun a higher epoch; they were not written.
    #[error("a leader of epoch {0} has taken over")]
    Deposed(Epoch),
    /// The term ended before.
    #[error("the term has ended")]
    Ended,
}
