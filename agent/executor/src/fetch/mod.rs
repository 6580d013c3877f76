//! Filling sandboxes: files and archives from the web or this machine.

mod archive;
mod cache;
mod download;
mod sandbox;
#[cfg(test)]
mod tests;

pub(crate) use download::{plain, words};

use download::Source;
use futures::{StreamExt, TryStreamExt};
use proto_types::task::Uri;
use sandbox::{Sandbox, Temporary};
use sha2::{Digest, Sha256};
use std::{
    fs, io,
    os::unix::fs::{PermissionsExt, lchown},
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

/// Something could not be fetched. Its text is one line with the cause in it: it becomes the message of a task.
#[derive(Debug, thiserror::Error)]
#[error("cannot fetch {uri:?}: {fault}")]
pub struct Error {
    /// What.
    pub uri: String,
    /// Why.
    pub fault: Fault,
}

/// Why something could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// It is nothing that can be fetched.
    #[error("must be http://, https://, file:// or an absolute path on the agent")]
    Scheme,
    /// A `file://` of another machine.
    #[error("names a file on the host {0:?}; only files on the agent itself can be fetched")]
    Host(String),
    /// There is no place for it.
    #[error("{0:?} is no name for a file in the sandbox; set output_file")]
    Name(String),
    /// The server's answer is not the file.
    #[error("{0}")]
    Answer(String),
    /// No answer, or it broke off.
    #[error("{0}")]
    Transfer(String),
    /// Nothing came for too long.
    #[error("not a byte came for {0} s")]
    Stalled(u64),
    /// It cannot be read on this machine.
    #[error("{0}")]
    Read(String),
    /// It cannot be written to the sandbox.
    #[error("cannot write {name:?}: {why}")]
    Write {
        /// Its name in the sandbox.
        name: String,
        /// Why not.
        why: String,
    },
    /// It is not what was asked for.
    #[error("its SHA-256 is {found}, not {wanted}")]
    Checksum {
        /// What came.
        found: String,
        /// What was asked for.
        wanted: String,
    },
    /// It cannot be unpacked, or must not be.
    #[error("cannot unpack it: {0}")]
    Unpack(String),
    /// It cannot be handed over.
    #[error("cannot give it to its user: {0}")]
    Own(String),
    /// The process is ending.
    #[error("was broken off")]
    BrokenOff,
}

/// Fetches everything into the sandbox, side by side. With an owner, what was fetched is the owner's, and files of this
/// machine are read as the owner; both only if this process is root's.
///
/// # Errors
/// The first that cannot be fetched. What others left in the sandbox stays.
pub async fn fetch(uris: &[Uri], sandbox: &Path, owner: Option<Owner>, cache: &Path) -> Result<(), Error> {
    let owner = owner.filter(|_| nix::unistd::Uid::effective().is_root());
    let all = futures::stream::iter(uris.iter().cloned())
        .map(|uri| async move {
            let value = uri.value.clone();
            let one = One { uri, sandbox: sandbox.to_owned(), owner, cache: cache.to_owned() };
            one.fetch().await.map_err(|fault| Error { uri: value, fault })
        })
        .buffer_unordered(PARALLEL);
    all.try_collect::<Vec<()>>().await.map(drop)
}

/// One fetch.
struct One {
    uri: Uri,
    sandbox: PathBuf,
    owner: Option<Owner>,
    cache: PathBuf,
}

impl One {
    async fn fetch(self) -> Result<(), Fault> {
        let source = Source::of(&self.uri.value)?;
        let name = self.name(&source)?;
        let sandbox = self.sandbox.clone();
        // Until it is whole and what was asked for, it has a name that nobody looks for.
        let temporary = blocking(move || {
            let made = fs::create_dir_all(&sandbox).and_then(|()| Temporary::new(&sandbox.join(".fetch")));
            made.map_err(|error| Fault::Write { name: ".fetch".to_owned(), why: plain(&error) })
        });
        let temporary = temporary.await?;
        self.obtain(&source, temporary.path()).await?;
        blocking(move || self.finish(&name, temporary)).await
    }

