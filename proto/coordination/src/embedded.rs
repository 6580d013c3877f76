//! A log in a directory, for one process: redb.

use crate::{
    Candidate, Damage, Error, Fate, Log, ObjectChange, Pending, Record, Sighting, Store, Tenure, Term,
    entry::{Author, CONTENT_BYTES_MAX, Stamp, batches, new_cluster, pieces},
    growth::Growth,
    replay::{Read, Replay},
    succession::{first, succeed},
};
use proto_types::registry::RegistryChange;
use redb::{Database, DatabaseError, ReadableDatabase, ReadableTable, StorageError, TableDefinition, TableError};
use std::{
    fs::{self, File},
    io,
    marker::PhantomData,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::{
    sync::watch,
    task::{self, JoinError},
};

/// Entries by number.
const ENTRIES: TableDefinition<'static, u64, &[u8]> = TableDefinition::new("log");

/// The log is read once, at the beginning of a term; a cache of it would only hold memory.
const CACHE_BYTES: usize = 1024 * 1024;

/// A log in a directory. One process at a time may begin a term in it; the operating system sees to that, so that a
/// process that dies leaves it free.
#[derive(Debug, Clone)]
pub struct Embedded<R = RegistryChange> {
    directory: PathBuf,
    file: PathBuf,
    keeps: PhantomData<fn() -> R>,
}

impl Embedded {
    /// The log of a registry in this directory, which is made when a term begins if it is not there.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self::named(directory.into(), "registry.redb")
    }
}

impl Embedded<ObjectChange> {
    /// The log of an object store in this directory, which is made when a term begins if it is not there.
    #[must_use]
    pub fn objects(directory: impl Into<PathBuf>) -> Self {
        Self::named(directory.into(), "objects.redb")
    }
}

impl<R> Embedded<R> {
    fn named(directory: PathBuf, file: &str) -> Self {
        Self { file: directory.join(file), directory, keeps: PhantomData }
    }
}

impl<R: Record> Store<R> for Embedded<R> {
    fn begin(&self, candidate: Candidate) -> Pending<'_, Result<Term<R>, Error>> {
        Box::pin(async move {
            let (store, file) = (self.clone(), self.file.clone());
            match task::spawn_blocking(move || store.begin_here(candidate)).await {
                Ok(term) => term,
                // A corrupt file can make the storage panic where it trusts its own structure.
                Err(error) if error.is_panic() => {
                    Err(Error::Damaged { path: file, source: Damage::File(panic_message(error)) })
                }
                Err(_) => Err(Error::Stopped),
            }
        })
    }

    fn leader(&self) -> Option<watch::Receiver<Sighting>> {
        None
    }
}

impl<R: Record> Embedded<R> {
    fn begin_here(&self, candidate: Candidate) -> Result<Term<R>, Error> {
        self.make_directory().map_err(|source| Error::Directory { path: self.directory.clone(), source })?;
        let database = self.open()?;
        let read = self.read(&database)?;
        let author = succeed(read.author.as_ref(), &candidate, new_cluster());
        let author = author.map_err(|mistake| mistake.at(self.file.clone()))?;
        let (cluster, epoch) = (author.cluster.clone(), author.epoch);
        let entry = author.seal(first::<R>(&candidate), Stamp::draw()).bytes;
        write(&database, read.next, &[entry], None).map_err(|error| self.storage(error.into()))?;
        sync(&self.directory).map_err(|source| Error::Directory { path: self.directory.clone(), source })?;
        let log = EmbeddedLog {
            database: Arc::new(database),
            author,
            beginning: read.next,
            next: read.next + 1,
            growth: read.growth,
            ended: false,
        };
        Ok(Term { cluster, epoch, changes: read.changes, log: Box::new(log), tenure: Tenure::unlimited() })
    }

    fn make_directory(&self) -> io::Result<()> {
        if self.directory.is_dir() {
            return Ok(());
        }
        fs::create_dir_all(&self.directory)?;
        match self.directory.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => sync(parent),
            _ => Ok(()),
        }
    }

    fn open(&self) -> Result<Database, Error> {
        let mut builder = Database::builder();
        builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
        builder.create(&self.file).map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => {
                Error::Busy(self.directory.clone())
            }
            other => self.storage(other.into()),
        })
    }

    fn read(&self, database: &Database) -> Result<Read<R>, Error> {
        let mut replay = Replay::default();
        let transaction = database.begin_read().map_err(|error| self.storage(error.into()))?;
        match transaction.open_table(ENTRIES) {
            Ok(table) => {
                for row in table.iter().map_err(|error| self.storage(error.into()))? {
                    let (index, bytes) = row.map_err(|error| self.storage(error.into()))?;
                    replay.entry(index.value(), bytes.value()).map_err(|damage| self.damaged(damage))?;
                }
            }
            Err(TableError::TableDoesNotExist(_)) => {}
            Err(error) => return Err(self.storage(error.into())),
        }
        replay.finish().map_err(|damage| self.damaged(damage))
    }

    fn storage(&self, error: redb::Error) -> Error {
        let path = self.file.clone();
        match error {
            redb::Error::Corrupted(what) => Error::Damaged { path, source: Damage::File(what) },
            source => Error::Storage { path, source: Box::new(source) },
        }
    }

    fn damaged(&self, source: Damage) -> Error {
        Error::Damaged { path: self.file.clone(), source }
    }
}

/// A term's log.
struct EmbeddedLog {
    database: Arc<Database>,
    author: Author,
    /// The number of this epoch's first entry.
    beginning: u64,
    next: u64,
    growth: Growth,
    ended: bool,
}

