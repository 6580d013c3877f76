//! The output of process tasks, kept from filling the disk.
//!
//! A task writes to `stdout` and `stderr` itself: nobody copies what it says, and nothing that ends takes its output
//! away. When a file has grown too large, its beginning is put aside as `stdout.1` and cut off the file underneath the
//! task, which goes on appending. Where the file system can do so, not a byte is lost; elsewhere what is written in the
//! instant between the last copy and the cut is.

use crate::docker::{Rotation, skip_missing};
use nix::{
    errno::Errno,
    fcntl::{FallocateFlags, fallocate},
    libc,
};
use proto_types::TaskId;
use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::{MetadataExt, OpenOptionsExt, fchown},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{sync::Notify, time::Instant};

/// What tasks write to.
const FILES: [&str; 2] = ["stdout", "stderr"];

/// Between looks at the sizes of files.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Before the next try when a file could not be put aside, such as on a full disk: each try copies it.
const TROUBLE_PAUSE: Duration = Duration::from_secs(60);

/// The tasks whose output is looked at.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rotations {
    sandboxes: Arc<Mutex<BTreeMap<TaskId, PathBuf>>>,
    added: Arc<Notify>,
}

impl Rotations {
    /// Looks at the output of tasks from now on.
    pub(crate) fn start(rotation: Rotation) -> Self {
        let rotations = Self::default();
        tokio::spawn(rotations.clone().keep(rotation));
        rotations
    }

    pub(crate) fn add(&self, task: TaskId, sandbox: PathBuf) {
        let mut sandboxes = self.lock();
        if sandboxes.is_empty() {
            self.added.notify_one();
        }
        sandboxes.insert(task, sandbox);
    }

    pub(crate) fn remove(&self, task: &TaskId) {
        self.lock().remove(task);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<TaskId, PathBuf>> {
        self.sandboxes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn keep(self, rotation: Rotation) {
        // What one task left in its sandbox must not keep others from being looked at.
        let mut left_until: BTreeMap<PathBuf, Instant> = BTreeMap::new();
        loop {
            let sandboxes: Vec<PathBuf> = self.lock().values().cloned().collect();
            if sandboxes.is_empty() {
                self.added.notified().await;
            }
            let mut large: Vec<PathBuf> =
                sandboxes.iter().flat_map(|sandbox| FILES.map(|name| sandbox.join(name))).collect();
            let now = Instant::now();
            left_until.retain(|_, until| *until > now);
            large.retain(|path| !left_until.contains_key(path) && is_large(path, rotation));
            let failed = if large.is_empty() { Vec::new() } else { rotate_all(large, rotation).await };
            left_until.extend(failed.into_iter().map(|path| (path, now + TROUBLE_PAUSE)));
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }
}

/// A look that costs next to nothing: nearly always it is the only one.
fn is_large(path: &Path, rotation: Rotation) -> bool {
    fs::symlink_metadata(path).is_ok_and(|file| file.is_file() && file.len() > rotation.size)
}

/// Puts the beginnings of these files aside; gives those with which it failed.
async fn rotate_all(paths: Vec<PathBuf>, rotation: Rotation) -> Vec<PathBuf> {
    let rotated = tokio::task::spawn_blocking(move || {
        let failed = |path: &PathBuf| match rotate(path, rotation) {
            Ok(()) => false,
            Err(error) => {
                tracing::warn!(%error, path = %path.display(), "output cannot be put aside; it grows");
                true
            }
        };
        paths.into_iter().filter(failed).collect()
    });
    rotated.await.unwrap_or_default()
}

/// Puts the beginning of a file aside if the file is too large.
fn rotate(path: &Path, rotation: Rotation) -> io::Result<()> {
    let Some(mut file) = open(path)? else { return Ok(()) };
    let metadata = file.metadata()?;
    if metadata.len() <= rotation.size {
        return Ok(());
    }
    // What can be cut off a file's beginning are whole blocks, and never all of it.
    let blocks = (metadata.len() - 1) / metadata.blksize() * metadata.blksize();
    let mut aside = Aside::new(path, &metadata)?;
    if blocks > 0 {
        aside.take(&mut file, Some(blocks))?;
        let length = libc::off_t::try_from(blocks).map_err(io::Error::other)?;
        match fallocate(&file, FallocateFlags::FALLOC_FL_COLLAPSE_RANGE, 0, length) {
            Ok(()) => return aside.keep(rotation),
            Err(Errno::EOPNOTSUPP | Errno::EINVAL | Errno::ENOSYS) => {}
            Err(error) => return Err(error.into()),
        }
    }
    aside.take(&mut file, None)?;
    file.set_len(0)?;
    aside.keep(rotation)
}

/// Opens a task's file, which the task may have replaced by anything.
fn open(path: &Path) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC);
    match options.open(path) {
        Ok(file) if file.metadata()?.is_file() => Ok(Some(file)),
        Ok(_) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.raw_os_error() == Some(libc::ELOOP) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What is put aside, under a name of its own until it is whole.
struct Aside<'a> {
    path: &'a Path,
    temporary: PathBuf,
    file: File,
}

impl<'a> Aside<'a> {
    fn new(path: &'a Path, like: &fs::Metadata) -> io::Result<Self> {
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(".new");
        let temporary = PathBuf::from(temporary);
        // The task may have put anything there, such as a link.
        skip_missing(fs::remove_file(&temporary))?;
        let file = OpenOptions::new().write(true).create_new(true).mode(like.mode() & 0o666).open(&temporary)?;
        let _ = fchown(&file, Some(like.uid()), Some(like.gid()));
        Ok(Self { path, temporary, file })
    }

    /// Copies so many bytes, or all there are.
    fn take(&mut self, from: &mut File, length: Option<u64>) -> io::Result<()> {
        from.seek(SeekFrom::Start(self.file.stream_position()?))?;
        let taken = io::copy(&mut from.take(length.unwrap_or(u64::MAX)), &mut self.file)?;
        match length {
            Some(length) if taken < length => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    /// Gives it its place, before what was put aside earlier.
    fn keep(self, rotation: Rotation) -> io::Result<()> {
        match rotation.make_room(self.path)? {
            Some(aside) => fs::rename(&self.temporary, aside),
            None => fs::remove_file(&self.temporary),
        }
    }
}

impl Drop for Aside<'_> {
    fn drop(&mut self) {
        // It is there only if it was not kept.
        let _ = fs::remove_file(&self.temporary);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const ROTATION: Rotation = Rotation { size: 10_000, files: 3 };

    /// A task's end of its output.
    fn writer(path: &Path) -> File {
        OpenOptions::new().append(true).create(true).open(path).unwrap()
    }

    #[test]
    fn what_is_written_is_all_there_in_order() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("stdout");
        let mut task = writer(&path);
        let mut written = Vec::new();
        for number in 0..3_000 {
            let line = format!("line {number}\n");
            task.write_all(line.as_bytes()).unwrap();
            written.extend_from_slice(line.as_bytes());
            if number % 1_000 == 999 {
                rotate(&path, ROTATION).unwrap();
            }
        }
        let parts = ["stdout.2", "stdout.1", "stdout"].map(|name| fs::read(directory.path().join(name)).unwrap());
        assert!(!parts[1].is_empty() && (parts[2].len() as u64) < ROTATION.size);
        assert!(written.ends_with(&parts.concat()), "a tail of all that was written");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 3);
    }

    #[test]
    fn a_small_file_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("stdout");
        rotate(&path, ROTATION).unwrap();
        writer(&path).write_all(&[b'x'; 10_000]).unwrap();
        rotate(&path, ROTATION).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().len(), 10_000);
        assert!(!directory.path().join("stdout.1").exists());
    }

