//! Who leads, and the log of the leaders: a model of what ZooKeeper gives. The election is decided by the world itself;
//! a log entry is written only by who leads.

use crate::{disk::Disk, hosts::MasterIndex};
use proto_types::{ClusterId, Epoch, registry::RegistryChange};
use std::collections::BTreeMap;

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
    /// Other storages, by the name of their cluster.
    others: BTreeMap<ClusterId, (Epoch, Disk<RegistryChange>)>,
}

impl Coordination {
    /// A new cluster.
    #[must_use]
    pub fn new(cluster: ClusterId) -> Self {
        Self { cluster, epoch: Epoch(0), leader: None, former: None, log: Disk::default(), others: BTreeMap::new() }
    }

    /// The storage is another one from now on: that of this cluster, which is new if nobody knows it. Nobody may lead.
    pub fn mount(&mut self, cluster: ClusterId) {
        let (epoch, log) = self.others.remove(&cluster).unwrap_or_default();
        let former = std::mem::replace(&mut self.cluster, cluster);
        let before = (std::mem::replace(&mut self.epoch, epoch), std::mem::replace(&mut self.log, log));
        self.others.insert(former, before);
    }
}
