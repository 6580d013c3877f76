//! The agent's journal: facts, appended in groups to one file at a time.
//!
//! Each file begins with all that the ones before it amount to, and is complete before it gets its name; so the newest
//! file is all that counts. What was written survives the end of the process; what was synced, that of the machine.

mod convert;
mod frame;
mod room;
#[cfg(test)]
mod tests;

pub use convert::Unreadable;

use agent_core::Fact;
use frame::Frame;
use proffer_proto::storage::v1::{Header, JournalHeader, JournalRecord, journal_record::Record};
use prost::Message;
use room::Room;
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

/// The version of the format that this program writes.
const FORMAT: u32 = 1;

/// A file is replaced when it has grown by so much since it was begun: small enough to be read in a moment at the next
/// start, large enough that the image at its beginning is a small part of what is written.
const GROWTH_BYTES_MAX: u64 = 64 << 20;

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The directory cannot be made or read.
    #[error("cannot use the journal's directory {}", .0.display())]
    Directory(PathBuf, #[source] io::Error),
    /// A file cannot be read.
    #[error("cannot read {}", .0.display())]
    Read(PathBuf, #[source] io::Error),
    /// A file cannot be written.
    #[error("cannot write {}", .0.display())]
    Write(PathBuf, #[source] io::Error),
    /// A fact is too large for a record.
    #[error("a fact of {0} bytes is too large for the journal")]
    TooLarge(usize),
    /// A file of a later version of Proffer.
    #[error("{} was written by a later version of Proffer (format {format}, this version reads up to {FORMAT}); start that version, or use another work directory", .path.display())]
    TooNew {
        /// Which.
        path: PathBuf,
        /// Its format.
        format: u32,
    },
}

/// What was found when the journal was opened.
#[derive(Debug, Default)]
pub struct Opened {
    /// The facts, in order.
    pub facts: Vec<Fact>,
    /// The boot id of the machine when the newest file was begun; empty: there was none.
    pub boot_id: String,
    /// Whether records are missing, of which others may have heard.
    pub incomplete: bool,
    /// What was wrong, for people.
    pub reports: Vec<String>,
    /// Whether the file began as one should.
    headed: bool,
}

/// The open journal.
#[derive(Debug)]
pub struct Journal {
    directory: PathBuf,
    boot_id: String,
    generation: u64,
    /// Whether records of this file or an earlier one are missing.
    incomplete: bool,
    path: PathBuf,
    file: Arc<File>,
    /// The length of what is whole.
    length: u64,
    /// The length of the image that the file began with.
    image: u64,
    buffer: Vec<u8>,
    room: Room,
}

impl Journal {
    /// Opens the newest file, or begins the first.
    ///
    /// # Errors
    /// The directory or the file cannot be used, or is of a later version. Damage is no error: what can be read counts,
    /// the file is kept aside, and the report says so.
    pub fn open(directory: &Path, boot_id: &str) -> Result<(Self, Opened), JournalError> {
        fs::create_dir_all(directory).map_err(|error| JournalError::Directory(directory.to_owned(), error))?;
        let mut opened = Opened::default();
        let Some((generation, path)) = newest(directory)? else {
            let journal = Self::begin(directory, boot_id, 1, false, "", &[])?;
            return Ok((journal, opened));
        };
        let bytes = fs::read(&path).map_err(|error| JournalError::Read(path.clone(), error))?;
        let whole = read(&path, &bytes, &mut opened)?;
        if !opened.headed {
            opened.reports.push(format!("{DAMAGED}{} does not begin as a journal does", path.display()));
        }
        let damaged = opened.reports.iter().any(|report| report.starts_with(DAMAGED));
        if damaged {
            opened.incomplete = true;
            let aside = path.with_extension("damaged");
            fs::copy(&path, &aside).map_err(|error| JournalError::Write(aside.clone(), error))?;
            opened.reports.push(format!("the damaged file is kept as {}", aside.display()));
            let id = agent_id(&opened.facts);
            let mut journal = Self::begin(directory, &opened.boot_id, generation + 1, true, &id, &opened.facts)?;
            boot_id.clone_into(&mut journal.boot_id);
            let _ = fs::remove_file(&path);
            return Ok((journal, opened));
        }
        let file = OpenOptions::new().append(true).open(&path);
        let file = file.map_err(|error| JournalError::Write(path.clone(), error))?;
        if let Some(torn) = bytes.get(usize::try_from(whole).unwrap_or(usize::MAX)..).filter(|torn| !torn.is_empty()) {
            let aside = path.with_extension("torn");
            opened.incomplete = true;
            fs::write(&aside, torn).map_err(|error| JournalError::Write(aside.clone(), error))?;
            opened.reports.push(format!(
                "{}: the last record was not written to its end; its {} bytes are cut off and kept as {}",
                path.display(),
                torn.len(),
                aside.display()
            ));
            file.set_len(whole).map_err(|error| JournalError::Write(path.clone(), error))?;
        }
        // What an earlier run wrote and did not live to sync: a master may hear of it from now on.
        file.sync_data().map_err(|error| JournalError::Write(path.clone(), error))?;
        let journal = Self {
            directory: directory.to_owned(),
            boot_id: boot_id.to_owned(),
            generation,
            incomplete: opened.incomplete,
            path,
            file: Arc::new(file),
            length: whole,
            image: 0,
            buffer: Vec::new(),
            room: Room::keep(directory),
        };
        Ok((journal, opened))
    }

    /// Begins a new file with what all before it amounts to; older files go.
    fn begin(
        directory: &Path,
        boot_id: &str,
        generation: u64,
        incomplete: bool,
        agent_id: &str,
        image: &[Fact],
    ) -> Result<Self, JournalError> {
        let path = directory.join(format!("{generation:016}.log"));
        let draft = path.with_extension("draft");
        let header = JournalHeader {
            header: Some(Header { cluster_id: String::new(), format: FORMAT, minimum_reader: FORMAT }),
            agent_id: agent_id.to_owned(),
            boot_id: boot_id.to_owned(),
            generation,
            incomplete,
        };
        let mut bytes = Vec::new();
        frame::write(&mut bytes, &JournalRecord { record: Some(Record::Header(header)) })
            .map_err(JournalError::TooLarge)?;
        for fact in image {
            frame::write(&mut bytes, &convert::to_stored(fact)).map_err(JournalError::TooLarge)?;
        }
        let write = || {
            let mut file = File::create(&draft)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            fs::rename(&draft, &path)?;
            File::open(directory)?.sync_all()?;
            OpenOptions::new().append(true).open(&path)
        };
        let file = write().map_err(|error| JournalError::Write(path.clone(), error))?;
        let length = bytes.len() as u64;
        Ok(Self {
            directory: directory.to_owned(),
            boot_id: boot_id.to_owned(),
            generation,
            incomplete,
            path,
            file: Arc::new(file),
            length,
            image: length,
            buffer: Vec::new(),
            room: Room::keep(directory),
        })
    }

    /// Adds a fact to what [`Self::flush`] writes.
    ///
    /// # Errors
    /// The fact is too large.
    pub fn add(&mut self, fact: &Fact) -> Result<(), JournalError> {
        frame::write(&mut self.buffer, &convert::to_stored(fact)).map_err(JournalError::TooLarge)
    }

    /// Writes what was added, in one go. It then survives the end of this process.
    ///
    /// # Errors
    /// The file cannot be written. What of it was written is cut off again; if that fails too, at the next opening.
    pub fn flush(&mut self) -> Result<(), JournalError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let mut written = (&*self.file).write_all(&self.buffer);
        if written.as_ref().is_err_and(|error| self.room.give_for(error)) {
            written = self.file.set_len(self.length).and_then(|()| (&*self.file).write_all(&self.buffer));
        }
        let added = self.buffer.len() as u64;
        self.buffer.clear();
        if let Err(error) = written {
            let _ = self.file.set_len(self.length);
            return Err(JournalError::Write(self.path.clone(), error));
        }
        self.length += added;
        self.room.restore();
        Ok(())
    }

    /// The file that is written now, to be synced on another thread.
    #[must_use]
    pub fn file(&self) -> Arc<File> {
        Arc::clone(&self.file)
    }

    /// The error that the file could not be synced.
    #[must_use]
    pub fn unsynced(&self, error: io::Error) -> JournalError {
        JournalError::Write(self.path.clone(), error)
    }

    /// Whether the file has grown so much that it should be replaced.
    #[must_use]
    pub fn is_large(&self) -> bool {
        self.length >= self.image.saturating_mul(2).max(GROWTH_BYTES_MAX)
    }

    /// Replaces the file by one that begins with `image`.
    ///
    /// # Errors
    /// The new file cannot be written; the old one goes on.
    pub fn rotate(&mut self, image: &[Fact]) -> Result<(), JournalError> {
        let id = agent_id(image);
        let begin = || Self::begin(&self.directory, &self.boot_id, self.generation + 1, self.incomplete, &id, image);
        let next = match begin() {
            Err(JournalError::Write(_, error)) if self.room.give_for(&error) => begin()?,
            begun => begun?,
        };
        let old = std::mem::replace(self, next);
        let _ = fs::remove_file(&old.path);
        Ok(())
    }
}

/// Records are hardly ever longer. What is left unread at the end is taken for one that was not written to its end only
/// if it is not longer either: a wrong length in the middle of a file looks the same.
const TORN_BYTES_MAX: usize = 1 << 20;

/// How reports on damage begin.
const DAMAGED: &str = "damaged: ";

/// Reads all records; says how many bytes of the file are whole.
fn read(path: &Path, bytes: &[u8], opened: &mut Opened) -> Result<u64, JournalError> {
    let mut at = 0;
    loop {
        let (body, taken) = match frame::read(&bytes[at..]) {
            Frame::Whole(body, taken) => (body, taken),
            Frame::End => return Ok(at as u64),
            Frame::Torn if bytes.len() - at <= TORN_BYTES_MAX => return Ok(at as u64),
            Frame::Torn | Frame::Damaged => {
                opened.reports.push(format!(
                    "{DAMAGED}{} at byte {at} of {}; what stands before it counts",
                    path.display(),
                    bytes.len()
                ));
                return Ok(at as u64);
            }
        };
        let first = at == 0;
        at += taken;
        let record = match JournalRecord::decode(body) {
            Ok(record) => record,
            Err(error) => {
                opened.reports.push(format!("{DAMAGED}{}: a record is none: {error}", path.display()));
                continue;
            }
        };
        match record.record {
            Some(Record::Header(header)) if first => take_header(path, header, opened)?,
            record => match convert::from_stored(JournalRecord { record }) {
                Ok(fact) => opened.facts.push(fact),
                Err(error) => {
                    opened.reports.push(format!("{DAMAGED}{}: a record is left out: {error}", path.display()))
                }
            },
        }
    }
}

fn take_header(path: &Path, header: JournalHeader, opened: &mut Opened) -> Result<(), JournalError> {
    let format = header.header.unwrap_or_default();
    if format.minimum_reader > FORMAT {
        return Err(JournalError::TooNew { path: path.to_owned(), format: format.format });
    }
    opened.boot_id = header.boot_id;
    opened.incomplete = header.incomplete;
    opened.headed = true;
    Ok(())
}

fn newest(directory: &Path) -> Result<Option<(u64, PathBuf)>, JournalError> {
    let entries = fs::read_dir(directory).map_err(|error| JournalError::Directory(directory.to_owned(), error))?;
    let mut newest: Option<(u64, PathBuf)> = None;
    for entry in entries {
        let path = entry.map_err(|error| JournalError::Directory(directory.to_owned(), error))?.path();
        if path.extension().is_none_or(|extension| extension != "log") {
            continue;
        }
        let generation = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
        let Some(generation) = generation else { continue };
        if newest.as_ref().is_none_or(|(highest, _)| generation > *highest) {
            newest = Some((generation, path));
        }
    }
    Ok(newest)
}

fn agent_id(facts: &[Fact]) -> String {
    let mut ids = facts.iter().rev().filter_map(|fact| match fact {
        Fact::Identified { agent, .. } => Some(agent.to_string()),
        _ => None,
    });
    ids.next().unwrap_or_default()
}
