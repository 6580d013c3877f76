//! The launcher's file: what was started and how it ended, for an executor that comes after.

use super::{Frames, RECORDS};
use proffer_proto::storage::v1::{Header, LauncherBegun, LauncherRecord, launcher_record::Record};
use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::Path,
};

/// The version of the file's format.
const FORMAT: u32 = 1;

/// Bytes after which the file is written anew with what still matters, if that is little.
const BYTES_MAX: u64 = 4 * 1024 * 1024;

/// What is known of a task: its last record that matters.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Recorded {
    Started { pid: i32, start_ticks: u64 },
    Failed { message: String },
    Exited(proffer_proto::storage::v1::ProcessExited),
}

/// The file, open for writing.
#[derive(Debug)]
pub(super) struct Records {
    file: File,
    written: u64,
    /// The records of tasks that are not done with.
    live: BTreeMap<String, Vec<LauncherRecord>>,
}

impl Records {
    /// A new file. What an earlier launcher wrote has been read by then.
    pub(super) fn create() -> io::Result<Self> {
        let mut records = Self { file: fresh()?, written: 0, live: BTreeMap::new() };
        records.put(&[])?;
        Ok(records)
    }

    /// Writes records, all or none as far as a reader can tell.
    pub(super) fn put(&mut self, records: &[LauncherRecord]) -> io::Result<()> {
        let mut bytes = Vec::new();
        if self.written == 0 {
            Frames::write(&begun(), &mut bytes);
        }
        for record in records {
            Frames::write(record, &mut bytes);
            self.note(record);
        }
        self.file.write_all(&bytes)?;
        self.written += bytes.len() as u64;
        if self.written > BYTES_MAX { self.rewrite() } else { Ok(()) }
    }

    fn note(&mut self, record: &LauncherRecord) {
        match &record.record {
            Some(Record::Forgotten(forgotten)) => drop(self.live.remove(&forgotten.task_id)),
            Some(Record::Started(started)) => self.keep(&started.task_id, record),
            Some(Record::Failed(failed)) => self.keep(&failed.task_id, record),
            Some(Record::Exited(exited)) => self.keep(&exited.task_id, record),
            Some(Record::Begun(_)) | None => {}
        }
    }

    fn keep(&mut self, task: &str, record: &LauncherRecord) {
        self.live.entry(task.to_owned()).or_default().push(record.clone());
    }

    fn rewrite(&mut self) -> io::Result<()> {
        let mut bytes = Vec::new();
        Frames::write(&begun(), &mut bytes);
        for record in self.live.values().flatten() {
            Frames::write(record, &mut bytes);
        }
        let mut file = fresh()?;
        file.write_all(&bytes)?;
        (self.file, self.written) = (file, bytes.len() as u64);
        Ok(())
    }
}

/// A new file in the place of the old one.
fn fresh() -> io::Result<File> {
    let temporary = format!("{RECORDS}.new");
    let file = OpenOptions::new().create(true).write(true).truncate(true).open(&temporary)?;
    fs::rename(temporary, RECORDS)?;
    Ok(file)
}

fn begun() -> LauncherRecord {
    let header = Header { cluster_id: String::new(), format: FORMAT, minimum_reader: FORMAT };
    let begun = LauncherBegun { header: Some(header), boot_id: boot_id() };
    LauncherRecord { record: Some(Record::Begun(begun)) }
}

/// The machine's boot id.
pub(crate) fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// What a launcher wrote in this directory, by task. A torn end is as if it had not been written; what is of another
/// boot, or of a format that we cannot read, is nothing.
pub(crate) fn read(directory: &Path) -> BTreeMap<String, Recorded> {
    let mut tasks = BTreeMap::new();
    let mut frames = Frames::default();
    frames.push(&fs::read(directory.join(RECORDS)).unwrap_or_default());
    while let Ok(Some(LauncherRecord { record: Some(record) })) = frames.next() {
        match record {
            Record::Begun(begun) => {
                let readable = begun.header.is_some_and(|header| header.minimum_reader <= FORMAT);
                if !readable || begun.boot_id != boot_id() {
                    return BTreeMap::new();
                }
            }
            Record::Started(started) => {
                let recorded = Recorded::Started { pid: started.pid, start_ticks: started.start_ticks };
                tasks.insert(started.task_id, recorded);
            }
            Record::Failed(failed) => drop(tasks.insert(failed.task_id, Recorded::Failed { message: failed.message })),
            Record::Exited(exited) => drop(tasks.insert(exited.task_id.clone(), Recorded::Exited(exited))),
            Record::Forgotten(forgotten) => drop(tasks.remove(&forgotten.task_id)),
        }
    }
    tasks
}