    /// The name in the sandbox: what was asked for, or the last part of the path.
    fn name(&self, source: &Source) -> Result<PathBuf, Fault> {
        let (name, parts) = match &self.uri.output_file {
            Some(name) => (name.clone(), usize::MAX),
            // What stands for a slash in a URI is no directory.
            None => (source.name(), 1),
        };
        let path = PathBuf::from(&name);
        let inside = path.components().all(|part| matches!(part, Component::Normal(_)));
        let count = path.components().count();
        if inside && (1..=parts).contains(&count) && !name.contains('\0') { Ok(path) } else { Err(Fault::Name(name)) }
    }

    /// Brings the bytes, from the cache if they may be there, and checks them.
    async fn obtain(&self, source: &Source, target: &Path) -> Result<(), Fault> {
        if !self.uri.cache {
            source.download(target, self.owner).await?;
            return self.check(target).await;
        }
        let reader = self.owner.filter(|_| source.is_local());
        let kept = cache::path(&self.cache, &self.uri, reader);
        if self.take(&kept, target).await? {
            return Ok(());
        }
        source.download(target, self.owner).await?;
        // What is wrong must not be kept: every later fetch would fail by it.
        self.check(target).await?;
        let (cache, from) = (self.cache.clone(), target.to_owned());
        let keep = move || Ok(cache::keep(&cache, &kept, &from, cache::BYTES_MAX));
        // A copy that cannot be kept is no reason to fail the task.
        if let Err(error) = blocking(keep).await? {
            tracing::warn!(%error, uri = self.uri.value, "cannot keep a fetched file");
        }
        Ok(())
    }

    /// Takes a copy that was kept, if there is a good one.
    async fn take(&self, kept: &Path, target: &Path) -> Result<bool, Fault> {
        let (from, to) = (kept.to_owned(), target.to_owned());
        if !blocking(move || Ok(cache::take(&from, &to))).await? {
            return Ok(false);
        }
        match self.check(target).await {
            Ok(()) => Ok(true),
            Err(Fault::Checksum { .. }) => {
                tracing::warn!(uri = self.uri.value, "a kept file is damaged; it is fetched again");
                Ok(false)
            }
            Err(fault) => Err(fault),
        }
    }

    async fn check(&self, file: &Path) -> Result<(), Fault> {
        let Some(wanted) = self.uri.sha256.clone() else { return Ok(()) };
        let file = file.to_owned();
        blocking(move || {
            let found = checksum(&file).map_err(|error| Fault::Read(plain(&error)))?;
            if found.eq_ignore_ascii_case(&wanted) { Ok(()) } else { Err(Fault::Checksum { found, wanted }) }
        })
        .await
    }

    /// Names, unpacks and hands over a file that is there.
    fn finish(&self, name: &Path, temporary: Temporary) -> Result<(), Fault> {
        let written = |error: io::Error| Fault::Write { name: name.display().to_string(), why: plain(&error) };
        if self.uri.executable {
            fs::set_permissions(temporary.path(), fs::Permissions::from_mode(0o755)).map_err(written)?;
        }
        let mut sandbox = Sandbox::new(&self.sandbox);
        let target = sandbox.place(name).and_then(|target| {
            temporary.rename(&target)?;
            Ok(target)
        });
        let target = target.map_err(written)?;
        let unpacked = if self.uri.extract && !self.uri.executable {
            archive::unpack(&target, name, &mut sandbox).map_err(|error| Fault::Unpack(plain(&error)))
        } else {
            Ok(())
        };
        // Even if it could not be unpacked whole: what is there is seen and removed as the owner.
        if let Some(Owner { uid, gid }) = self.owner {
            let mut made = std::iter::once(target.as_path()).chain(sandbox.made().iter().map(PathBuf::as_path));
            let owned = made.try_for_each(|path| lchown(path, Some(uid), Some(gid)));
            owned.map_err(|error| Fault::Own(plain(&error)))?;
        }
        unpacked
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Fault> + Send + 'static) -> Result<T, Fault> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(Fault::BrokenOff))
}

fn checksum(file: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    io::copy(&mut io::BufReader::with_capacity(1 << 16, fs::File::open(file)?), &mut Hash(&mut hasher))?;
    Ok(hex(&hasher.finalize()))
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
