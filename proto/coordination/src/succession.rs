//! From the log of leaders before to the first entry of the next, whatever keeps it.

use crate::{
    Candidate, Damage, Error, Record,
    entry::{Author, beginning},
};
use proffer_proto::storage::v1::log_entry::Content;
use proto_types::{ClusterId, Epoch};
use std::path::PathBuf;

/// Why a candidate must not lead here, however often it tries. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mistake {
    /// The log cannot be read.
    #[error("the log cannot be read")]
    Damaged(#[source] Damage),
    /// The log is of another cluster than it should be.
    #[error("the log is of cluster {found}, not of {wanted}")]
    WrongCluster {
        /// The log's.
        found: ClusterId,
        /// The one that was expected.
        wanted: ClusterId,
    },
    /// The log is empty, and should not be.
    #[error("there is no log, but there was one, of cluster {wanted}")]
    Emptied {
        /// Which cluster it was of.
        wanted: ClusterId,
    },
    /// There is a log, and there should be none yet.
    #[error("there is a log already, of cluster {found}")]
    NotEmpty {
        /// Which cluster it is of.
        found: ClusterId,
    },
}

impl Mistake {
    /// As an error about the log in this place.
    pub(crate) fn at(self, path: PathBuf) -> Error {
        match self {
            Self::Damaged(source) => Error::Damaged { path, source },
            Self::WrongCluster { found, wanted } => Error::WrongCluster { path, found, wanted },
            Self::Emptied { wanted } => Error::Emptied { path, wanted },
            Self::NotEmpty { found } => Error::NotEmpty { path, found },
        }
    }
}

/// The first entry of an epoch: that of a log that takes the place of a lost one says so, and anything read from it
/// afterwards does.
pub(crate) fn first<R: Record>(candidate: &Candidate) -> Content {
    match candidate.adopts_above {
        Some(above) => R::content(R::adopted(above), false),
        None => beginning(candidate.address.clone()),
    }
}

/// Of which cluster a candidate's log is, and in which epoch it leads, after `last` wrote; a log without entries becomes
/// that of the cluster `fresh`.
///
/// # Errors
/// This candidate must not lead there.
pub(crate) fn succeed(last: Option<&Author>, candidate: &Candidate, fresh: ClusterId) -> Result<Author, Mistake> {
    let (cluster, above) = match (last, &candidate.cluster, candidate.adopts_above) {
        (Some(last), _, Some(_)) => return Err(Mistake::NotEmpty { found: last.cluster.clone() }),
        (Some(last), Some(wanted), None) if last.cluster != *wanted => {
            return Err(Mistake::WrongCluster { found: last.cluster.clone(), wanted: wanted.clone() });
        }
        (Some(last), _, None) => (last.cluster.clone(), last.epoch),
        (None, wanted, Some(above)) => (wanted.clone().unwrap_or(fresh), above),
        (None, Some(wanted), None) => return Err(Mistake::Emptied { wanted: wanted.clone() }),
        (None, None, None) => (fresh, Epoch(0)),
    };
    Ok(Author { cluster, epoch: Epoch(above.0 + 1) })
}