impl<R: Record> Log<R> for EmbeddedLog {
    fn append(&mut self, changes: Vec<R>) -> Pending<'_, Result<(), Fate>> {
        Box::pin(async move {
            let author = self.author.clone();
            let seal = move || {
                let contents = batches(&changes, CONTENT_BYTES_MAX);
                contents.into_iter().map(|content| author.seal(content, Stamp::draw()).bytes).collect()
            };
            let bytes = self.write(seal, None).await?;
            self.growth.append(bytes);
            Ok(())
        })
    }

    fn compact(&mut self, snapshot: Vec<R>) -> Pending<'_, Result<(), Fate>> {
        Box::pin(async move {
            let author = self.author.clone();
            let seal = move || {
                let contents = pieces(&snapshot, CONTENT_BYTES_MAX);
                contents.into_iter().map(|content| author.seal(content, Stamp::draw()).bytes).collect()
            };
            let bytes = self.write(seal, Some(self.beginning)).await?;
            self.growth.compact(bytes);
            Ok(())
        })
    }

    fn wants_compaction(&self) -> bool {
        self.growth.is_due()
    }

    fn close(self: Box<Self>) -> Pending<'static, ()> {
        // The file is closed with it.
        Box::pin(async move { drop(self) })
    }
}

impl EmbeddedLog {
    /// Seals and writes entries off the async threads; the answer is how many bytes they have.
    async fn write(
        &mut self,
        seal: impl FnOnce() -> Vec<Vec<u8>> + Send + 'static,
        keep: Option<u64>,
    ) -> Result<usize, Fate> {
        if self.ended {
            return Err(Fate::Ended);
        }
        // Should the caller give up waiting, nobody knows what was written: the term has ended unless this says not.
        self.ended = true;
        let (database, next) = (Arc::clone(&self.database), self.next);
        let written = task::spawn_blocking(move || {
            let entries = seal();
            let bytes = entries.iter().map(Vec::len).sum();
            write(&database, next, &entries, keep).map(|()| (entries.len() as u64, bytes))
        });
        let (count, bytes) = match written.await {
            Ok(Ok(written)) => written,
            Ok(Err(WriteError::Before(error))) => return Err(Fate::Unwritten(Box::new(error))),
            Ok(Err(WriteError::Commit(error))) => return Err(Fate::Unknown(Box::new(error))),
            Err(error) => return Err(Fate::Unknown(Box::new(error))),
        };
        self.next += count;
        self.ended = false;
        Ok(bytes)
    }
}

/// How far a write came.
enum WriteError {
    Before(redb::Error),
    Commit(redb::Error),
}

impl From<WriteError> for redb::Error {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Before(error) | WriteError::Commit(error) => error,
        }
    }
}

/// Writes entries from number `next` on as one transaction. With `keep`, everything before them goes, except the entry
/// of that number: the first of an epoch stays, since it is what fences the epochs before.
fn write(database: &Database, next: u64, entries: &[Vec<u8>], keep: Option<u64>) -> Result<(), WriteError> {
    if entries.is_empty() {
        return Ok(());
    }
    // The default durability: the commit answers once the entries are on the disk.
    let transaction = database.begin_write().map_err(|error| WriteError::Before(error.into()))?;
    {
        let mut table = transaction.open_table(ENTRIES).map_err(|error| WriteError::Before(error.into()))?;
        let before = |error: StorageError| WriteError::Before(error.into());
        if let Some(keep) = keep {
            table.retain(|index, _| index == keep).map_err(before)?;
        }
        for (index, entry) in (next..).zip(entries) {
            table.insert(index, entry.as_slice()).map_err(before)?;
        }
    }
    transaction.commit().map_err(|error| WriteError::Commit(error.into()))
}

/// Makes the names in a directory durable.
fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

fn panic_message(error: JoinError) -> String {
    let panic = error.into_panic();
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "unreadable".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry;
    use crate::entry::beginning;
    use proffer_proto::storage::v1::{Header, LogEntry, log_entry::Content};
    use tempfile::TempDir;

    fn candidate() -> Candidate {
        Candidate::default()
    }

    /// A directory whose log has this one entry.
    fn holding(bytes: Vec<u8>) -> (TempDir, Embedded) {
        let directory = TempDir::new().unwrap();
        let store = Embedded::new(directory.path());
        let database = store.open().unwrap();
        assert!(write(&database, 0, &[bytes], None).is_ok());
        (directory, store)
    }

    #[tokio::test]
    async fn a_log_of_a_newer_version_is_left_alone() {
        let header = Header { cluster_id: "c".to_owned(), format: 9, minimum_reader: 8 };
        let content: Content = beginning(String::new());
        let newer = LogEntry { header: Some(header), epoch: 1, content: Some(content), ..LogEntry::default() };
        let (_directory, store) = holding(entry::seal(&newer));
        for _ in 0..2 {
            let Err(Error::Damaged { source, .. }) = store.begin(candidate()).await else {
                panic!("a newer log was read");
            };
            assert_eq!(source, Damage::TooNew { entry: 0, format: 9, needed: 8, here: entry::FORMAT });
            assert!(source.to_string().contains("Use the newer version of Proffer"));
        }
    }

    #[tokio::test]
    async fn a_corrupt_entry_is_named() {
        let (_directory, store) = holding(vec![7; 20]);
        let Err(error) = store.begin(candidate()).await else { panic!("a corrupt log was read") };
        assert!(matches!(error, Error::Damaged { source: Damage::Checksum(0), .. }));
    }
}
