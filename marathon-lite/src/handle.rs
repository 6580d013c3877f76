//! Who leads, for everybody who answers.

use crate::term::Term;
use arc_swap::ArcSwapOption;
use coordination::Sighting;
use std::sync::Arc;
use tokio::sync::watch;

/// Who leads.
pub(crate) struct Handle {
    address: String,
    /// Who leads if others may.
    elected: Option<watch::Receiver<Sighting>>,
    term: ArcSwapOption<Term>,
}

impl Handle {
    /// Nobody leads yet.
    pub(crate) fn new(address: String, elected: Option<watch::Receiver<Sighting>>) -> Self {
        Self { address, elected, term: ArcSwapOption::empty() }
    }

    /// How others reach this instance, `host:port`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The term of this instance; none: it does not lead.
    pub(crate) fn term(&self) -> Option<Arc<Term>> {
        self.term.load_full()
    }

    /// Where another instance leads, as far as is known.
    pub(crate) fn other_leader(&self) -> Option<String> {
        let leader = self.elected.as_ref()?.borrow().leader.as_ref()?.address.clone();
        (leader != self.address).then_some(leader)
    }

    /// This instance leads from now on.
    pub(crate) fn lead(&self, term: Arc<Term>) {
        self.term.store(Some(term));
    }

    /// This instance leads no more. Streams of the term end.
    pub(crate) fn step_down(&self) {
        if let Some(term) = self.term.swap(None) {
            term.end();
        }
    }
}
