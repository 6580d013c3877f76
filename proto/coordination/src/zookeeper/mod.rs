//! Leading and following through ZooKeeper: the shell around `coordination_core`.
//!
//! One client object serves one candidacy and is dropped for good with it: the library opens a new session on the same
//! object without a word. Each client has a runtime of its own, so that whatever it waits for ends with it.

pub mod bid;
mod campaign;
mod client;
mod detector;
mod log;
mod node;
mod store;

pub use detector::{Detector, Sighting};
pub use node::{Node, NodeError};
pub use store::ZooKeeper;

use crate::{
    Leader,
    entry::{FORMAT, MINIMUM_READER},
};
use proffer_proto::storage::v1::{Header, LeaderAnnouncement};
use prost::Message;
use proto_types::{ClusterId, Epoch, time::Monotonic};
use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

/// The session timeout if nobody says otherwise. Mesos's.
pub const SESSION_TIMEOUT: Duration = Duration::from_secs(10);

/// How often the machines look at their clocks.
const TICK: Duration = Duration::from_millis(100);

/// A clock for the machines.
pub(crate) fn now() -> Monotonic {
    static START: OnceLock<Instant> = OnceLock::new();
    Monotonic(START.get_or_init(Instant::now).elapsed())
}

/// What a leader shows of itself to those who look for it.
#[must_use]
pub fn announcement(cluster: &ClusterId, epoch: Epoch, address: &str) -> Vec<u8> {
    let header = Header { cluster_id: cluster.to_string(), format: FORMAT, minimum_reader: MINIMUM_READER };
    LeaderAnnouncement { header: Some(header), address: address.to_owned(), epoch: epoch.0 }.encode_to_vec()
}

/// Who leads by what it shows; none: this version cannot read it.
#[must_use]
pub fn leader(bytes: &[u8]) -> Option<Leader> {
    let announced = LeaderAnnouncement::decode(bytes).ok()?;
    let readable = announced.header?.minimum_reader <= FORMAT && !announced.address.is_empty();
    readable.then_some(Leader { address: announced.address, epoch: Epoch(announced.epoch) })
}
