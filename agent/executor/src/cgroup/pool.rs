//! Ready cgroups that are used again: making and removing one costs a quarter of a millisecond, which short tasks
//! would feel.

use super::Hierarchy;
use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

/// Processes that a task may have at once. Enough for any honest task, too few to exhaust the machine's numbers.
const PIDS_MAX: u32 = 4096;

/// Idle cgroups kept ready. A burst may need more; those beyond are removed.
const IDLE_MAX: usize = 64;

/// What a cgroup is to hold its processes to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) cpus_milli: u64,
    pub(crate) memory_bytes: u64,
}

/// The cgroups of one launcher.
#[derive(Debug)]
pub(crate) struct Pool {
    hierarchy: Hierarchy,
    home: PathBuf,
    made: u64,
    idle: Vec<Slot>,
    /// Those whose last processes are still dying.
    dying: Vec<Slot>,
}

/// A cgroup.
#[derive(Debug)]
pub(crate) struct Slot {
    name: PathBuf,
    limits: Option<Limits>,
    oom_kills: u64,
    /// Open files to which a process writes `0` to join.
    doors: Vec<File>,
}

impl Slot {
    /// Open files to which a process writes `0` to join.
    pub(crate) fn doors(&self) -> &[File] {
        &self.doors
    }
}

impl Pool {
    /// Cgroups below a directory of this name.
    pub(crate) fn new(hierarchy: Hierarchy, name: &str) -> io::Result<Self> {
        let home = PathBuf::from(name);
        for tree in hierarchy.trees() {
            fs::create_dir_all(tree.join(&home))?;
        }
        hierarchy.open_for_children(&home)?;
        Ok(Self { hierarchy, home, made: 0, idle: Vec::new(), dying: Vec::new() })
    }

    /// A cgroup with these limits.
    pub(crate) fn take(&mut self, limits: Limits) -> io::Result<Slot> {
        self.collect_dead();
        let same = self.idle.iter().rposition(|slot| slot.limits == Some(limits));
        let mut slot = match same.map(|index| self.idle.swap_remove(index)).or_else(|| self.idle.pop()) {
            Some(slot) => slot,
            None => self.make()?,
        };
        if slot.limits != Some(limits)
            && let Err(error) = self.limit(&mut slot, limits)
        {
            // What an earlier task left in memory may not fit into the new limit.
            self.remove(&slot);
            tracing::debug!(%error, "a used cgroup cannot be used again");
            slot = self.make()?;
            self.limit(&mut slot, limits)?;
        }
        slot.oom_kills = self.oom_kills(&slot);
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
        Ok(Slot { name, limits: None, oom_kills: 0, doors })
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

    /// Whether a process of the slot was killed for want of memory since it was taken.
    pub(crate) fn was_out_of_memory(&self, slot: &Slot) -> bool {
        self.oom_kills(slot) > slot.oom_kills
    }

    fn oom_kills(&self, slot: &Slot) -> u64 {
        let text = fs::read_to_string(self.hierarchy.oom_kills(&slot.name)).unwrap_or_default();
        text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok()).unwrap_or(0)
    }

    /// The processes in the slot.
    pub(crate) fn processes(&self, slot: &Slot) -> Vec<i32> {
        let Some(tree) = self.hierarchy.trees().first().map(|tree| tree.join(&slot.name)) else { return Vec::new() };
        let text = fs::read_to_string(tree.join("cgroup.procs")).unwrap_or_default();
        text.lines().filter_map(|line| line.parse().ok()).collect()
    }

    /// Takes a slot back. It is used again once its last process is gone.
    pub(crate) fn give_back(&mut self, slot: Slot) {
        if !self.processes(&slot).is_empty() {
            self.dying.push(slot);
        } else if self.idle.len() < IDLE_MAX {
            self.idle.push(slot);
        } else {
            self.remove(&slot);
        }
    }

    fn collect_dead(&mut self) {
        for slot in std::mem::take(&mut self.dying) {
            self.give_back(slot);
        }
    }

    fn remove(&self, slot: &Slot) {
        remove(&self.hierarchy, &slot.name);
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.collect_dead();
        for slot in std::mem::take(&mut self.idle) {
            self.remove(&slot);
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
