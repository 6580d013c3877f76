//! Following the masters' election, where ZooKeeper keeps it: with the feature `zookeeper`.

use crate::MasterAddress;
use std::time::Duration;

/// Knows who leads.
#[derive(Debug)]
pub(crate) struct Election {
    #[cfg(feature = "zookeeper")]
    detector: coordination::Detector,
}

#[cfg(feature = "zookeeper")]
impl Election {
    /// The election that an address names; none: it names a master.
    pub(crate) fn of(address: &MasterAddress) -> Option<Self> {
        let address = address.as_str().parse().ok().filter(|_| address.is_elected())?;
        Some(Self { detector: coordination::Detector::new(address) })
    }

    /// Waits until somebody leads, for so long at most; the error says why nobody is known to.
    pub(crate) async fn leader(&self, patience: Duration) -> Result<MasterAddress, String> {
        let leader = self.detector.leader(patience).await?;
        leader.address.parse().map_err(|error: crate::Error| error.to_string())
    }

    /// Waits until another than this one leads.
    pub(crate) async fn other_than(&self, address: &str) -> String {
        self.detector.other_than(address).await.address
    }
}

#[cfg(not(feature = "zookeeper"))]
impl Election {
    /// No address can name an election.
    pub(crate) const fn of(_: &MasterAddress) -> Option<Self> {
        None
    }

    /// There is none.
    #[expect(clippy::unused_async, reason = "it stands for what waits")]
    pub(crate) async fn leader(&self, _: Duration) -> Result<MasterAddress, String> {
        Err("this program was built without the feature zookeeper".to_owned())
    }

    /// Never.
    pub(crate) async fn other_than(&self, _: &str) -> String {
        std::future::pending().await
    }
}
