//! Files of a sandbox: listed, read and followed. No path leads out of the sandbox, not through links either.

use crate::{
    beneath::{self, Found},
    model::Model,
};
use proffer_proto::v1::{AgentData, FileChunk, FileEntry, agent_data::Data};
use proto_types::files::{FileAction, FileRequest};
use std::{
    fs::{File, Metadata},
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::MetadataExt,
    path::{Component, Path, PathBuf},
    time::{Duration, UNIX_EPOCH},
};
use tokio::sync::mpsc;

/// Bytes of a file in one message at most.
const CHUNK_BYTES: usize = 64 << 10;

/// Entries of a directory in one message at most.
const CHUNK_ENTRIES: usize = 500;

/// How often a followed file is looked at.
const FOLLOW_INTERVAL: Duration = Duration::from_millis(200);

/// Why a file cannot be given.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileFailure {
    /// There is no such sandbox.
    #[error("the agent has no sandbox of this task; it was removed, or the task never ran here")]
    NoSandbox,
    /// There is no such file.
    #[error("there is no {0:?} in the sandbox")]
    NotFound(String),
    /// The path leads out of the sandbox.
    #[error("{0:?} leads out of the sandbox")]
    Outside(String),
    /// It is neither a file nor a directory, or not the one that was asked for.
    #[error("{path:?} is {what}")]
    Kind {
        /// Which.
        path: String,
        /// What it is.
        what: &'static str,
    },
    /// It cannot be read.
    #[error("cannot read {0:?}: {1}")]
    Read(String, #[source] io::Error),
    /// Nobody reads any more.
    #[error("nobody reads any more")]
    Closed,
}

impl FileFailure {
    /// Whether there is no such thing, rather than trouble with it.
    #[must_use]
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::NoSandbox | Self::NotFound(_))
    }
}

/// Sends what is asked for.
///
/// # Errors
/// It cannot be given.
pub(crate) async fn send(
    root: &Path,
    request: &FileRequest,
    model: &Model,
    to: &mpsc::Sender<AgentData>,
) -> Result<(), FileFailure> {
    match request.action {
        FileAction::List => list(root, &request.path, to).await,
        FileAction::Read => read(root, request, None, to).await,
        FileAction::Follow => read(root, request, Some(model), to).await,
    }
}

async fn list(root: &Path, path: &str, to: &mpsc::Sender<AgentData>) -> Result<(), FileFailure> {
    let (root, path) = (root.to_owned(), path.to_owned());
    let entries = blocking(move || entries(&root, &path)).await?;
    let mut sent = false;
    for part in entries.chunks(CHUNK_ENTRIES) {
        give(to, FileChunk { entries: part.to_vec(), ..FileChunk::default() }).await?;
        sent = true;
    }
    if !sent {
        give(to, FileChunk::default()).await?;
    }
    Ok(())
}

fn entries(root: &Path, path: &str) -> Result<Vec<FileEntry>, FileFailure> {
    let found = find(root, path)?;
    let trouble = |error| FileFailure::Read(path.to_owned(), error);
    let metadata = found.metadata().map_err(trouble)?;
    let shown: PathBuf = Path::new(path).components().filter(|part| *part != Component::CurDir).collect();
    if !metadata.is_dir() {
        return Ok(vec![entry(&shown, &metadata)]);
    }
    let mut entries = Vec::new();
    for found in found.entries().map_err(trouble)? {
        let found = found.map_err(trouble)?;
        // A link is shown as itself: what it leads to may lie elsewhere.
        if let Ok(metadata) = found.metadata() {
            entries.push(entry(&shown.join(found.file_name()), &metadata));
        }
    }
    entries.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(entries)
}

