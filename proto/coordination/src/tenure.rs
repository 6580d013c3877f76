//! How long a leader leads.

use crate::Fate;
use tokio::sync::oneshot;

/// Says when a term ends by itself: another leads, or may.
#[derive(Debug)]
pub struct Tenure(Option<oneshot::Receiver<Fate>>);

impl Tenure {
    /// Nobody else can lead.
    #[must_use]
    pub const fn unlimited() -> Self {
        Self(None)
    }

    /// Until this says so.
    pub(crate) const fn until(ended: oneshot::Receiver<Fate>) -> Self {
        Self(Some(ended))
    }

    /// Waits for the end of the term.
    pub async fn ended(&mut self) -> Fate {
        match &mut self.0 {
            None => std::future::pending().await,
            Some(ended) => ended.await.unwrap_or(Fate::Ended),
        }
    }
}
