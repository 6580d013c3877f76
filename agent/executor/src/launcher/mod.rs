//! The launcher: a small single-threaded process that starts an executor's process tasks and waits for them.
//!
//! It is apart from the executor so that an executor may die, or be replaced, without its tasks noticing: the launcher
//! goes on waiting, and writes each start and exit to a file before it tells anybody. It is small so that a fork costs
//! little.

mod children;
mod connection;
mod frames;
mod leftovers;
mod nursery;
mod orphans;
mod pool;
mod records;
mod server;
mod spawn;

pub(crate) use frames::Frames;
pub(crate) use records::{Contents, Recorded, read as read_records};

use crate::isolation::{self, Choice, Isolation};
use orphans::Orphans;
use pool::Pool;
use records::Records;
use std::path::{Path, PathBuf};

/// The launcher's socket in the executor's run directory. Relative, because socket paths must be short.
pub(crate) const SOCKET: &str = "launcher.sock";

/// The launcher's file of records in the executor's run directory.
pub(crate) const RECORDS: &str = "processes";

/// Why a launcher cannot work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its directory cannot be entered.
    #[error("cannot work in {}", path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Its socket cannot be made.
    #[error("cannot listen on {SOCKET}")]
    Socket(#[source] std::io::Error),
    /// Its file cannot be written. Nothing is started that could not be found again.
    #[error("cannot write {RECORDS}")]
    Records(#[source] std::io::Error),
    /// The kernel refuses what it needs.
    #[error("cannot wait for processes")]
    Wait(#[source] std::io::Error),
    /// The isolation that it was told to use cannot be had.
    #[error(transparent)]
    Isolation(#[from] isolation::Error),
}

/// Runs a launcher in an executor's run directory until it is told to end, or nobody needs it any more.
///
/// # Errors
/// If it cannot work there.
pub fn launcher(directory: &Path, choice: Choice) -> Result<(), Error> {
    // The executor started it by a path that says nothing to people who list processes.
    let _ = nix::sys::prctl::set_name(c"proffer");
    let wrong = |source| Error::Directory { path: directory.to_owned(), source };
    std::env::set_current_dir(directory).map_err(wrong)?;
    let hierarchy = match Isolation::detect(choice)? {
        Isolation::Posix => None,
        Isolation::Cgroups(hierarchy) => Some(hierarchy),
    };
    let earlier = read_records(Path::new("."));
    let orphans = Orphans::take_over(&earlier, hierarchy.clone());
    let cgroup = hierarchy.as_ref().map(|_| format!("launcher-{}-{}", std::process::id(), spawn::boot_ticks()));
    let cgroup = cgroup.unwrap_or_default();
    // Written before the first cgroup is made: whoever comes after must find them all.
    let contents = Contents { cgroup: cgroup.clone(), earlier_cgroups: orphans.homes(), tasks: earlier.tasks };
    let records = Records::create(contents).map_err(Error::Records)?;
    let pool = hierarchy.map(|hierarchy| Pool::new(hierarchy, &cgroup)).transpose();
    let pool = pool.map_err(|error| isolation::Error::Cgroups(error.to_string()))?;
    server::Server::new(pool, records, orphans)?.run()
}