    #[test]
    fn a_file_alone_loses_its_beginning() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("stdout");
        writer(&path).write_all(&[b'x'; 20_000]).unwrap();
        rotate(&path, Rotation { files: 1, ..ROTATION }).unwrap();
        assert!(fs::metadata(&path).unwrap().len() < 10_000);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn what_a_task_left_instead_is_not_touched() {
        let directory = tempfile::tempdir().unwrap();
        let victim = directory.path().join("victim");
        fs::write(&victim, [b'x'; 20_000]).unwrap();
        for name in ["stdout", "stderr", "stderr.new"] {
            std::os::unix::fs::symlink(&victim, directory.path().join(name)).unwrap();
        }
        fs::remove_file(directory.path().join("stderr")).unwrap();
        writer(&directory.path().join("stderr")).write_all(&[b'y'; 20_000]).unwrap();
        let failed = rotate_all(FILES.map(|name| directory.path().join(name)).into(), ROTATION).await;
        assert_eq!(failed, Vec::<PathBuf>::new());
        assert_eq!(fs::read(&victim).unwrap(), [b'x'; 20_000]);
        assert!(directory.path().join("stderr.1").exists());
    }
    #[tokio::test]
    async fn one_that_cannot_be_put_aside_leaves_the_others() {
        let directory = tempfile::tempdir().unwrap();
        let paths = FILES.map(|name| directory.path().join(name));
        for path in &paths {
            writer(path).write_all(&[b'x'; 20_000]).unwrap();
        }
        // What a task may do: no file can be renamed over it.
        fs::create_dir_all(directory.path().join("stdout.2/full")).unwrap();
        fs::write(directory.path().join("stdout.1"), "").unwrap();
        assert_eq!(rotate_all(paths.clone().into(), ROTATION).await, &paths[..1]);
        assert!(directory.path().join("stderr.1").is_file());
    }
}
