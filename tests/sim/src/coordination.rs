//! Who leads, and the log of the leaders: a model of what ZooKeeper gives. The election is decided by the world itself;
//! a log entry is written only by who leads.

use crate::{disk::Disk, hosts::MasterIndex};
use proto_types::{ClusterId, Epoch, registry::RegistryChange};

/// Who leads, and the log.
#[derive(Debug)]
pub struct Coordination {
    /// The cluster, drawn once.
    pub cluster: ClusterId,
    /// The newest epoch. Only its leader can write.
    pub epoch: Epoch,
    /// Who was elected last, while it is not known to be gone.
    pub leader: Option<MasterIndex>,
    /// Who led before and does not know yet that it no longer does.
    pub former: Option<MasterIndex>,
    /// The registry's log.
    pub log: Disk<RegistryChange>,
}

impl Coordination {
    /// A new cluster.
    #[must_use]
    pub fn new(cluster: ClusterId) -> Self {
        Self { cluster, epoch: Epoch(0), leader: None, former: None, log: Disk::default() }
    }
}
