//! Where the masters' log is kept, and who leads: in ZooKeeper, or in a directory for one master alone.

use crate::{disk::Disk, hosts::MasterIndex, zookeeper::Ensemble};
use proto_types::{ClusterId, Epoch, registry::RegistryChange};
use std::{collections::BTreeMap, time::Duration};

/// Who leads, and the log.
#[derive(Debug)]
pub struct Coordination {
    /// The cluster that was begun last.
    pub cluster: ClusterId,
    /// How many clusters were begun.
    clusters: u32,
    /// The newest epoch that stands.
    pub epoch: Epoch,
    /// Who leads in it.
    pub leader: Option<MasterIndex>,
    /// ZooKeeper; none: the log is in a directory.
    pub ensemble: Option<Ensemble>,
    /// The registry's log in a directory.
    pub log: Disk<RegistryChange>,
    /// Other directories, by the name of their cluster.
    others: BTreeMap<ClusterId, (Epoch, Disk<RegistryChange>)>,
}

impl Coordination {
    /// A new cluster, of one master or of several that are elected.
    #[must_use]
    pub fn new(masters: u32, session_timeout: Duration) -> Self {
        Self {
            cluster: cluster("sim"),
            clusters: 0,
            epoch: Epoch(0),
            leader: None,
            ensemble: (masters > 1).then(|| Ensemble::new(session_timeout)),
            log: Disk::default(),
            others: BTreeMap::new(),
        }
    }

    /// The id for a cluster that begins; each time another.
    pub(crate) fn fresh_cluster(&mut self) -> ClusterId {
        self.clusters += 1;
        if self.clusters == 1 { cluster("sim") } else { cluster(&format!("sim-{}", self.clusters)) }
    }

    /// The directory is another one from now on: that of this cluster, which is new if nobody knows it. Nobody may lead.
    pub fn mount(&mut self, cluster: ClusterId) {
        let (epoch, log) = self.others.remove(&cluster).unwrap_or_default();
        let former = std::mem::replace(&mut self.cluster, cluster);
        let before = (std::mem::replace(&mut self.epoch, epoch), std::mem::replace(&mut self.log, log));
        self.others.insert(former, before);
    }
}

fn cluster(name: &str) -> ClusterId {
    ClusterId::new(name).unwrap_or_else(|_| unreachable!("a word is an id"))
}
