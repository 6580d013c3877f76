//! A registry whose writes wait, or fail, at the test's word.

use coordination::{Candidate, Embedded, Error, Fate, Log, Pending, Sighting, Store, Term};
use proto_types::registry::RegistryChange;
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::sync::{RwLock, watch};

/// What the test says to the registry.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    /// Whoever holds it for writing keeps writes from being done.
    pub(crate) shut: RwLock<()>,
    /// The next write fails.
    pub(crate) broken: AtomicBool,
    /// No term can begin.
    pub(crate) lost: AtomicBool,
}

/// An embedded registry behind a gate.
pub(crate) struct Gated {
    store: Embedded,
    gate: Arc<Gate>,
}

struct GatedLog {
    log: Box<dyn Log>,
    gate: Arc<Gate>,
}

impl Gated {
    pub(crate) fn new(directory: &Path, gate: &Arc<Gate>) -> Self {
        Self { store: Embedded::new(directory), gate: Arc::clone(gate) }
    }
}

impl Store for Gated {
    fn begin(&self, candidate: Candidate) -> Pending<'_, Result<Term, Error>> {
        Box::pin(async {
            if self.gate.lost.load(Ordering::SeqCst) {
                return Err(Error::Stopped);
            }
            let term = self.store.begin(candidate).await?;
            let log = GatedLog { log: term.log, gate: Arc::clone(&self.gate) };
            Ok(Term { log: Box::new(log), ..term })
        })
    }

    fn leader(&self) -> Option<watch::Receiver<Sighting>> {
        None
    }
}

impl Log for GatedLog {
    fn append(&mut self, changes: Vec<RegistryChange>) -> Pending<'_, Result<(), Fate>> {
        Box::pin(async {
            let _open = self.gate.shut.read().await;
            if self.gate.broken.swap(false, Ordering::SeqCst) {
                return Err(Fate::Unwritten("the disk is full".into()));
            }
            self.log.append(changes).await
        })
    }

    fn compact(&mut self, snapshot: Vec<RegistryChange>) -> Pending<'_, Result<(), Fate>> {
        self.log.compact(snapshot)
    }

    fn wants_compaction(&self) -> bool {
        self.log.wants_compaction()
    }

    fn close(self: Box<Self>) -> Pending<'static, ()> {
        self.log.close()
    }
}
