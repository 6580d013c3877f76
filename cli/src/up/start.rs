//! Starting the processes of a cluster.

use anyhow::{Context, Result};
use nix::{
    sys::{prctl, signal::Signal},
    unistd::{Pid, getpid, getppid},
};
use std::{
    fs::File,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// This same binary, to start a role of the cluster with.
pub(super) fn this_program() -> Result<PathBuf> {
    kit::program::own().context("this program's own path")
}

/// Starts a process of the cluster. It leads its own process group, so that a Ctrl-C of the terminal reaches only its
/// parent, and is asked to end when its parent dies. The election is in its environment: other users of the machine may
/// read arguments, and it may hold a password.
pub(super) fn start(
    name: &str,
    directory: &Path,
    program: &Path,
    arguments: &[String],
    election: Option<&str>,
) -> Result<Pid> {
    let log = directory.join(format!("{name}.log"));
    let file = File::options().create(true).append(true).open(&log).with_context(|| log.display().to_string())?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_remove("PROFFER_ZK")
        .envs(election.into_iter().flat_map(|address| [("PROFFER_ZK", address), ("PROFFER_MASTER", address)]))
        .stdin(Stdio::null())
        .stdout(Stdio::from(file.try_clone().context("log")?))
        .stderr(Stdio::from(file))
        .process_group(0);
    let parent = getpid();
    // SAFETY: between fork and exec only system calls are made; nothing allocates.
    unsafe {
        command.pre_exec(move || {
            prctl::set_pdeathsig(Signal::SIGTERM)?;
            if getppid() != parent {
                return Err(std::io::Error::from_raw_os_error(nix::libc::ESRCH));
            }
            Ok(())
        });
    }
    let child = command.spawn().with_context(|| format!("start {name}"))?;
    Ok(Pid::from_raw(child.id().cast_signed()))
}

/// The last line that a role wrote.
pub(super) fn last_words(name: &str, directory: &Path) -> String {
    let text = std::fs::read(directory.join(format!("{name}.log"))).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing").to_owned()
}
