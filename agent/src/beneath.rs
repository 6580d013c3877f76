//! Files beneath a directory in which others write while it is read: no link and no `..` leads out, at no moment.

use nix::{
    errno::Errno,
    fcntl::{OFlag, OpenHow, ResolveFlag, openat, openat2},
    sys::stat::Mode,
};
use std::{
    fs::{self, File},
    io,
    os::fd::{AsRawFd, OwnedFd},
    path::{Component, Path, PathBuf},
};

/// Tries where the tree is changed while a path is followed.
const TRIES: usize = 64;

/// Opens a name without what it names: nothing happens to a pipe or a device.
const NAME: OFlag = OFlag::O_PATH.union(OFlag::O_CLOEXEC);

/// Something that a path led to. Whatever is put under the path afterwards, this stays what it is.
#[derive(Debug)]
pub(crate) struct Found(File);

impl Found {
    /// Follows a path that begins at `root`.
    ///
    /// # Errors
    /// There is nothing, or [`leads_out`] is true of it.
    pub(crate) fn at(root: &File, path: &str) -> io::Result<Self> {
        let path = if path.is_empty() { "." } else { path };
        let fd = match by_kernel(root, path) {
            // A kernel before 5.6, or one that is told to act like that.
            Err(Errno::ENOSYS | Errno::EPERM) => by_steps(root, path)?,
            found => found?,
        };
        Ok(Self(fd.into()))
    }

    /// What it is.
    pub(crate) fn metadata(&self) -> io::Result<fs::Metadata> {
        self.0.metadata()
    }

    /// Opens it for reading. It must be a regular file: opening anything else may wait.
    pub(crate) fn open(&self) -> io::Result<File> {
        File::open(self.handle())
    }

    /// Reads the directory that it is.
    pub(crate) fn entries(&self) -> io::Result<fs::ReadDir> {
        fs::read_dir(self.handle())
    }

    /// A path that leads to it, and to nothing else.
    fn handle(&self) -> PathBuf {
        format!("/proc/self/fd/{}", self.0.as_raw_fd()).into()
    }
}

/// Whether the error is that a path leads out.
pub(crate) fn leads_out(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::EXDEV as i32)
}

/// Opens a directory, to begin paths at.
pub(crate) fn root(path: &Path) -> io::Result<File> {
    let flags = NAME | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW;
    Ok(nix::fcntl::open(path, flags, Mode::empty())?.into())
}

fn by_kernel(root: &File, path: &str) -> nix::Result<OwnedFd> {
    let how = OpenHow::new().flags(NAME).resolve(ResolveFlag::RESOLVE_BENEATH);
    for _ in 1..TRIES {
        match openat2(root, path, how) {
            Err(Errno::EAGAIN) => {}
            found => return found,
        }
    }
    openat2(root, path, how)
}

/// The same through no links at all.
fn by_steps(root: &File, path: &str) -> io::Result<OwnedFd> {
    let out = || io::Error::from(Errno::EXDEV);
    let mut at = root.try_clone()?.into();
    for part in Path::new(path).components() {
        let name = match part {
            Component::CurDir => continue,
            Component::Normal(name) => name,
            _ => return Err(out()),
        };
        at = openat(&at, name, NAME | OFlag::O_NOFOLLOW, Mode::empty())?;
        if File::from(at.try_clone()?).metadata()?.is_symlink() {
            return Err(out());
        }
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn paths_stay_beneath() {
        let directory = tempfile::tempdir().unwrap();
        let inside = directory.path().join("inside");
        fs::create_dir_all(inside.join("sub")).unwrap();
        fs::write(inside.join("sub/file"), "text").unwrap();
        symlink("sub", inside.join("link")).unwrap();
        symlink("../outside", inside.join("sub/out")).unwrap();
        symlink("../..", inside.join("sub/up")).unwrap();
        let root = root(&inside).unwrap();
        type Way = fn(&File, &str) -> io::Result<OwnedFd>;
        let kernel: Way = |root, path| Ok(by_kernel(root, path)?);
        for way in [kernel, by_steps] {
            for path in [".", "sub", "sub/file", "./sub//file"] {
                way(&root, path).unwrap();
            }
            for path in ["..", "sub/up", "sub/up/inside/sub/file", "/etc", "../inside"] {
                assert!(leads_out(&way(&root, path).unwrap_err()), "{path}");
            }
            assert_eq!(way(&root, "none").unwrap_err().kind(), io::ErrorKind::NotFound);
        }
        assert!(by_kernel(&root, "link/file").is_ok(), "links within are followed");
    }

    #[test]
    fn what_was_found_stays_what_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::write(&path, "text").unwrap();
        let root = root(directory.path()).unwrap();
        let found = Found::at(&root, "file").unwrap();
        fs::remove_file(&path).unwrap();
        symlink("/etc/hostname", &path).unwrap();
        assert_eq!(io::read_to_string(found.open().unwrap()).unwrap(), "text");
        assert_eq!(Found::at(&root, "").unwrap().entries().unwrap().count(), 1);
    }
}
