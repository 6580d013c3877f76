//! Processes that the cluster's processes started, found by where they work and what is in their environment.

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The process that works below this directory in this role, such as `executor` or `launcher`.
#[must_use]
pub fn in_role(home: &Path, role: &str) -> Option<Pid> {
    let are: Vec<PathBuf> = all().into_iter().filter(|process| is_in_role(process, home, role)).collect();
    // A copy of a process looks like it; the first is nobody's copy.
    let first = are.iter().find(|process| !are.iter().any(|other| parent(process) == pid(other)));
    first.and_then(|process| pid(process))
}

/// The processes that a task started and those that they started.
#[must_use]
pub fn of_task(sandbox: &Path) -> Vec<Pid> {
    let variable = format!("PROFFER_SANDBOX={}", sandbox.display());
    let told = |process: &PathBuf| {
        let environment = fs::read(process.join("environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|told| told == variable.as_bytes())
    };
    all().iter().filter(|process| told(process)).filter_map(|process| pid(process)).collect()
}

/// Whether there is such a process, and it has not ended.
#[must_use]
pub fn is_alive(pid: Pid) -> bool {
    stat(Path::new(&format!("/proc/{pid}"))).is_some_and(|fields| !matches!(fields[0].as_str(), "Z" | "X"))
}

/// Whatever still works below a directory when this is dropped is killed: a test that fails may have left it there.
#[derive(Debug)]
pub struct Remains(pub PathBuf);

impl Drop for Remains {
    fn drop(&mut self) {
        kill_all_below(&self.0);
    }
}

/// Kills everything that works below this directory, and the tasks whose sandboxes are there.
pub fn kill_all_below(directory: &Path) {
    let home = directory.as_os_str().as_encoded_bytes();
    for process in all() {
        let told = fs::read(process.join("environ")).unwrap_or_default();
        let sandbox = told.split(|byte| *byte == 0).find_map(|told| told.strip_prefix(b"PROFFER_SANDBOX="));
        let works = fs::read_link(process.join("cwd")).is_ok_and(|works| works.starts_with(directory));
        if (works || sandbox.is_some_and(|sandbox| sandbox.starts_with(home)))
            && let Some(pid) = pid(&process)
        {
            // One that has just ended needs none.
            let _ = kill(pid, Signal::SIGKILL);
        }
    }
}

/// Kills every process that was told of this directory in its arguments, with its children: what holds the containers of
/// an engine that was killed.
pub fn kill_all_told(directory: &Path) {
    let told = directory.as_os_str().as_encoded_bytes();
    let all = all();
    let is_told = |process: &&PathBuf| {
        let arguments = fs::read(process.join("cmdline")).unwrap_or_default();
        // Longer than the directory: its own name alone is everybody's.
        arguments.split(|byte| *byte == 0).any(|word| word.starts_with(told) && word.len() > told.len())
    };
    for process in all.iter().filter(is_told).filter(|process| pid(process) != Some(Pid::this())) {
        let children = all.iter().filter(|child| parent(child) == pid(process));
        for pid in children.chain([process]).filter_map(|process| pid(process)) {
            let _ = kill(pid, Signal::SIGKILL);
        }
    }
}

fn is_in_role(process: &Path, home: &Path, role: &str) -> bool {
    let arguments = fs::read_to_string(process.join("cmdline")).unwrap_or_default();
    let works_there = fs::read_link(process.join("cwd")).is_ok_and(|directory| directory.starts_with(home));
    works_there && arguments.split('\0').nth(1) == Some(role)
}

fn all() -> Vec<PathBuf> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| pid(path).is_some()).collect()
}

fn pid(process: &Path) -> Option<Pid> {
    process.file_name()?.to_str()?.parse().ok().map(Pid::from_raw)
}

fn parent(process: &Path) -> Option<Pid> {
    stat(process)?.get(1)?.parse().ok().map(Pid::from_raw)
}

/// What the kernel says of a process after its name, which may contain anything: its state first, then its parent.
fn stat(process: &Path) -> Option<Vec<String>> {
    let text = fs::read_to_string(process.join("stat")).ok()?;
    let (_, fields) = text.rsplit_once(')')?;
    Some(fields.split_ascii_whitespace().map(str::to_owned).collect())
}
