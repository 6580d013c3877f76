//! The socket on which executors connect: where it lies and who may open it.

use agent_executor::layout::Layout;
use kit::listen::{Error, Listener};
use nix::unistd::geteuid;
use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// The longest path that fits into a socket's address, with its terminating zero left out.
const PATH_MAX: usize = 107;

/// Others may pass through the directory to a socket whose name they know, and do nothing else.
const PASSAGE: u32 = 0o711;

/// The socket's file. One outside of the work directory is removed with this.
#[derive(Debug)]
pub(crate) struct Socket {
    path: PathBuf,
    outside: bool,
}

impl Socket {
    /// In the work directory, or where that is too long for a socket, in a directory of this user's with a short name;
    /// at every start the same.
    pub(crate) fn of(layout: &Layout) -> io::Result<Self> {
        let path = layout.socket();
        if path.as_os_str().len() <= PATH_MAX {
            return Ok(Self { path, outside: false });
        }
        let user = geteuid();
        let sum = crc32fast::hash(layout.root().as_os_str().as_encoded_bytes());
        let directory = Path::new("/tmp").join(format!("proffer-{user}"));
        match fs::DirBuilder::new().mode(PASSAGE).create(&directory) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let metadata = fs::symlink_metadata(&directory)?;
        if !metadata.is_dir() || metadata.uid() != user.as_raw() || metadata.mode() & 0o022 != 0 {
            let message = format!("{} is not a directory that only this user may write", directory.display());
            return Err(io::Error::other(message));
        }
        fs::set_permissions(&directory, Permissions::from_mode(PASSAGE))?;
        Ok(Self { path: directory.join(format!("{sum:08x}.sock")), outside: true })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Listens. Where executors may be of other users, these may connect; the token says whether it is an executor.
    pub(crate) fn listen(&self) -> Result<Listener, Error> {
        let listener = kit::listen::unix(&self.path)?;
        if geteuid().is_root() {
            let opened = fs::set_permissions(&self.path, Permissions::from_mode(0o666));
            opened.map_err(|source| Error::Socket { path: self.path.clone(), source })?;
        }
        Ok(listener)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.outside {
            // It may never have been made.
            let _ = fs::remove_file(&self.path);
        }
    }
}
