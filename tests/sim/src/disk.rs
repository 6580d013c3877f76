//! A file that is only appended to. What was written is safe after a while; a crash before that may lose it.

use crate::chance::Chance;

/// A log on a simulated disk.
#[derive(Debug)]
pub struct Disk<T> {
    entries: Vec<T>,
    safe: usize,
    /// Whether a flush is under way, up to where.
    flushing: Option<usize>,
}

impl<T> Default for Disk<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), safe: 0, flushing: None }
    }
}

impl<T> Disk<T> {
    /// Writes an entry. Says whether a flush must be started.
    pub fn append(&mut self, entry: T) -> bool {
        self.entries.push(entry);
        self.flushing.is_none()
    }

    /// Begins to make safe what was written so far.
    pub fn begin_flush(&mut self) {
        self.flushing = Some(self.entries.len());
    }

    /// The flush is done. Says whether there is more to flush.
    pub fn end_flush(&mut self) -> bool {
        self.safe = self.flushing.take().unwrap_or(self.safe);
        self.safe < self.entries.len()
    }

    /// How many entries a crash cannot lose.
    #[must_use]
    pub fn safe(&self) -> usize {
        self.safe
    }

    /// All entries as the process that wrote them sees them.
    #[must_use]
    pub fn entries(&self) -> &[T] {
        &self.entries
    }

    /// The writer is gone, and with it some, all or none of what was not safe: a prefix of it survives.
    pub fn crash(&mut self, chance: &mut Chance) {
        let unsafe_entries = self.entries.len() - self.safe;
        let survive = chance.below(unsafe_entries as u64 + 1) as usize;
        self.entries.truncate(self.safe + survive);
        self.settle();
    }

    /// The machine lost its memory: only this many entries had reached the disk.
    pub fn lose_after(&mut self, count: usize) {
        self.entries.truncate(count);
        self.settle();
    }

    /// Replaces everything by what amounts to the same.
    pub fn compact(&mut self, entries: Vec<T>) {
        self.entries = entries;
        self.settle();
    }

    /// What is there now is what a reader finds, for good.
    pub fn settle(&mut self) {
        self.safe = self.entries.len();
        self.flushing = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_loses_only_what_was_not_safe() {
        for seed in 0..50 {
            let mut chance = Chance::new(seed, "disk");
            let mut disk = Disk::default();
            assert!(disk.append(1));
            disk.begin_flush();
            assert!(!disk.append(2));
            assert!(disk.end_flush());
            disk.append(3);
            assert_eq!(disk.safe(), 1);
            disk.crash(&mut chance);
            assert!([&[1][..], &[1, 2], &[1, 2, 3]].contains(&disk.entries()));
        }
    }
}
