//! Cgroups, version 1 and 2: where they are made, and which files mean what.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

/// The directory below each root in which Proffer's cgroups lie.
const HOME: &str = "proffer";

/// Where cgroups are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hierarchy {
    /// Version 1: a tree for each controller.
    V1 {
        /// The processor's.
        cpu: PathBuf,
        /// The memory's.
        memory: PathBuf,
        /// That of the number of processes; none: the kernel has it not.
        pids: Option<PathBuf>,
    },
    /// Version 2: one tree.
    V2 {
        /// Its root.
        root: PathBuf,
    },
}

impl Hierarchy {
    /// Finds the mounted trees below `root`, and tries whether cgroups may be made there.
    ///
    /// # Errors
    /// Why not, for people.
    pub fn find(root: &Path) -> Result<Self, String> {
        let found = if root.join("cgroup.controllers").exists() {
            Self::V2 { root: root.join(HOME) }
        } else {
            let tree = |name: &str| root.join(name).is_dir().then(|| root.join(name).join(HOME));
            match (tree("cpu"), tree("memory")) {
                (Some(cpu), Some(memory)) => Self::V1 { cpu, memory, pids: tree("pids") },
                _ => return Err(format!("no cpu and memory controllers are mounted at {}", root.display())),
            }
        };
        found.prepare().map_err(|error| error.to_string())?;
        Ok(found)
    }

    /// Makes the home of all of Proffer's cgroups, and tries the permission with one of its own.
    fn prepare(&self) -> io::Result<()> {
        for tree in self.trees() {
            fs::create_dir_all(tree)?;
            let probe = tree.join(format!("probe-{}", std::process::id()));
            fs::create_dir(&probe)?;
            fs::remove_dir(&probe)?;
        }
        if let Self::V2 { root } = self {
            delegate(root.parent().unwrap_or(root))?;
            delegate(root)?;
        }
        Ok(())
    }

    /// The trees in which each cgroup has a directory.
    pub(crate) fn trees(&self) -> Vec<&Path> {
        match self {
            Self::V1 { cpu, memory, pids } => {
                [Some(cpu), Some(memory), pids.as_ref()].into_iter().flatten().map(PathBuf::as_path).collect()
            }
            Self::V2 { root } => vec![root],
        }
    }

    /// Lets the children of a directory below the home have the controllers; version 1 does so by itself.
    pub(crate) fn open_for_children(&self, name: &Path) -> io::Result<()> {
        match self {
            Self::V1 { .. } => Ok(()),
            Self::V2 { root } => delegate(&root.join(name)),
        }
    }

    /// The file and text that give a cgroup its share of processors.
    pub(crate) fn cpu_share(&self, name: &Path, milli: u64) -> (PathBuf, String) {
        match self {
            // 1024 is one processor, as Mesos and Docker have it; the kernel takes no less than 2.
            Self::V1 { cpu, .. } => (cpu.join(name).join("cpu.shares"), (milli * 1024 / 1000).max(2).to_string()),
            // 100 is the default weight; the range is 1 to 10000.
            Self::V2 { root } => (root.join(name).join("cpu.weight"), (milli / 10).clamp(1, 10_000).to_string()),
        }
    }

    /// The file and text that limit a cgroup's memory; 0: no limit.
    pub(crate) fn memory_limit(&self, name: &Path, bytes: u64) -> (PathBuf, String) {
        match (self, bytes) {
            (Self::V1 { memory, .. }, 0) => (memory.join(name).join("memory.limit_in_bytes"), "-1".to_owned()),
            (Self::V1 { memory, .. }, _) => (memory.join(name).join("memory.limit_in_bytes"), bytes.to_string()),
            (Self::V2 { root }, 0) => (root.join(name).join("memory.max"), "max".to_owned()),
            (Self::V2 { root }, _) => (root.join(name).join("memory.max"), bytes.to_string()),
        }
    }

    /// The file that limits a cgroup's number of processes.
    pub(crate) fn pids_limit(&self, name: &Path) -> Option<PathBuf> {
        match self {
            Self::V1 { pids, .. } => pids.as_ref().map(|pids| pids.join(name).join("pids.max")),
            Self::V2 { root } => Some(root.join(name).join("pids.max")),
        }
    }

    /// The file with the memory that a cgroup uses, in bytes.
    pub(crate) fn memory_usage(&self, name: &Path) -> PathBuf {
        match self {
            Self::V1 { memory, .. } => memory.join(name).join("memory.usage_in_bytes"),
            Self::V2 { root } => root.join(name).join("memory.current"),
        }
    }

    /// The file that says what the memory is used for.
    pub(crate) fn memory_stat(&self, name: &Path) -> PathBuf {
        match self {
            Self::V1 { memory, .. } => memory.join(name).join("memory.stat"),
            Self::V2 { root } => root.join(name).join("memory.stat"),
        }
    }

    /// The file that counts processes killed for want of memory, as `oom_kill N`.
    pub(crate) fn oom_kills(&self, name: &Path) -> PathBuf {
        match self {
            Self::V1 { memory, .. } => memory.join(name).join("memory.oom_control"),
            Self::V2 { root } => root.join(name).join("memory.events"),
        }
    }
}

/// Lets the children of a version 2 cgroup have the controllers.
fn delegate(directory: &Path) -> io::Result<()> {
    fs::write(directory.join("cgroup.subtree_control"), "+cpu +memory +pids")
}

impl fmt::Display for Hierarchy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V1 { pids: Some(_), .. } => f.write_str("cgroups v1: cpu, memory, pids"),
            Self::V1 { pids: None, .. } => f.write_str("cgroups v1: cpu, memory"),
            Self::V2 { .. } => f.write_str("cgroups v2: cpu, memory, pids"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_2_has_its_own_files_and_scales() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        fs::write(root.join("cgroup.controllers"), "cpu memory pids").unwrap();
        let hierarchy = Hierarchy::find(root).unwrap();
        let name = Path::new("x");
        assert_eq!(hierarchy, Hierarchy::V2 { root: root.join("proffer") });
        assert_eq!(fs::read_to_string(root.join("cgroup.subtree_control")).unwrap(), "+cpu +memory +pids");
        assert_eq!(hierarchy.cpu_share(name, 1000).1, "100");
        assert_eq!(hierarchy.memory_limit(name, 0).1, "max");
        assert!(hierarchy.oom_kills(name).ends_with("proffer/x/memory.events"));
    }

    #[test]
    fn version_1_has_a_tree_for_each_controller() {
        let directory = tempfile::tempdir().unwrap();
        for tree in ["cpu", "memory"] {
            fs::create_dir(directory.path().join(tree)).unwrap();
        }
        let hierarchy = Hierarchy::find(directory.path()).unwrap();
        assert_eq!(hierarchy.to_string(), "cgroups v1: cpu, memory");
        assert_eq!(hierarchy.cpu_share(Path::new("x"), 500).1, "512");
        assert_eq!(hierarchy.cpu_share(Path::new("x"), 1).1, "2");
    }

    #[test]
    fn without_controllers_it_says_so() {
        let directory = tempfile::tempdir().unwrap();
        assert!(Hierarchy::find(directory.path()).unwrap_err().contains("no cpu and memory controllers"));
    }
}
