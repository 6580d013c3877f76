//! Entries: what one of them looks like, whatever keeps it.
//!
//! An entry is a CRC-32 of its encoding, then its encoding. The checksum is ours because storage that checks itself
//! checks rarely, and some of it not at all.

use crate::{Damage, Record};
use coordination_core::Sealed;
use proffer_proto::storage::v1::{EpochBegun, Header, LogEntry, SnapshotPiece, log_entry::Content};
use prost::Message;
use proto_types::{ClusterId, Epoch};
use std::time::{SystemTime, UNIX_EPOCH};
use uuid::Uuid;

/// The format that this version writes, and the highest it reads.
pub const FORMAT: u32 = 1;
/// The lowest format whose readers can read what this version writes.
pub const MINIMUM_READER: u32 = 1;

/// How much an entry holds at most, so that with everything around it it stays below the 1 MiB that fits everywhere.
/// A change of the registry is never cut; what comes from outside is bounded well below this where it comes in.
pub const CONTENT_BYTES_MAX: usize = 768 * 1024;

const CHECKSUM_BYTES: usize = 4;

/// Whoever writes entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// The cluster that the log is of.
    pub cluster: ClusterId,
    /// The writer's epoch.
    pub epoch: Epoch,
}

/// What tells an entry from every other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Drawn at random for each attempt to write.
    pub nonce: u64,
    /// When it is written, in milliseconds since 1970; for people.
    pub written_ms: u64,
}

impl Stamp {
    /// One for an entry that is written now.
    #[must_use]
    pub fn draw() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let written_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        Self { nonce: Uuid::new_v4().as_u64_pair().0, written_ms }
    }
}

impl Author {
    /// A new entry.
    #[must_use]
    pub fn seal(&self, content: Content, stamp: Stamp) -> Sealed {
        let header = Header { cluster_id: self.cluster.to_string(), format: FORMAT, minimum_reader: MINIMUM_READER };
        let Stamp { nonce, written_ms } = stamp;
        let entry = LogEntry { header: Some(header), epoch: self.epoch.0, nonce, written_ms, content: Some(content) };
        Sealed { author: coordination_core::Author { epoch: self.epoch, nonce }, bytes: seal(&entry) }
    }
}

/// Who wrote an entry; none: it is damaged, or of a version that this one cannot read.
#[must_use]
pub fn author(bytes: &[u8]) -> Option<coordination_core::Author> {
    let entry = open(0, bytes).ok()?;
    Some(coordination_core::Author { epoch: Epoch(entry.epoch), nonce: entry.nonce })
}

pub(crate) fn seal(entry: &LogEntry) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(CHECKSUM_BYTES + entry.encoded_len());
    bytes.extend_from_slice(&[0; CHECKSUM_BYTES]);
    // A vector grows as it must, so there is no room that could be too little.
    entry.encode_raw(&mut bytes);
    let checksum = crc32fast::hash(&bytes[CHECKSUM_BYTES..]);
    bytes[..CHECKSUM_BYTES].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

/// Reads entry number `index`.
pub(crate) fn open(index: u64, bytes: &[u8]) -> Result<LogEntry, Damage> {
    let (checksum, encoding) = bytes.split_first_chunk::<CHECKSUM_BYTES>().ok_or(Damage::Checksum(index))?;
    if crc32fast::hash(encoding) != u32::from_le_bytes(*checksum) {
        return Err(Damage::Checksum(index));
    }
    let entry = LogEntry::decode(encoding).map_err(|error| Damage::Decode(index, error))?;
    let header = entry.header.clone().unwrap_or_default();
    if header.minimum_reader > FORMAT {
        let (format, needed) = (header.format, header.minimum_reader);
        return Err(Damage::TooNew { entry: index, format, needed, here: FORMAT });
    }
    Ok(entry)
}

/// The id of a cluster that begins.
pub(crate) fn new_cluster() -> ClusterId {
    ClusterId::new(Uuid::new_v4().to_string()).expect("a UUID is short and of digits and dashes")
}

/// The first entry of an epoch, by the leader that can be reached at this address.
#[must_use]
pub const fn beginning(address: String) -> Content {
    Content::EpochBegun(EpochBegun { address })
}

/// Changes as entries of about `bytes_max` bytes at most, which is [`CONTENT_BYTES_MAX`] but where entries are wanted
/// smaller; all but the last say that the batch goes on.
#[must_use]
pub fn batches<R: Record>(changes: &[R], bytes_max: usize) -> Vec<Content> {
    let mut batches = Vec::new();
    let (mut batch, mut bytes) = (Vec::new(), 0);
    for change in changes.iter().flat_map(|change| change.store(bytes_max)) {
        let length = change.encoded_len();
        if bytes + length > bytes_max && !batch.is_empty() {
            batches.push(R::content(std::mem::take(&mut batch), true));
            bytes = 0;
        }
        bytes += length;
        batch.push(change);
    }
    if !batch.is_empty() {
        batches.push(R::content(batch, false));
    }
    batches
}

/// A snapshot as entries of about `bytes_max` bytes at most, as for [`batches`]; at least one.
#[must_use]
pub fn pieces<R: Record>(snapshot: &[R], bytes_max: usize) -> Vec<Content> {
    // The pieces are cut from the whole, so no change has to be.
    let bytes = R::snapshot(snapshot.iter().flat_map(|change| change.store(usize::MAX)).collect());
    let chunks: Vec<&[u8]> = if bytes.is_empty() { vec![&[]] } else { bytes.chunks(bytes_max).collect() };
    let count = u32::try_from(chunks.len()).unwrap_or(u32::MAX);
    let piece = |(index, bytes): (u32, &[u8])| Content::Snapshot(SnapshotPiece { index, count, bytes: bytes.to_vec() });
    (0..count).zip(chunks).map(piece).collect()
}
