//! Where fetched things are put: below the sandbox, through real directories only.
//!
//! Nothing is written through a link, and each link leads to within the sandbox from where it really is. The two rules
//! need each other: a way without links is where it seems to be, so counting the steps of a link is enough. They hold
//! against archives that are unpacked side by side too, for a directory is never replaced.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read},
    os::unix::fs::{DirBuilderExt, symlink},
    path::{Component, Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

/// What one archive may unpack to. Hardly any honest one is larger, and a small file can hold as much as fills a disk.
const ROOM: u64 = 16 * 1024 * 1024 * 1024;

/// A sandbox that is filled, and what was made in it.
pub(super) struct Sandbox<'a> {
    root: &'a Path,
    made: Vec<PathBuf>,
    /// Bytes that it may be filled with.
    room: u64,
    left: u64,
}

impl<'a> Sandbox<'a> {
    pub(super) fn new(root: &'a Path) -> Self {
        Self::with_room(root, ROOM)
    }

    pub(super) fn with_room(root: &'a Path, room: u64) -> Self {
        Self { root, made: Vec::new(), room, left: room }
    }

    pub(super) fn root(&self) -> &Path {
        self.root
    }

    /// Everything made so far, parents first.
    pub(super) fn made(&self) -> &[PathBuf] {
        &self.made
    }

    /// Makes a directory and those above it; gives where it is.
    pub(super) fn directory(&mut self, path: &Path) -> io::Result<PathBuf> {
        let mut place = self.root.to_owned();
        for part in normal(path)? {
            place.push(part);
            match DirBuilder::new().mode(0o755).create(&place) {
                Ok(()) => self.made.push(place.clone()),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    let kind = fs::symlink_metadata(&place)?.file_type();
                    if kind.is_symlink() {
                        return Err(wrong(format!("{} goes through a link", path.display())));
                    }
                    if !kind.is_dir() {
                        return Err(wrong(format!("{} goes through what is no directory", path.display())));
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(place)
    }

    /// Where a file may be put: makes the directories above it.
    pub(super) fn place(&mut self, path: &Path) -> io::Result<PathBuf> {
        let parts = normal(path)?;
        let (name, above) = parts.split_last().ok_or_else(|| wrong("an entry has no name".to_owned()))?;
        let above: PathBuf = above.iter().collect();
        Ok(self.directory(&above)?.join(name))
    }

    /// Makes a file, in the place of another one if need be.
    pub(super) fn file(&mut self, path: &Path) -> io::Result<File> {
        let place = self.vacate(path)?;
        let file = OpenOptions::new().write(true).create_new(true).open(&place)?;
        self.made.push(place);
        Ok(file)
    }

    /// Writes what comes into a file, if there is room for all of it.
    pub(super) fn fill(&mut self, file: &mut File, from: &mut impl Read) -> io::Result<()> {
        let written = io::copy(&mut from.take(self.left.saturating_add(1)), file)?;
        let too_much = || wrong(format!("what is in it is larger than {} bytes", self.room));
        self.left = self.left.checked_sub(written).ok_or_else(too_much)?;
        Ok(())
    }

    /// Makes a symbolic link that leads to within the sandbox.
    pub(super) fn symlink(&mut self, path: &Path, link: &Path) -> io::Result<()> {
        let link = within(path, link)?;
        let place = self.vacate(path)?;
        symlink(link, &place)?;
        self.made.push(place);
        Ok(())
    }

    /// Gives another name to a file that is in the sandbox already.
    pub(super) fn hard_link(&mut self, path: &Path, existing: &Path) -> io::Result<()> {
        let existing = self.place(existing)?;
        let place = self.vacate(path)?;
        fs::hard_link(existing, &place)?;
        // A link leads elsewhere from here than from where it was checked.
        if fs::symlink_metadata(&place)?.is_symlink() {
            fs::remove_file(&place)?;
            return Err(wrong(format!("{} is a link to a link", path.display())));
        }
        self.made.push(place);
        Ok(())
    }

    fn vacate(&mut self, path: &Path) -> io::Result<PathBuf> {
        let place = self.place(path)?;
        match fs::remove_file(&place) {
            Ok(()) => Ok(place),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(place),
            Err(_) if place.is_dir() => Err(wrong(format!("{} is a directory already", path.display()))),
            Err(error) => Err(error),
        }
    }
}

/// The parts of a path that leads to within the sandbox.
fn normal(path: &Path) -> io::Result<Vec<&std::ffi::OsStr>> {
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => parts.push(part),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return Err(escape(path)),
        }
    }
    Ok(parts)
}

/// A link at `path`, written such that it goes up first and down then. So it cannot go up from where another link leads
/// to, which may be less deep than it seems.
fn within(path: &Path, link: &Path) -> io::Result<PathBuf> {
    let depth = normal(path)?.len().saturating_sub(1);
    let (mut up, mut down) = (0, Vec::new());
    for part in link.components() {
        match part {
            Component::Normal(part) => down.push(part),
            Component::CurDir => {}
            Component::ParentDir if down.pop().is_some() => {}
            Component::ParentDir if up < depth => up += 1,
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return Err(escape(link)),
        }
    }
    let straight: PathBuf = std::iter::repeat_n(std::ffi::OsStr::new(".."), up).chain(down).collect();
    Ok(if straight.as_os_str().is_empty() { PathBuf::from(".") } else { straight })
}

fn escape(path: &Path) -> io::Error {
    wrong(format!("{} leads out of the sandbox", path.display()))
}

fn wrong(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

/// A file that goes unless it is renamed. Its name is its own, also among processes.
pub(super) struct Temporary {
    path: Option<PathBuf>,
}

impl Temporary {
    /// Makes one whose name begins with this.
    pub(super) fn new(beginning: &Path) -> io::Result<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let process = std::process::id();
        loop {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let mut path = beginning.as_os_str().to_owned();
            path.push(format!(".{process}.{number}.new"));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(_) => return Ok(Self { path: Some(path.into()) }),
                // Another process had this number before, or has it in another container.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        self.path.as_deref().unwrap_or_else(|| Path::new(""))
    }

    /// Gives it its name, in the place of another file if there is one.
    pub(super) fn rename(mut self, target: &Path) -> io::Result<()> {
        fs::rename(self.path(), target)?;
        self.path = None;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            let _ = fs::remove_file(path);
        }
    }
}