fn entry(path: &Path, metadata: &Metadata) -> FileEntry {
    let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    FileEntry {
        path: path.to_string_lossy().into_owned(),
        size: metadata.len(),
        directory: metadata.is_dir(),
        modified_ms: modified.map_or(0, |time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
        mode: metadata.mode() & 0o7777,
    }
}

/// What a path of a sandbox leads to.
fn find(root: &Path, path: &str) -> Result<Found, FileFailure> {
    let root = beneath::root(root).map_err(|_| FileFailure::NoSandbox)?;
    Found::at(&root, path).map_err(|error| match error.kind() {
        _ if beneath::leads_out(&error) => FileFailure::Outside(path.to_owned()),
        io::ErrorKind::NotFound => FileFailure::NotFound(path.to_owned()),
        _ => FileFailure::Read(path.to_owned(), error),
    })
}

/// A file that is being read, perhaps while it is written and rotated.
struct Reading {
    root: PathBuf,
    path: String,
    file: File,
    position: u64,
    left: Option<u64>,
}

async fn read(
    root: &Path,
    request: &FileRequest,
    follow: Option<&Model>,
    to: &mpsc::Sender<AgentData>,
) -> Result<(), FileFailure> {
    let (root, path, offset, left) = (root.to_owned(), request.path.clone(), request.offset, request.length);
    let mut reading = match follow {
        Some(model) => open_when_there(&root, request, model, to).await?,
        None => blocking(move || Reading::open(&root, &path, offset, left)).await?,
    };
    let mut active = true;
    loop {
        let (back, bytes) = blocking(move || reading.next()).await?;
        reading = back;
        if !bytes.is_empty() {
            let chunk = FileChunk { bytes: bytes.into(), offset: reading.position, ..FileChunk::default() };
            give(to, chunk).await?;
            continue;
        }
        let Some(model) = follow.filter(|_| reading.left != Some(0)) else { return Ok(()) };
        let (back, renewed) = blocking(move || Ok(reading.renew())).await?;
        reading = back;
        if renewed {
            continue;
        }
        if !active {
            return Ok(());
        }
        // What was written before the task's end was known is read once more after it.
        active = model.may_be_active(&request.key);
        if active {
            tokio::select! {
                () = tokio::time::sleep(FOLLOW_INTERVAL) => {}
                () = to.closed() => return Err(FileFailure::Closed),
            }
        }
    }
}

/// A followed file may not be there yet while its task is being started.
async fn open_when_there(
    root: &Path,
    request: &FileRequest,
    model: &Model,
    to: &mpsc::Sender<AgentData>,
) -> Result<Reading, FileFailure> {
    loop {
        let (root, path, offset, left) = (root.to_owned(), request.path.clone(), request.offset, request.length);
        let active = model.may_be_active(&request.key);
        match blocking(move || Reading::open(&root, &path, offset, left)).await {
            Err(failure) if failure.is_not_found() && active => {}
            opened => return opened,
        }
        tokio::select! {
            () = tokio::time::sleep(FOLLOW_INTERVAL) => {}
            () = to.closed() => return Err(FileFailure::Closed),
        }
    }
}

impl Reading {
    fn open(root: &Path, path: &str, offset: i64, left: Option<u64>) -> Result<Self, FileFailure> {
        let found = find(root, path)?;
        let trouble = |error| FileFailure::Read(path.to_owned(), error);
        let kind = found.metadata().map_err(trouble)?.file_type();
        if !kind.is_file() {
            let what = if kind.is_dir() { "a directory" } else { "no regular file" };
            return Err(FileFailure::Kind { path: path.to_owned(), what });
        }
        let mut file = found.open().map_err(trouble)?;
        let size = file.metadata().map_err(trouble)?.len();
        let position = match u64::try_from(offset) {
            Ok(offset) => offset.min(size),
            Err(_) => size.saturating_sub(offset.unsigned_abs()),
        };
        file.seek(SeekFrom::Start(position)).map_err(trouble)?;
        Ok(Self { root: root.to_owned(), path: path.to_owned(), file, position, left })
    }

    fn next(mut self) -> Result<(Self, Vec<u8>), FileFailure> {
        let most = self.left.map_or(CHUNK_BYTES, |left| usize::try_from(left).unwrap_or(CHUNK_BYTES).min(CHUNK_BYTES));
        let mut bytes = vec![0; most];
        let taken = self.file.read(&mut bytes).map_err(|error| FileFailure::Read(self.path.clone(), error))?;
        bytes.truncate(taken);
        self.position += taken as u64;
        self.left = self.left.map(|left| left.saturating_sub(taken as u64));
        Ok((self, bytes))
    }

    /// Goes on with the file that stands under the path now, if that is another one or was cut.
    fn renew(mut self) -> (Self, bool) {
        let Ok(found) = find(&self.root, &self.path) else { return (self, false) };
        let (Ok(there), Ok(mine)) = (found.metadata(), self.file.metadata()) else { return (self, false) };
        if there.ino() != mine.ino() || there.dev() != mine.dev() {
            if !there.is_file() {
                return (self, false);
            }
            // The end of the old file may have been written since it was last read; it is empty now if not.
            let Ok(file) = found.open() else { return (self, false) };
            if mine.len() > self.position {
                return (self, true);
            }
            (self.file, self.position) = (file, 0);
            return (self, true);
        }
        if mine.len() < self.position && self.file.seek(SeekFrom::Start(0)).is_ok() {
            self.position = 0;
            return (self, true);
        }
        (self, false)
    }
}

async fn give(to: &mpsc::Sender<AgentData>, chunk: FileChunk) -> Result<(), FileFailure> {
    to.send(AgentData { data: Some(Data::Chunk(chunk)) }).await.map_err(|_| FileFailure::Closed)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FileFailure> + Send + 'static,
) -> Result<T, FileFailure> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(_) => Err(FileFailure::Closed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto_types::{FrameworkId, TaskId, TaskKey};
    use std::fs;

    fn request(path: &str, action: FileAction, offset: i64, length: Option<u64>) -> FileRequest {
        let key = TaskKey { framework: FrameworkId::new("f").unwrap(), task: TaskId::new("t").unwrap() };
        FileRequest { key, path: path.to_owned(), action, offset, length }
    }

    async fn ask(root: &Path, request: FileRequest) -> Result<Vec<FileChunk>, FileFailure> {
        let (sender, mut receiver) = mpsc::channel(1);
        let gathering = tokio::spawn(async move {
            let mut chunks = Vec::new();
            while let Some(AgentData { data: Some(Data::Chunk(chunk)) }) = receiver.recv().await {
                chunks.push(chunk);
            }
            chunks
        });
        send(root, &request, &Model::default(), &sender).await?;
        drop(sender);
        Ok(gathering.await.unwrap())
    }

    fn sandbox() -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("sandbox");
        fs::create_dir_all(root.join("sub")).unwrap();
        fs::write(root.join("stdout"), "hello world").unwrap();
        fs::write(directory.path().join("secret"), "secret").unwrap();
        std::os::unix::fs::symlink("../secret", root.join("link")).unwrap();
        std::os::unix::fs::symlink("/etc", root.join("etc")).unwrap();
        directory
    }

    #[tokio::test]
    async fn files_are_listed_and_read() {
        let directory = sandbox();
        let root = directory.path().join("sandbox");
        let chunks = ask(&root, request("", FileAction::List, 0, None)).await.unwrap();
        let names: Vec<_> = chunks[0].entries.iter().map(|entry| (&*entry.path, entry.directory)).collect();
        assert_eq!(names, [("etc", false), ("link", false), ("stdout", false), ("sub", true)]);
        let read = async |offset, length| {
            let chunks = ask(&root, request("stdout", FileAction::Read, offset, length)).await.unwrap();
            chunks.iter().flat_map(|chunk| chunk.bytes.to_vec()).collect::<Vec<u8>>()
        };
        assert_eq!(read(0, None).await, b"hello world");
        assert_eq!(read(6, Some(3)).await, b"wor");
        assert_eq!(read(-5, None).await, b"world");
        assert_eq!(read(-100, None).await, b"hello world");
        assert_eq!(read(100, None).await, b"");
    }

    #[tokio::test]
    async fn nothing_leads_out_of_the_sandbox() {
        let directory = sandbox();
        let root = directory.path().join("sandbox");
        for path in ["link", "etc/passwd", "etc", "../secret", "/etc/passwd"] {
            for action in [FileAction::List, FileAction::Read, FileAction::Follow] {
                let failure = ask(&root, request(path, action, 0, None)).await.unwrap_err();
                assert!(matches!(failure, FileFailure::Outside(_)), "{path}: {failure}");
            }
        }
        let failure = ask(&root, request("none", FileAction::Read, 0, None)).await.unwrap_err();
        assert!(failure.is_not_found(), "{failure}");
        let failure = ask(&root, request("sub", FileAction::Read, 0, None)).await.unwrap_err();
        assert!(matches!(failure, FileFailure::Kind { .. }), "{failure}");
        let failure = ask(&directory.path().join("other"), request("", FileAction::List, 0, None)).await.unwrap_err();
        assert!(matches!(failure, FileFailure::NoSandbox), "{failure}");
    }

    #[test]
    fn a_reader_goes_over_a_rotation_without_losing_a_byte() {
        let directory = sandbox();
        let root = directory.path().join("sandbox");
        let reading = Reading::open(&root, "stdout", 0, None).unwrap();
        let (reading, bytes) = reading.next().unwrap();
        assert_eq!(bytes, b"hello world");
        fs::rename(root.join("stdout"), root.join("stdout.1")).unwrap();
        let (reading, renewed) = reading.renew();
        assert!(!renewed, "nothing stands under the path between the two");
        io::Write::write_all(&mut fs::File::options().append(true).open(root.join("stdout.1")).unwrap(), b"!").unwrap();
        fs::write(root.join("stdout"), "new").unwrap();
        let (reading, renewed) = reading.renew();
        assert!(renewed);
        let (reading, bytes) = reading.next().unwrap();
        assert_eq!(bytes, b"!");
        let (reading, renewed) = reading.renew();
        assert!(renewed);
        let (_, bytes) = reading.next().unwrap();
        assert_eq!(bytes, b"new");
    }

    #[tokio::test]
    async fn what_is_no_regular_file_is_not_waited_for() {
        let directory = sandbox();
        let root = directory.path().join("sandbox");
        nix::unistd::mkfifo(&root.join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let failure = ask(&root, request("pipe", FileAction::Read, 0, None)).await.unwrap_err();
        assert!(matches!(failure, FileFailure::Kind { what: "no regular file", .. }), "{failure}");
        let reading = Reading::open(&root, "stdout", 0, None).unwrap();
        let (reading, _) = reading.next().unwrap();
        fs::rename(root.join("pipe"), root.join("stdout")).unwrap();
        assert!(!reading.renew().1, "it is not taken for the file's successor");
    }

    #[tokio::test]
    async fn links_within_the_sandbox_are_followed() {
        let directory = sandbox();
        let root = directory.path().join("sandbox");
        fs::write(root.join("sub/file"), "text").unwrap();
        std::os::unix::fs::symlink("sub", root.join("short")).unwrap();
        let chunks = ask(&root, request("./short/file", FileAction::Read, 0, None)).await.unwrap();
        assert_eq!(chunks[0].bytes, "text");
        let chunks = ask(&root, request("./short/", FileAction::List, 0, None)).await.unwrap();
        assert_eq!(chunks[0].entries[0].path, "short/file");
    }
}
