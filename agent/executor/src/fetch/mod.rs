//! Filling sandboxes: files and archives from the web or this machine.

mod archive;
mod cache;
mod download;

pub(crate) use download::words;

use futures::{StreamExt, TryStreamExt};
use proto_types::task::Uri;
use sha2::{Digest, Sha256};
use std::{
    fs, io,
    os::unix::fs::{PermissionsExt, chown},
    path::{Component, Path, PathBuf},
};

/// Fetches of one task at once. More only compete for the same line.
const PARALLEL: usize = 8;

/// Whose the files shall be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// The user's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
}

/// Why something could not be fetched.
#[derive(Debug, thiserror::Error)]
#[error("cannot fetch {uri:?}: {why}")]
pub struct Error {
    /// What.
    pub uri: String,
    /// Why, in words.
    pub why: String,
}

/// Fetches everything into the sandbox, side by side. With an owner, what was fetched is the owner's.
///
/// # Errors
/// The first that cannot be fetched. What others left in the sandbox stays.
pub async fn fetch(uris: &[Uri], sandbox: &Path, owner: Option<Owner>, cache: &Path) -> Result<(), Error> {
    let all = futures::stream::iter(uris.iter().cloned())
        .map(|uri| fetch_one(uri, sandbox.to_owned(), owner, cache.to_owned()))
        .buffer_unordered(PARALLEL);
    all.try_collect::<Vec<()>>().await.map(drop)
}

async fn fetch_one(uri: Uri, sandbox: PathBuf, owner: Option<Owner>, cache: PathBuf) -> Result<(), Error> {
    let failed = |why: String| Error { uri: uri.value.clone(), why };
    let name = file_name(&uri).map_err(failed)?;
    let target = sandbox.join(&name);
    if let Some(parent) = target.parent() {
        fs::create_dir_all(parent).map_err(|error| failed(format!("cannot make {}: {error}", parent.display())))?;
    }
    obtain(&uri, &target, &cache).await.map_err(failed)?;
    let (value, uri) = (uri.value.clone(), uri);
    let finished = tokio::task::spawn_blocking(move || finish(&uri, &target, &sandbox, owner)).await;
    let why = match finished {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(why)) => why,
        Err(error) => error.to_string(),
    };
    Err(Error { uri: value, why })
}

/// Puts the file where it belongs, from the cache if it may be there.
async fn obtain(uri: &Uri, target: &Path, cache: &Path) -> Result<(), String> {
    if !uri.cache {
        return download::download(&uri.value, target).await;
    }
    let kept = cache::path(cache, uri);
    if cache::take(&kept, target) {
        return Ok(());
    }
    download::download(&uri.value, target).await?;
    // A copy that cannot be kept is no reason to fail the task.
    if let Err(error) = cache::keep(cache, &kept, target) {
        tracing::warn!(%error, uri = uri.value, "cannot keep a fetched file");
    }
    Ok(())
}

/// The name in the sandbox: what was asked for, or the last part of the path.
fn file_name(uri: &Uri) -> Result<PathBuf, String> {
    let name = uri.output_file.clone().unwrap_or_else(|| last_part(&uri.value));
    let path = PathBuf::from(&name);
    let inside = path.components().all(|part| matches!(part, Component::Normal(_)));
    if name.is_empty() || !inside {
        return Err(format!("{name:?} is no name for a file in the sandbox; set output_file"));
    }
    Ok(path)
}

fn last_part(uri: &str) -> String {
    let path = uri.split(['?', '#']).next().unwrap_or_default();
    let after_scheme = path.split_once("://").map_or(path, |(_, rest)| rest);
    after_scheme.rsplit_once('/').map_or("", |(_, name)| name).to_owned()
}

/// Checks, unpacks and hands over a file that is there.
fn finish(uri: &Uri, target: &Path, sandbox: &Path, owner: Option<Owner>) -> Result<(), String> {
    if let Some(wanted) = &uri.sha256 {
        check(target, wanted)?;
    }
    let mut made = vec![target.to_owned()];
    if uri.executable {
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(target, mode).map_err(|error| format!("cannot make it executable: {error}"))?;
    } else if uri.extract {
        made.extend(archive::unpack(target, sandbox).map_err(|error| format!("cannot unpack it: {error}"))?);
    }
    match owner {
        Some(owner) => made.iter().try_for_each(|path| give(path, owner)).map_err(|error| error.to_string()),
        None => Ok(()),
    }
}

fn check(file: &Path, wanted: &str) -> Result<(), String> {
    let mut hasher = Sha256::new();
    let mut open = fs::File::open(file).map_err(|error| error.to_string())?;
    io::copy(&mut open, &mut io::BufWriter::new(Hash(&mut hasher))).map_err(|error| error.to_string())?;
    let found = hex(&hasher.finalize());
    if found.eq_ignore_ascii_case(wanted) { Ok(()) } else { Err(format!("its SHA-256 is {found}, not {wanted}")) }
}

/// A hasher that can be written to.
struct Hash<'a>(&'a mut Sha256);

impl io::Write for Hash<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn give(path: &Path, owner: Owner) -> io::Result<()> {
    if path.is_symlink() {
        return std::os::unix::fs::lchown(path, Some(owner.uid), Some(owner.gid));
    }
    chown(path, Some(owner.uid), Some(owner.gid))
}
