//! A temporary directory that outlives its cluster only until the next one is started.

use anyhow::{Context, Result};
use nix::fcntl::{Flock, FlockArg};
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// What directories are called; the rest of the name is drawn at random.
const PREFIX: &str = "proffer-";

/// A file in the directory, locked while the cluster is up.
const IN_USE: &str = "in-use";

/// A temporary directory. It goes when this is dropped.
#[derive(Debug)]
pub(crate) struct Scratch {
    directory: TempDir,
    _in_use: Flock<File>,
}

impl Scratch {
    /// Makes one, and removes those of clusters that were killed.
    pub(crate) fn make() -> Result<Self> {
        Self::make_in(&std::env::temp_dir()).context("make a temporary directory")
    }

    fn make_in(parent: &Path) -> Result<Self> {
        sweep(parent);
        let directory = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent)?;
        let draft = directory.path().join("draft");
        let lock = Flock::lock(File::create(&draft)?, FlockArg::LockExclusive).map_err(|(_, error)| error)?;
        // It has its name once it is locked: another cluster that starts now must not take it for a dead one's.
        fs::rename(draft, directory.path().join(IN_USE))?;
        Ok(Self { directory, _in_use: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }
}

/// Removes what clusters left that did not end by themselves.
fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    let named = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PREFIX));
    for directory in entries.flatten().map(|entry| entry.path()).filter(named) {
        let Ok(file) = File::open(directory.join(IN_USE)) else { continue };
        if let Ok(_dead) = Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            // One that cannot be removed is somebody else's.
            let _ = fs::remove_dir_all(directory);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_cluster_left_goes_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        let alive = Scratch::make_in(parent.path()).unwrap();
        let dead = parent.path().join("proffer-dead");
        let foreign = parent.path().join("proffer-notes");
        for directory in [&dead, &foreign] {
            fs::create_dir(directory).unwrap();
        }
        fs::write(dead.join(IN_USE), "").unwrap();
        let next = Scratch::make_in(parent.path()).unwrap();
        assert!(alive.path().exists() && foreign.exists() && !dead.exists());
        let path = next.path().to_owned();
        drop(next);
        assert!(!path.exists());
    }
}
