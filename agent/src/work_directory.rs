//! The work directory: made, locked, and checked before anything else.

use crate::origin;
use agent_executor::layout::Layout;
use nix::fcntl::{Flock, FlockArg};
use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// Why a work directory cannot be used. All are the operator's to solve.
#[derive(Debug, thiserror::Error)]
pub enum WorkDirectoryError {
    /// It cannot be made.
    #[error("cannot make the work directory {}; name another with --dir", .0.display())]
    Make(PathBuf, #[source] io::Error),
    /// It cannot be written.
    #[error("cannot write in the work directory {}; name another with --dir", .0.display())]
    Write(PathBuf, #[source] io::Error),
    /// Another agent has it.
    #[error("another agent runs in the work directory {}{}; name another with --dir", .path.display(), .holder)]
    Locked {
        /// The directory.
        path: PathBuf,
        /// Who, if known.
        holder: String,
    },
    /// It was copied.
    #[error(
        "the work directory {} is a copy of {original}; two agents must not go on from one journal. Remove it, and a new \
         agent begins there; or, if nothing works in the original any more and never will, remove {}",
        .path.display(), .note.display()
    )]
    Copied {
        /// The directory.
        path: PathBuf,
        /// Where it was copied from.
        original: String,
        /// What says so.
        note: PathBuf,
    },
    /// Its path cannot be told to executors.
    #[error("the path of the work directory {} is not UTF-8", .0.display())]
    NotUtf8(PathBuf),
}

/// A work directory that is ours as long as this lives.
#[derive(Debug)]
pub struct WorkDirectory {
    layout: Layout,
    _lock: Flock<File>,
}

impl WorkDirectory {
    /// Takes the directory, making it if need be.
    ///
    /// # Errors
    /// It cannot be made or written, or another agent has it.
    pub fn take(path: &Path) -> Result<Self, WorkDirectoryError> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(path).map_err(|error| WorkDirectoryError::Make(path.to_owned(), error))?;
        let path = path.canonicalize().map_err(|error| WorkDirectoryError::Make(path.to_owned(), error))?;
        if path.to_str().is_none() {
            return Err(WorkDirectoryError::NotUtf8(path));
        }
        let layout = Layout::new(path.clone());
        let lock = lock(&layout)?;
        let unwritable = |error| WorkDirectoryError::Write(path.clone(), error);
        let note = layout.origin();
        if let Some(original) = origin::copied_from(&path, &note).map_err(unwritable)? {
            return Err(WorkDirectoryError::Copied { path, original, note });
        }
        for directory in [layout.sandboxes(), layout.executor_sandboxes(), layout.runs(), layout.cache()] {
            fs::create_dir_all(directory).map_err(unwritable)?;
        }
        // Tasks of other users must get through to their sandboxes, and see nothing else on the way.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o711)).map_err(unwritable)?;
        for directory in [layout.runs(), layout.cache()] {
            fs::set_permissions(directory, fs::Permissions::from_mode(0o700)).map_err(unwritable)?;
        }
        for directory in [layout.sandboxes(), layout.executor_sandboxes()] {
            fs::set_permissions(directory, fs::Permissions::from_mode(0o711)).map_err(unwritable)?;
        }
        Ok(Self { layout, _lock: lock })
    }

    /// Where things lie in it.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }
}

fn lock(layout: &Layout) -> Result<Flock<File>, WorkDirectoryError> {
    let path = layout.lock();
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
    let file = file.map_err(|error| WorkDirectoryError::Write(layout.root().to_owned(), error))?;
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(mut lock) => {
            let note = format!("{}\n", std::process::id());
            let written = lock.set_len(0).and_then(|()| io::Write::write_all(&mut *lock, note.as_bytes()));
            written.map_err(|error| WorkDirectoryError::Write(layout.root().to_owned(), error))?;
            Ok(lock)
        }
        Err((_, nix::errno::Errno::EWOULDBLOCK)) => {
            let pid = fs::read_to_string(&path).unwrap_or_default();
            let pid = pid.trim();
            let holder = if pid.is_empty() { String::new() } else { format!(" (process {pid})") };
            Err(WorkDirectoryError::Locked { path: layout.root().to_owned(), holder })
        }
        Err((_, errno)) => Err(WorkDirectoryError::Write(layout.root().to_owned(), errno.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_agent_has_a_directory() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("deep/agent");
        let taken = WorkDirectory::take(&path).unwrap();
        let error = WorkDirectory::take(&path).unwrap_err();
        let expected = format!("another agent runs in the work directory {}", path.display());
        assert!(error.to_string().starts_with(&expected), "{error}");
        assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
        drop(taken);
        WorkDirectory::take(&path).unwrap();
    }

    #[test]
    fn what_cannot_be_a_directory_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, "").unwrap();
        let error = WorkDirectory::take(&file.join("agent")).unwrap_err();
        assert!(matches!(error, WorkDirectoryError::Make(..)), "{error}");
        assert!(error.to_string().contains("--dir"), "{error}");
    }
}
