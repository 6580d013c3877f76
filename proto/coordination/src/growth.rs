//! When a snapshot is worth its cost.

/// Below this a log is read in no time.
const BYTES_MIN: u64 = 1024 * 1024;

/// How much a log has grown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Growth {
    /// The bytes of the last snapshot.
    snapshot: u64,
    /// The bytes appended since.
    appended: u64,
}

impl Growth {
    pub(crate) fn append(&mut self, bytes: usize) {
        self.appended += bytes as u64;
    }

    pub(crate) fn compact(&mut self, bytes: usize) {
        *self = Self { snapshot: bytes as u64, appended: 0 };
    }

    /// Once as much was appended as the snapshot is large: writing snapshots then costs as much as appending does.
    pub(crate) fn is_due(&self) -> bool {
        self.appended > self.snapshot.max(BYTES_MIN)
    }
}
