//! Ready cgroups that are used again, each with a nursery inside: making, entering and removing one costs two
//! milliseconds, most of them behind a lock of the whole kernel, which short tasks would feel.

use super::{leftovers, nursery::Nursery};
use crate::cgroup::Hierarchy;
use nix::unistd::Pid;
use std::{
    fs::{self, OpenOptions},
    io,
    path::{Path, PathBuf},
};

/// Processes that a task may have at once. Enough for any honest task, too few to exhaust the machine's numbers.
const PIDS_MAX: u32 = 4096;

/// Idle cgroups kept ready. A burst may need more; those beyond are removed.
const IDLE_MAX: usize = 64;

/// What a cgroup is to hold its processes to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) cpus_milli: u64,
    pub(super) memory_bytes: u64,
}

/// The cgroups of one launcher.
#[derive(Debug)]
pub(super) struct Pool {
    hierarchy: Hierarchy,
    home: PathBuf,
    made: u64,
    idle: Vec<Slot>,
    /// Those whose last processes are still dying.
    dying: Vec<Slot>,
}

/// A cgroup.
#[derive(Debug)]
pub(super) struct Slot {
    name: PathBuf,
    limits: Option<Limits>,
    oom_kills: u64,
    /// Lives in the cgroup and bears its processes there.
    pub(super) nursery: Nursery,
}

impl Pool {
    /// Cgroups below a directory of this name.
    pub(super) fn new(hierarchy: Hierarchy, name: &str) -> io::Result<Self> {
        let home = PathBuf::from(name);
        for tree in hierarchy.trees() {
            fs::create_dir_all(tree.join(&home))?;
        }
        hierarchy.open_for_children(&home)?;
        Ok(Self { hierarchy, home, made: 0, idle: Vec::new(), dying: Vec::new() })
    }

    /// A cgroup with these limits.
    pub(super) fn take(&mut self, limits: Limits) -> io::Result<Slot> {
        self.collect_dead();
        let same = self.idle.iter().rposition(|slot| slot.limits == Some(limits));
        let mut slot = match same.map(|index| self.idle.swap_remove(index)).or_else(|| self.idle.pop()) {
            Some(slot) => slot,
            None => return self.take_fresh(limits),
        };
        if slot.limits != Some(limits)
            && let Err(error) = self.limit(&mut slot, limits)
        {
            // What an earlier task left in memory may not fit into the new limit.
            self.remove(slot);
            tracing::debug!(%error, "a used cgroup cannot be used again");
            return self.take_fresh(limits);
        }
        Ok(slot)
    }

    /// A cgroup with these limits that nobody used before.
    pub(super) fn take_fresh(&mut self, limits: Limits) -> io::Result<Slot> {
        let mut slot = self.make()?;
        self.limit(&mut slot, limits)?;
        Ok(slot)
    }

    fn make(&mut self) -> io::Result<Slot> {
        self.made += 1;
        let name = self.home.join(self.made.to_string());
        let mut doors = Vec::new();
        for tree in self.hierarchy.trees() {
            let directory = tree.join(&name);
            match fs::create_dir(&directory) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => doors.push(OpenOptions::new().write(true).open(directory.join("cgroup.procs"))?),
            }
        }
        if let Some(file) = self.hierarchy.pids_limit(&name) {
            fs::write(file, PIDS_MAX.to_string())?;
        }
        Ok(Slot { name, limits: None, oom_kills: 0, nursery: Nursery::raise(&doors)? })
    }

    fn limit(&self, slot: &mut Slot, limits: Limits) -> io::Result<()> {
        let files = [
            self.hierarchy.cpu_share(&slot.name, limits.cpus_milli),
            self.hierarchy.memory_limit(&slot.name, limits.memory_bytes),
        ];
        for (file, text) in files {
            fs::write(file, text)?;
        }
        slot.limits = Some(limits);
        Ok(())
    }

    /// Whether a process of the slot was killed for want of memory since this was last asked.
    pub(super) fn was_out_of_memory(&self, slot: &mut Slot) -> bool {
        let now = leftovers::oom_kills(&self.hierarchy, &slot.name);
        let before = std::mem::replace(&mut slot.oom_kills, now);
        slot.oom_kills > before
    }

    /// The processes in the slot besides its nursery, whose end is noticed.
    pub(super) fn processes(&self, slot: &mut Slot) -> Vec<i32> {
        let Some(tree) = self.hierarchy.trees().first().map(|tree| tree.join(&slot.name)) else { return Vec::new() };
        let mut processes = leftovers::processes(&tree);
        match processes.iter().position(|pid| slot.nursery.is(Pid::from_raw(*pid))) {
            Some(own) => drop(processes.swap_remove(own)),
            None => slot.nursery.on_gone(),
        }
        processes
    }

    /// Takes a slot back: one that is empty at once, another when its last process is gone.
    pub(super) fn give_back(&mut self, mut slot: Slot, empty: bool) {
        if !empty {
            self.dying.push(slot);
        } else if self.idle.len() < IDLE_MAX && self.is_as_new(&mut slot) {
            self.idle.push(slot);
        } else {
            self.remove(slot);
        }
    }

    /// Whether the next task will notice nothing of the last one.
    fn is_as_new(&self, slot: &mut Slot) -> bool {
        // What was killed in it so far is not the next one's.
        self.was_out_of_memory(slot);
        slot.nursery.is_alive() && !leftovers::holds_files(&self.hierarchy, &slot.name)
    }

    /// Whether this ended child was the nursery of a slot that no task has. An idle one is not used again.
    pub(super) fn was_nursery(&mut self, pid: Pid) -> bool {
        if let Some(slot) = self.dying.iter_mut().find(|slot| slot.nursery.is(pid)) {
            slot.nursery.on_reaped();
            return true;
        }
        let Some(index) = self.idle.iter().position(|slot| slot.nursery.is(pid)) else { return false };
        let mut slot = self.idle.swap_remove(index);
        slot.nursery.on_reaped();
        self.remove(slot);
        true
    }

    fn collect_dead(&mut self) {
        for mut slot in std::mem::take(&mut self.dying) {
            let empty = self.processes(&mut slot).is_empty();
            self.give_back(slot, empty);
        }
    }

    fn remove(&self, slot: Slot) {
        let Slot { name, nursery, .. } = slot;
        nursery.end();
        remove(&self.hierarchy, &name);
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.collect_dead();
        for slot in std::mem::take(&mut self.idle) {
            self.remove(slot);
        }
        remove(&self.hierarchy, &self.home);
    }
}

fn remove(hierarchy: &Hierarchy, name: &Path) {
    for tree in hierarchy.trees() {
        // One that still has processes stays; its own directory is of no harm to others.
        let _ = fs::remove_dir(tree.join(name));
    }
}
