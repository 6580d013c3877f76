//! The launcher's file: what was started and how it ended, for an executor or a launcher that comes after.

use super::{Frames, RECORDS};
use proffer_proto::storage::v1::{
    Header, LauncherBegun, LauncherRecord, ProcessExited, ProcessFailed, ProcessStarted, launcher_record::Record,
};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    os::unix::fs::FileExt,
    path::Path,
};

/// The version of the file's format.
const FORMAT: u32 = 1;

/// Bytes after which the file is written anew with what still matters, if that is little.
const BYTES_MAX: u64 = 4 * 1024 * 1024;

/// What is known of a task: its last record that matters.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Recorded {
    Started(ProcessStarted),
    Failed(ProcessFailed),
    Exited(ProcessExited),
}

impl Recorded {
    fn record(&self) -> LauncherRecord {
        let record = match self.clone() {
            Self::Started(started) => Record::Started(started),
            Self::Failed(failed) => Record::Failed(failed),
            Self::Exited(exited) => Record::Exited(exited),
        };
        LauncherRecord { record: Some(record) }
    }
}

/// What a launcher wrote.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Contents {
    /// The directory of its cgroups; empty: it had none.
    pub(crate) cgroup: String,
    /// Those of launchers before it that may still be there.
    pub(crate) earlier_cgroups: Vec<String>,
    /// Its tasks that are not done with.
    pub(crate) tasks: BTreeMap<String, Recorded>,
}

/// The file, open for writing.
#[derive(Debug)]
pub(super) struct Records {
    file: File,
    length: u64,
    /// The length at which it is written anew.
    limit: u64,
    /// What could not be written yet.
    behind: Vec<u8>,
    live: Contents,
}

impl Records {
    /// A new file, with what an earlier launcher left.
    pub(super) fn create(live: Contents) -> io::Result<Self> {
        let (file, length) = write_anew(&live)?;
        Ok(Self { file, length, limit: limit_for(length), behind: Vec::new(), live })
    }

    /// The records of all tasks that are not done with.
    pub(super) fn live(&self) -> impl Iterator<Item = LauncherRecord> {
        self.live.tasks.values().map(Recorded::record)
    }

    /// Whether there is something that could not be written yet.
    pub(super) fn is_behind(&self) -> bool {
        !self.behind.is_empty()
    }

    /// Writes records after what could not be written before. What cannot be written now is kept for the next time.
    pub(super) fn put(&mut self, records: &[LauncherRecord]) -> io::Result<()> {
        for record in records {
            Frames::write(record, &mut self.behind);
            self.live.note(record.record.clone());
        }
        if let Err(error) = self.file.write_all_at(&self.behind, self.length) {
            // Half a record would make the next ones unreadable.
            let _ = self.file.set_len(self.length);
            return Err(error);
        }
        self.length += self.behind.len() as u64;
        self.behind.clear();
        if self.length > self.limit
            && let Ok((file, length)) = write_anew(&self.live)
        {
            (self.file, self.length, self.limit) = (file, length, limit_for(length));
        }
        Ok(())
    }
}

impl Contents {
    /// The directories of the cgroups of all launchers so far.
    pub(super) fn cgroups(&self) -> Vec<String> {
        let all = self.earlier_cgroups.iter().chain([&self.cgroup]);
        all.filter(|cgroup| !cgroup.is_empty()).cloned().collect()
    }

    fn note(&mut self, record: Option<Record>) {
        match record {
            Some(Record::Forgotten(forgotten)) => drop(self.tasks.remove(&forgotten.task_id)),
            Some(Record::Started(started)) => self.keep(started.task_id.clone(), Recorded::Started(started)),
            Some(Record::Failed(failed)) => self.keep(failed.task_id.clone(), Recorded::Failed(failed)),
            Some(Record::Exited(exited)) => self.keep(exited.task_id.clone(), Recorded::Exited(exited)),
            Some(Record::Begun(_)) | None => {}
        }
    }

    fn keep(&mut self, task: String, recorded: Recorded) {
        self.tasks.insert(task, recorded);
    }
}

fn limit_for(length: u64) -> u64 {
    BYTES_MAX.max(2 * length)
}

