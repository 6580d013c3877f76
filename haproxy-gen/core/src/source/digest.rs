//! Short fingerprints, to see at a glance whether two things are the same.

use sha2::{Digest as _, Sha256};
use std::{
    fmt,
    hash::{Hash, Hasher},
};

/// The fingerprint of a value. It holds for one build of the program: it is compared, not kept for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The fingerprint of anything that can be hashed.
    pub fn of(value: &(impl Hash + ?Sized)) -> Self {
        let mut feed = Feed(Sha256::new());
        value.hash(&mut feed);
        Self(feed.0.finalize().into())
    }

    /// Its first bytes as a number, evenly spread.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.0[..8].iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Lets everything that is hashable be fingerprinted without a second description of its fields.
struct Feed(Sha256);

impl Hasher for Feed {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}
