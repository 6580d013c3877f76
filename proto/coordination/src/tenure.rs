//! How long a leader leads.

use crate::{Fate, zookeeper};
use proto_types::time::Monotonic;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::oneshot;

/// Says when a term ends by itself: another leads, or may.
#[derive(Debug)]
pub struct Tenure(Option<Limited>);

/// A tenure that another may end.
#[derive(Debug)]
struct Limited {
    ended: oneshot::Receiver<Fate>,
    lease: SharedLease,
}

/// Until when the leader may believe that it leads. Whoever acts as the leader looks at it first: a process that stood
/// still may act before it is told that its term is over.
#[derive(Debug, Clone, Default)]
pub(crate) struct SharedLease(Arc<AtomicU64>);

impl SharedLease {
    /// It holds until then.
    pub(crate) fn extend(&self, until: Monotonic) {
        self.0.store(u64::try_from(until.0.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn holds(&self) -> bool {
        zookeeper::now().0 < Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

impl Tenure {
    /// Nobody else can lead.
    #[must_use]
    pub const fn unlimited() -> Self {
        Self(None)
    }

    /// Until this says so, or the lease is over.
    pub(crate) const fn until(ended: oneshot::Receiver<Fate>, lease: SharedLease) -> Self {
        Self(Some(Limited { ended, lease }))
    }

    /// Whether the leader may act as one now. If not, the term ends within moments.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.0.as_ref().is_none_or(|limited| limited.lease.holds())
    }

    /// Waits for the end of the term.
    pub async fn ended(&mut self) -> Fate {
        match &mut self.0 {
            None => std::future::pending().await,
            Some(limited) => (&mut limited.ended).await.unwrap_or(Fate::Ended),
        }
    }
}
