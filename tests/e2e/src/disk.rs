//! Small disks, to be filled.

use anyhow::{Context, Result};
use nix::{
    mount::{MntFlags, MsFlags, mount, umount2},
    sched::{CloneFlags, unshare},
    sys::statvfs::statvfs,
};
use std::{
    fs::{self, File},
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

/// How much is written at once: first much, then as little as the disk gives out.
const PIECES: [usize; 2] = [1 << 20, 1];

/// A small disk in memory. It is unmounted when this is dropped, and gone with the test and what it started in any case.
#[derive(Debug)]
pub struct Disk {
    path: PathBuf,
}

impl Disk {
    /// Mounts an empty disk where this directory shall be. Only this thread and what it starts from now on see it.
    ///
    /// # Errors
    /// If it cannot be mounted, such as without root.
    pub fn mount(path: &Path, mib: u32) -> Result<Self> {
        fs::create_dir_all(path).context("make a directory to mount a disk on")?;
        unshare(CloneFlags::CLONE_NEWNS).context("see mounts of one's own; tests with full disks need root")?;
        let nothing = None::<&str>;
        mount(nothing, "/", nothing, MsFlags::MS_PRIVATE | MsFlags::MS_REC, nothing)
            .context("keep mounts to oneself")?;
        let size = format!("size={mib}m");
        mount(Some("tmpfs"), path, Some("tmpfs"), MsFlags::empty(), Some(size.as_str())).context("mount a disk")?;
        Ok(Self { path: path.to_owned() })
    }

    /// Fills it to the last byte; dropping what this returns makes room again.
    ///
    /// # Errors
    /// If something else goes wrong than that the disk is full.
    pub fn fill(&self) -> Result<Filling> {
        let filling = Filling { path: self.path.join("filling") };
        let mut file = File::create(&filling.path).context("make a file that fills the disk")?;
        for size in PIECES {
            let piece = vec![0_u8; size];
            loop {
                match file.write(&piece) {
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(error) => return Err(error).context("fill the disk"),
                }
            }
        }
        Ok(filling)
    }

    /// The bytes that it still takes.
    ///
    /// # Errors
    /// If it cannot be asked.
    pub fn room(&self) -> Result<u64> {
        let stat = statvfs(&self.path).context("look at the disk")?;
        Ok(stat.blocks_available() * stat.fragment_size())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // What still has files open there keeps what it has, and the directory is free to go.
        let _ = umount2(&self.path, MntFlags::MNT_DETACH);
    }
}

/// What fills a disk. It is removed when this is dropped.
#[derive(Debug)]
pub struct Filling {
    path: PathBuf,
}

impl Drop for Filling {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}
