//! Processes of an earlier launcher: they run on, but are nobody's children, so that nobody will see how they end.

use super::{
    records::{Contents, Recorded},
    spawn::is_running,
};
use crate::cgroup::Hierarchy;
use nix::{
    sys::signal::{Signal, kill, killpg},
    unistd::{Pid, getpgid},
};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// The processes of an earlier launcher.
#[derive(Debug)]
pub(super) struct Orphans {
    tasks: BTreeMap<String, Orphan>,
    hierarchy: Option<Hierarchy>,
    /// The directories of cgroups of all earlier launchers, as far as they are there.
    homes: Vec<PathBuf>,
}

/// A process of an earlier launcher.
#[derive(Debug)]
struct Orphan {
    pid: Pid,
    start_ticks: u64,
    cgroup: Option<PathBuf>,
    /// Whether it ran when it was taken over. If not, its number may be another's by now.
    ran: bool,
}

impl Orphans {
    /// Takes over what an earlier launcher left, and ends what of it belongs to no task that is known to run.
    pub(super) fn take_over(earlier: &Contents, hierarchy: Option<Hierarchy>) -> Self {
        let homes = earlier.cgroups().into_iter().map(PathBuf::from).collect();
        let mut orphans = Self { tasks: BTreeMap::new(), hierarchy, homes };
        orphans.remove_cgroups();
        for (task, recorded) in &earlier.tasks {
            if let Recorded::Started(started) = recorded {
                let (pid, start_ticks) = (Pid::from_raw(started.pid), started.start_ticks);
                let ran = is_running(started.pid, start_ticks);
                orphans.tasks.insert(task.clone(), Orphan { pid, start_ticks, cgroup: None, ran });
            }
        }
        for name in orphans.cgroups() {
            let processes = orphans.processes(&name);
            let owner = orphans.tasks.values_mut().find(|orphan| orphan.ran && processes.contains(&orphan.pid));
            match owner {
                Some(orphan) => orphan.cgroup = Some(name),
                None => send(processes, Signal::SIGKILL),
            }
        }
        orphans
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    pub(super) fn contains(&self, task: &str) -> bool {
        self.tasks.contains_key(task)
    }

    pub(super) fn signal(&self, task: &str, signal: Signal) {
        if let Some(orphan) = self.tasks.get(task).filter(|orphan| orphan.is_running()) {
            self.signal_all(orphan, signal);
        }
    }

    /// The tasks that have ended since this was last asked. Nothing of them runs on.
    pub(super) fn take_ended(&mut self) -> Vec<String> {
        let ended = self.tasks.extract_if(.., |_, orphan| !orphan.is_running()).collect::<Vec<_>>();
        for (_, orphan) in &ended {
            self.signal_all(orphan, Signal::SIGKILL);
        }
        self.remove_cgroups();
        ended.into_iter().map(|(task, _)| task).collect()
    }

    fn signal_all(&self, orphan: &Orphan, signal: Signal) {
        // It ran a moment ago: numbers are given out anew only after all others.
        if orphan.ran {
            let _ = killpg(orphan.pid, signal);
        }
        signal_others(orphan.cgroup.iter().flat_map(|name| self.processes(name)), orphan.pid, signal);
    }

    /// The directories of earlier launchers that are there.
    pub(super) fn homes(&self) -> Vec<String> {
        self.homes.iter().map(|home| home.to_string_lossy().into_owned()).collect()
    }

    /// The names of the cgroups of earlier launchers.
    fn cgroups(&self) -> Vec<PathBuf> {
        self.homes.iter().flat_map(|home| self.cgroups_in(home)).collect()
    }

    fn cgroups_in(&self, home: &Path) -> Vec<PathBuf> {
        let Some(Ok(entries)) = self.tree().map(|tree| fs::read_dir(tree.join(home))) else { return Vec::new() };
        let directories = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        directories.map(|entry| home.join(entry.file_name())).collect()
    }

    fn processes(&self, name: &Path) -> Vec<Pid> {
        let Some(tree) = self.tree() else { return Vec::new() };
        let text = fs::read_to_string(tree.join(name).join("cgroup.procs")).unwrap_or_default();
        text.lines().filter_map(|line| line.parse().ok().map(Pid::from_raw)).collect()
    }

    fn tree(&self) -> Option<&Path> {
        self.hierarchy.as_ref()?.trees().first().copied()
    }

    /// Removes the cgroups that have become empty, and each home after its last.
    pub(super) fn remove_cgroups(&mut self) {
        if self.hierarchy.is_none() {
            // They are for a launcher that can see them.
            return;
        }
        for name in self.cgroups() {
            // One that still has processes cannot be removed.
            self.remove(&name);
        }
        let homes = std::mem::take(&mut self.homes);
        let (held, empty): (Vec<_>, Vec<_>) = homes.into_iter().partition(|home| !self.cgroups_in(home).is_empty());
        empty.iter().for_each(|home| self.remove(home));
        self.homes = held;
    }

    fn remove(&self, name: &Path) {
        let trees = self.hierarchy.iter().flat_map(Hierarchy::trees);
        trees.for_each(|tree| drop(fs::remove_dir(tree.join(name))));
    }
}

impl Orphan {
    fn is_running(&self) -> bool {
        is_running(self.pid.as_raw(), self.start_ticks)
    }
}

/// Signals those of a cgroup that have left the group: its members have the signal already.
pub(super) fn signal_others(cgroup: impl IntoIterator<Item = Pid>, group: Pid, signal: Signal) {
    send(cgroup.into_iter().filter(|pid| getpgid(Some(*pid)) != Ok(group)), signal);
}

fn send(pids: impl IntoIterator<Item = Pid>, signal: Signal) {
    for pid in pids {
        // One that has just ended needs none.
        let _ = kill(pid, signal);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        os::unix::process::{CommandExt, ExitStatusExt},
        process::{Child, Command},
    };

    fn pid(child: &Child) -> Pid {
        Pid::from_raw(i32::try_from(child.id()).unwrap())
    }

    #[test]
    fn who_is_in_the_group_is_not_signalled_again() {
        let start = || Command::new("sleep").arg("1000").process_group(0).spawn().unwrap();
        let (mut member, mut other) = (start(), start());
        let group = pid(&member);
        signal_others([&member, &other].map(pid), group, Signal::SIGTERM);
        assert_eq!(other.wait().unwrap().signal(), Some(Signal::SIGTERM as i32));
        // Any earlier signal would be the one that ended it.
        kill(group, Signal::SIGKILL).unwrap();
        assert_eq!(member.wait().unwrap().signal(), Some(Signal::SIGKILL as i32));
    }
}
