//! Who leads, and what the leader writes down.
//!
//! A [`Store`] is a place where one leader at a time writes. Whoever wants to lead begins a [`Term`] there, which waits
//! for its turn, reads everything that was ever written, and writes the first entry of a new epoch; only then it counts.
//! From there on each batch of changes is one durable append. An append that failed, or of which nobody knows whether
//! it was done, ends the term: what is in memory is dropped and read again, never repaired.
//!
//! **Architecture invariant:** the log decides what is true; nothing that was not read from it, or whose append was not
//! answered, is shown to anybody.

mod address;
pub mod embedded;
pub mod entry;
mod error;
mod growth;
mod masters;
pub mod objects;
mod record;
pub mod replay;
pub mod succession;
mod tenure;
pub mod zookeeper;

pub use address::{Address, InvalidAddress};
pub use coordination_core::Leader;
pub use embedded::Embedded;
pub use entry::{FORMAT, MINIMUM_READER};
pub use error::{Damage, Error, Fate};
pub use masters::{InvalidMasters, Masters};
pub use objects::{ObjectChange, Objects};
pub use record::Record;
pub use tenure::Tenure;
pub use zookeeper::{Detector, Node, NodeError, Sighting, ZooKeeper};

use proto_types::{ClusterId, Epoch, registry::RegistryChange};
use std::pin::Pin;
use tokio::sync::watch;

/// Something that will be done.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A place where one leader at a time writes.
///
/// `R` is what its log keeps.
pub trait Store<R: Record = RegistryChange>: Send + Sync {
    /// Begins a term: waits for its turn, reads all, and writes the first entry of a new epoch.
    /// Dropping the future leaves the line.
    fn begin(&self, candidate: Candidate) -> Pending<'_, Result<Term<R>, Error>>;

    /// Who leads, for those who do not; none where nobody else can.
    fn leader(&self) -> Option<watch::Receiver<Sighting>>;
}

/// Whoever wants to lead.
#[derive(Debug, Clone, Default)]
pub struct Candidate {
    /// Where it can be reached, for its standbys and clients.
    pub address: String,
    /// The cluster that the log must be of; none: whichever it is of, and a new one where there is no log yet.
    pub cluster: Option<ClusterId>,
    /// Begin a log of that cluster in the place of one that was lost, with epochs above this one. There must be none.
    pub adopts_above: Option<Epoch>,
}

/// What a leader begins with.
pub struct Term<R: Record = RegistryChange> {
    /// The cluster that the log is of, drawn at random when it was begun.
    pub cluster: ClusterId,
    /// The epoch of this term, higher than all before.
    pub epoch: Epoch,
    /// The changes that rebuild what was written before, in order.
    pub changes: Vec<R>,
    /// Where this term's changes go.
    pub log: Box<dyn Log<R>>,
    /// Says when the term ends although nothing is written.
    pub tenure: Tenure,
}

/// A leader's log. Dropping it ends the term too, a little later.
pub trait Log<R: Record = RegistryChange>: Send {
    /// Appends changes, all as one; they are durable when this answers. One append at a time.
    ///
    /// # Errors
    /// What became of the changes. The term has ended then, and every later call says so.
    fn append(&mut self, changes: Vec<R>) -> Pending<'_, Result<(), Fate>>;

    /// Replaces everything so far by the changes that rebuild it.
    ///
    /// # Errors
    /// As for [`Log::append`].
    fn compact(&mut self, snapshot: Vec<R>) -> Pending<'_, Result<(), Fate>>;

    /// Whether so much was appended since the last snapshot that another is worth its cost.
    fn wants_compaction(&self) -> bool;

    /// Ends the term. When this answers, another may begin.
    fn close(self: Box<Self>) -> Pending<'static, ()>;
}
