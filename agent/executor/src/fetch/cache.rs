//! Copies of fetched files that are kept for the next task.

use super::hex;
use proto_types::task::Uri;
use sha2::{Digest, Sha256};
use std::{
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// Bytes kept at most (Mesos's default). The longest unused go first.
const BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;

/// Where the copy of a URI is kept. With a checksum it is another one: what is asked for is not what was fetched.
pub(super) fn path(cache: &Path, uri: &Uri) -> PathBuf {
    let mut hasher = Sha256::new();
    hasher.update(uri.value.as_bytes());
    hasher.update([0]);
    hasher.update(uri.sha256.as_deref().unwrap_or_default().as_bytes());
    cache.join(hex(&hasher.finalize()))
}

/// Copies what is kept to where it is needed; says whether there was something.
pub(super) fn take(kept: &Path, target: &Path) -> bool {
    let Ok(file) = fs::File::open(kept) else { return false };
    // What is used stays longest.
    let _ = file.set_modified(SystemTime::now());
    fs::copy(kept, target).is_ok()
}

/// Keeps a copy. Several processes may do so at once: each makes its own file, and the last one stays.
pub(super) fn keep(cache: &Path, kept: &Path, source: &Path) -> io::Result<()> {
    let size = fs::metadata(source)?.len();
    if size > BYTES_MAX {
        return Ok(());
    }
    fs::create_dir_all(cache)?;
    make_room(cache, size)?;
    let temporary = kept.with_extension(format!("{}.new", std::process::id()));
    fs::copy(source, &temporary)?;
    fs::rename(temporary, kept)
}

fn make_room(cache: &Path, size: u64) -> io::Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(cache)? {
        let metadata = entry.as_ref().map_err(|error| io::Error::from(error.kind()))?.metadata()?;
        files.push((metadata.modified()?, metadata.len(), entry?.path()));
    }
    files.sort();
    let mut total: u64 = files.iter().map(|(_, length, _)| length).sum();
    for (_, length, path) in files {
        if total + size <= BYTES_MAX {
            break;
        }
        fs::remove_file(path)?;
        total -= length;
    }
    Ok(())
}