/// Puts a new file in the place of the old one, whole at once.
fn write_anew(live: &Contents) -> io::Result<(File, u64)> {
    let mut bytes = Vec::new();
    Frames::write(&begun(live), &mut bytes);
    live.tasks.values().for_each(|recorded| Frames::write(&recorded.record(), &mut bytes));
    let temporary = format!("{RECORDS}.new");
    let file = File::create(&temporary)?;
    file.write_all_at(&bytes, 0)?;
    fs::rename(temporary, RECORDS)?;
    Ok((file, bytes.len() as u64))
}

fn begun(live: &Contents) -> LauncherRecord {
    let header = Header { cluster_id: String::new(), format: FORMAT, minimum_reader: FORMAT };
    let (cgroup, earlier_cgroups) = (live.cgroup.clone(), live.earlier_cgroups.clone());
    let begun = LauncherBegun { header: Some(header), boot_id: boot_id(), cgroup, earlier_cgroups };
    LauncherRecord { record: Some(Record::Begun(begun)) }
}

/// The machine's boot id.
fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// What a launcher wrote in this directory. A torn end is as if it had not been written; what is of another boot, or of a
/// format that we cannot read, is nothing.
pub(crate) fn read(directory: &Path) -> Contents {
    decode(&fs::read(directory.join(RECORDS)).unwrap_or_default())
}

fn decode(bytes: &[u8]) -> Contents {
    let mut contents = Contents::default();
    let mut frames = Frames::default();
    frames.push(bytes);
    let mut begun = false;
    while let Ok(Some(LauncherRecord { record })) = frames.next() {
        if let Some(Record::Begun(begin)) = record {
            begun = begin.header.is_some_and(|header| header.minimum_reader <= FORMAT) && begin.boot_id == boot_id();
            (contents.cgroup, contents.earlier_cgroups) = (begin.cgroup, begin.earlier_cgroups);
        } else if begun {
            contents.note(record);
        }
    }
    if begun { contents } else { Contents::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(records: &[LauncherRecord]) -> Vec<u8> {
        let mut bytes = Vec::new();
        records.iter().for_each(|record| Frames::write(record, &mut bytes));
        bytes
    }

    fn home(cgroup: &str) -> Contents {
        Contents { cgroup: cgroup.to_owned(), ..Contents::default() }
    }

    fn started(task: &str, pid: i32) -> LauncherRecord {
        let started = ProcessStarted { task_id: task.to_owned(), pid, start_ticks: 1 };
        LauncherRecord { record: Some(Record::Started(started)) }
    }

    fn exited(task: &str) -> LauncherRecord {
        let exited = ProcessExited { task_id: task.to_owned(), code: Some(3), ..ProcessExited::default() };
        LauncherRecord { record: Some(Record::Exited(exited)) }
    }

    #[test]
    fn the_last_word_on_each_task_counts() {
        let contents = decode(&bytes(&[begun(&home("home")), started("a", 1), started("b", 2), exited("a")]));
        assert_eq!(contents.cgroup, "home");
        assert!(matches!(contents.tasks["a"], Recorded::Exited(ProcessExited { code: Some(3), .. })));
        assert!(matches!(contents.tasks["b"], Recorded::Started(ProcessStarted { pid: 2, .. })));
    }

    #[test]
    fn a_torn_end_is_left_out_and_nothing_before_it() {
        let whole = bytes(&[begun(&home("")), started("a", 1)]);
        let mut torn = whole.clone();
        torn.extend_from_slice(&bytes(&[exited("a")])[..5]);
        assert_eq!(decode(&torn), decode(&whole));
        assert_eq!(decode(&whole).tasks.len(), 1);
    }

    #[test]
    fn what_is_of_another_boot_or_a_later_format_is_nothing() {
        let change = |change: fn(&mut LauncherBegun)| {
            let mut first = begun(&home(""));
            if let Some(Record::Begun(begun)) = &mut first.record {
                change(begun);
            }
            decode(&bytes(&[first, started("a", 1)]))
        };
        assert_eq!(change(|begun| "other".clone_into(&mut begun.boot_id)), Contents::default());
        assert_eq!(change(|begun| begun.header.as_mut().unwrap().minimum_reader = FORMAT + 1), Contents::default());
        assert_eq!(change(|begun| begun.header = None), Contents::default());
        assert_eq!(change(|_| ()).tasks.len(), 1);
    }

    #[test]
    fn damage_is_no_panic() {
        let whole = bytes(&[begun(&home("home")), started("a", 1), exited("a"), started("b", 2)]);
        for index in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[index] ^= 0xff;
            let _ = decode(&damaged);
        }
    }
}
