//! The sandbox of a custom executor. Each start gets a new one, made where no other user reaches it and handed over when
//! all is in it: a process of the executor's user, such as one that an earlier start left, can put nothing in the way of
//! what the agent does as root.

use agent_executor::fetch::Owner;
use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, lchown},
    path::{Component, Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

/// In the executor's directory: the sandbox of the start before the present one.
const PREVIOUS: &str = "previous";

/// A sandbox that is being made. Until it is handed over, dropping it removes it.
#[derive(Debug)]
pub(super) struct Draft {
    path: PathBuf,
    owner: Option<Owner>,
}

impl Draft {
    /// An empty one in an executor's directory, which only the agent's user may enter.
    pub(super) fn make(run: &Path, owner: Option<Owner>) -> io::Result<Self> {
        static DRAFTS: AtomicU64 = AtomicU64::new(1);
        let path = run.join(format!("draft-{}", DRAFTS.fetch_add(1, Ordering::Relaxed)));
        // An earlier process of the agent may have left one.
        remove(&path)?;
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self { path, owner })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the working directory; says where it is in the sandbox.
    pub(super) fn working_directory(&self, relative: &str) -> io::Result<PathBuf> {
        let outside = || io::Error::other(format!("the working directory {relative:?} leads out of the sandbox"));
        let mut directory = PathBuf::new();
        for part in Path::new(relative).components() {
            match part {
                Component::CurDir => continue,
                Component::Normal(name) => directory.push(name),
                _ => return Err(outside()),
            }
            let path = self.path.join(&directory);
            match fs::create_dir(&path) {
                Ok(()) => self.own(&path)?,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        let found = self.path.join(&directory).canonicalize()?;
        if found.starts_with(self.path.canonicalize()?) { Ok(directory) } else { Err(outside()) }
    }

    /// Opens a file for output.
    pub(super) fn output(&self, name: &str) -> io::Result<File> {
        let path = self.path.join(name);
        let file = append(&path)?;
        self.own(&path)?;
        Ok(file)
    }

    /// Gives the sandbox to its user, in its place. The one that was there is kept until the next start.
    pub(super) fn hand_over(self, sandbox: &Path) -> io::Result<()> {
        if let (Some(run), true) = (self.path.parent(), fs::symlink_metadata(sandbox).is_ok()) {
            let previous = run.join(PREVIOUS);
            remove(&previous)?;
            fs::rename(sandbox, previous)?;
        }
        if let Some(framework) = sandbox.parent() {
            fs::create_dir_all(framework)?;
            fs::set_permissions(framework, Permissions::from_mode(0o711))?;
        }
        self.own(&self.path)?;
        fs::set_permissions(&self.path, Permissions::from_mode(0o755))?;
        fs::rename(&self.path, sandbox)
    }

    fn own(&self, path: &Path) -> io::Result<()> {
        self.owner.map_or(Ok(()), |Owner { uid, gid }| lchown(path, Some(uid), Some(gid)))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Where it was handed over nothing is left to remove.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Opens a file for output, through no link and waiting for no reader: it may come out of an archive.
pub(super) fn append(path: &Path) -> io::Result<File> {
    let flags = nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK;
    let file = OpenOptions::new().append(true).create(true).custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is not a file")) }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt, symlink};

    fn nobody() -> Option<Owner> {
        nix::unistd::geteuid().is_root().then_some(Owner { uid: 65534, gid: 65534 })
    }

    #[test]
    fn what_an_earlier_start_left_is_in_nobodys_way() {
        let directory = tempfile::tempdir().unwrap();
        let (run, sandbox) = (directory.path().join("run"), directory.path().join("executors/f/mine"));
        fs::create_dir(&run).unwrap();
        let victim = directory.path().join("victim");
        fs::write(&victim, "x").unwrap();
        for start in 0..3 {
            let draft = Draft::make(&run, nobody()).unwrap();
            drop(draft.output("stdout").unwrap());
            assert_eq!(draft.working_directory("work/deep").unwrap(), Path::new("work/deep"));
            draft.hand_over(&sandbox).unwrap();
            assert_eq!(fs::read_dir(&sandbox).unwrap().count(), 2, "start {start} begins afresh");
            if let Some(Owner { uid, .. }) = nobody() {
                for name in ["", "stdout", "work", "work/deep"] {
                    assert_eq!(fs::metadata(sandbox.join(name)).unwrap().uid(), uid, "{name}");
                }
            }
            fs::remove_file(sandbox.join("stdout")).unwrap();
            symlink(&victim, sandbox.join("stdout")).unwrap();
            fs::remove_dir_all(sandbox.join("work")).unwrap();
            symlink(directory.path(), sandbox.join("work")).unwrap();
        }
        assert_eq!(fs::metadata(&victim).unwrap().uid(), nix::unistd::geteuid().as_raw());
        assert!(!directory.path().join("deep").exists());
        let kept: Vec<_> = fs::read_dir(&run).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(kept, [PREVIOUS]);
    }

    #[test]
    fn nothing_is_made_outside() {
        let directory = tempfile::tempdir().unwrap();
        let draft = Draft::make(directory.path(), None).unwrap();
        let absolute = directory.path().join("absolute").display().to_string();
        for relative in ["../out", "a/../../out", &absolute] {
            let error = draft.working_directory(relative).unwrap_err();
            assert!(error.to_string().contains("leads out of the sandbox"), "{error}");
        }
        drop(draft);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn output_goes_to_files_only() {
        let directory = tempfile::tempdir().unwrap();
        let draft = Draft::make(directory.path(), None).unwrap();
        symlink("/etc/hostname", draft.path().join("link")).unwrap();
        nix::unistd::mkfifo(&draft.path().join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        for name in ["link", "pipe"] {
            draft.output(name).unwrap_err();
        }
    }
}
