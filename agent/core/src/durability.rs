//! Which records of the journal outlive the machine.
//!
//! What is written survives the end of the agent's process; what is synced, that of the machine. Executors and tasks
//! die with the machine, so for them it is enough that a record is written. A master and its frameworks live on: what
//! they were told must still be true after a crash of the machine, or a task that was FINISHED would come back FAILED.

use crate::{Fact, LogIndex};

/// How far the records of this run are safe.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Durability {
    /// Records written.
    written: u64,
    /// The last record written that has to outlive the machine.
    wanted: u64,
    /// Records that outlive the machine.
    synced: u64,
    /// Up to which record the sync that is under way makes safe.
    under_way: Option<u64>,
}

impl Durability {
    /// One more record is written.
    pub fn wrote(&mut self, fact: &Fact) {
        self.written += 1;
        if fact.should_be_synced() {
            self.wanted = self.written;
        }
    }

    /// Says whether a sync is to be started now; one at a time, so that those who wait for the next one share it.
    pub fn begin_sync(&mut self) -> bool {
        let begin = self.under_way.is_none() && self.wanted > self.synced;
        if begin {
            self.under_way = Some(self.written);
        }
        begin
    }

    /// The sync that was started is done.
    pub fn end_sync(&mut self) {
        self.synced = self.synced.max(self.under_way.take().unwrap_or_default());
    }

    /// Everything written so far outlives the machine.
    pub fn synced_all(&mut self) {
        self.synced = self.written;
    }

    /// What rests on records up to here may be told to a master: each of them is as safe as it has to be.
    #[must_use]
    pub fn safe(&self) -> LogIndex {
        LogIndex(if self.wanted > self.synced { self.synced } else { self.written })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto_types::{FrameworkId, TaskId, TaskKey};

    fn end() -> Fact {
        Fact::FrameworkShutDown(FrameworkId::new("f").unwrap())
    }

    fn acknowledgement() -> Fact {
        let key = TaskKey { framework: FrameworkId::new("f").unwrap(), task: TaskId::new("t").unwrap() };
        Fact::UpdateAcknowledged { key, sequence: 1 }
    }

    #[test]
    fn records_that_need_no_sync_are_safe_once_written() {
        let mut durability = Durability::default();
        durability.wrote(&acknowledgement());
        assert_eq!(durability.safe(), LogIndex(1));
        assert!(!durability.begin_sync());
    }

    #[test]
    fn records_written_while_a_sync_is_under_way_wait_for_the_next() {
        let mut durability = Durability::default();
        durability.wrote(&acknowledgement());
        durability.wrote(&end());
        assert_eq!(durability.safe(), LogIndex(0));
        assert!(durability.begin_sync());
        durability.wrote(&end());
        durability.wrote(&acknowledgement());
        assert!(!durability.begin_sync(), "one is under way");
        durability.end_sync();
        assert_eq!(durability.safe(), LogIndex(2));
        assert!(durability.begin_sync());
        durability.end_sync();
        assert_eq!(durability.safe(), LogIndex(4));
        assert!(!durability.begin_sync());
    }

    #[test]
    fn a_sync_that_overtakes_one_under_way_counts() {
        let mut durability = Durability::default();
        durability.wrote(&end());
        assert!(durability.begin_sync());
        durability.wrote(&end());
        durability.synced_all();
        durability.end_sync();
        assert_eq!(durability.safe(), LogIndex(2));
    }
}
