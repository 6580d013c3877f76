//! Copies of fetched files that are kept for the next task.

use super::{Owner, hex, sandbox::Temporary};
use proto_types::task::Uri;
use sha2::{Digest, Sha256};
use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// Bytes kept at most (Mesos's default). The longest unused go first.
pub(super) const BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;

/// Where the copy of a URI is kept. With a checksum it is another one: what is asked for is not what was fetched. So it
/// is with a reader: what one user may read on this machine, another may not.
pub(super) fn path(cache: &Path, uri: &Uri, reader: Option<Owner>) -> PathBuf {
    let mut hasher = Sha256::new();
    hasher.update(uri.value.as_bytes());
    hasher.update([0]);
    hasher.update(uri.sha256.as_deref().unwrap_or_default().to_lowercase().as_bytes());
    if let Some(Owner { uid, gid }) = reader {
        hasher.update([0]);
        hasher.update(uid.to_be_bytes());
        hasher.update(gid.to_be_bytes());
    }
    cache.join(hex(&hasher.finalize()))
}

/// Copies what is kept to where it is needed; says whether there was something.
pub(super) fn take(kept: &Path, target: &Path) -> bool {
    // Open, it stays whole whoever removes or replaces it.
    let Ok(mut file) = File::open(kept) else { return false };
    // What is used stays longest.
    let _ = file.set_modified(SystemTime::now());
    pour(&mut file, target).is_ok()
}

fn pour(from: &mut File, target: &Path) -> io::Result<()> {
    let mut to = File::create(target)?;
    io::copy(from, &mut to)?;
    to.set_permissions(from.metadata()?.permissions())
}

/// Keeps a copy, in at most so many bytes for all. Several processes may do so at once: each makes its own file, and
/// the last one stays.
pub(super) fn keep(cache: &Path, kept: &Path, source: &Path, bytes_max: u64) -> io::Result<()> {
    let Some(rest) = bytes_max.checked_sub(fs::metadata(source)?.len()) else { return Ok(()) };
    // What is kept for one user is not shown to others.
    DirBuilder::new().recursive(true).mode(0o700).create(cache)?;
    shrink(cache, rest)?;
    let temporary = Temporary::new(kept)?;
    fs::copy(source, temporary.path())?;
    temporary.rename(kept)?;
    // Others may have made use of the same room.
    shrink(cache, bytes_max)
}

/// Removes the longest unused until no more than so many bytes are left.
fn shrink(cache: &Path, bytes_max: u64) -> io::Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(cache)? {
        let entry = entry?;
        // Another process may be shrinking it too.
        let Some(metadata) = unless_gone(entry.metadata())? else { continue };
        if metadata.is_file() {
            files.push((metadata.modified()?, metadata.len(), entry.path()));
        }
    }
    files.sort();
    let mut total: u64 = files.iter().map(|(_, length, _)| length).sum();
    for (_, length, path) in files {
        if total <= bytes_max {
            break;
        }
        unless_gone(fs::remove_file(path))?;
        total -= length;
    }
    Ok(())
}

fn unless_gone<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_longest_unused_go_first() {
        let place = tempfile::tempdir().unwrap();
        let (cache, source) = (place.path().join("cache"), place.path().join("source"));
        fs::write(&source, [0; 10]).unwrap();
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        for (name, used) in [("one", 3), ("two", 1), ("three", 2)] {
            keep(&cache, &cache.join(name), &source, 30).unwrap();
            File::open(cache.join(name)).unwrap().set_modified(at(used)).unwrap();
        }
        assert!(take(&cache.join("two"), &place.path().join("target")), "now it was used last");
        keep(&cache, &cache.join("four"), &source, 30).unwrap();
        let left = ["one", "two", "three", "four"].map(|name| cache.join(name).exists());
        assert_eq!(left, [true, true, false, true]);
        keep(&cache, &cache.join("five"), &source, 9).unwrap();
        assert!(!cache.join("five").exists(), "more than there is room for");
    }
}
