//! Space kept for the journal, so that the end of tasks can be written on a disk that they have filled: only then can
//! what they wrote be removed.

use nix::{errno::Errno, fcntl};
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Enough for the ends of some thousand tasks.
const BYTES: i64 = 1 << 20;

/// Between tries to keep space again after it was given away.
const RETRY_PAUSE: Duration = Duration::from_secs(10);

/// A file that takes up space until that is needed.
#[derive(Debug)]
pub(super) struct Room {
    path: PathBuf,
    kept: bool,
    tried: Instant,
}

impl Room {
    /// Keeps space beside the journal, if there is any.
    pub(super) fn keep(directory: &Path) -> Self {
        let path = directory.join("room");
        let kept = take_up(&path).is_ok();
        Self { path, kept, tried: Instant::now() }
    }

    /// Gives the space away after this error, if it is for want of space. Says whether it did, and trying again makes
    /// sense.
    pub(super) fn give_for(&mut self, error: &io::Error) -> bool {
        if error.kind() != io::ErrorKind::StorageFull || !std::mem::take(&mut self.kept) {
            return false;
        }
        tracing::warn!("the disk is full; what was kept free for the journal is used now");
        self.tried = Instant::now();
        fs::remove_file(&self.path).is_ok()
    }

    /// Keeps space again, if it was given away a while ago.
    pub(super) fn restore(&mut self) {
        if !self.kept && self.tried.elapsed() >= RETRY_PAUSE {
            self.kept = take_up(&self.path).is_ok();
            self.tried = Instant::now();
        }
    }
}

/// Without being able to allocate there is nothing to be had but trouble at the worst time: half a file is none.
fn take_up(path: &Path) -> io::Result<()> {
    let file = File::options().create(true).write(true).truncate(false).open(path)?;
    match fcntl::posix_fallocate(&file, 0, BYTES) {
        Ok(()) => Ok(()),
        Err(error) => {
            let _ = fs::remove_file(path);
            Err(if error == Errno::ENOSPC { io::ErrorKind::StorageFull.into() } else { error.into() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn space_is_kept_and_given_once() {
        let directory = tempfile::tempdir().unwrap();
        let mut room = Room::keep(directory.path());
        assert_eq!(fs::metadata(directory.path().join("room")).unwrap().len(), BYTES as u64);
        assert!(!room.give_for(&io::ErrorKind::PermissionDenied.into()));
        let full = || io::Error::from(io::ErrorKind::StorageFull);
        assert!(room.give_for(&full()));
        assert!(!directory.path().join("room").exists());
        assert!(!room.give_for(&full()), "there is none left");
    }
}
