//! Executors leave the agent's control group, so that a supervisor that ends the agent's whole group does not end them.

use std::{fs, io, path::PathBuf};
use tracing::{info, warn};

/// The group that executors live in.
const GROUP: &str = "proffer-executors";

/// Where executors are put: one group for each hierarchy by which supervisors find the processes of a service.
#[derive(Debug, Clone, Default)]
pub(crate) struct Escape(Vec<PathBuf>);

impl Escape {
    /// Finds out where executors can go; says when they cannot.
    pub(crate) fn find() -> Self {
        let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let mut groups = Vec::new();
        for root in roots(&own) {
            let group = root.join(GROUP);
            match fs::create_dir(&group) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    warn!(
                        group = %group.display(), %error,
                        "executors stay in the agent's control group: whoever ends that ends them and their tasks"
                    );
                }
                _ => groups.push(group),
            }
        }
        if !groups.is_empty() {
            info!(?groups, "executors leave the agent's control group");
        }
        Self(groups)
    }

    /// Puts a process there.
    pub(crate) fn put(&self, pid: i32) {
        for group in &self.0 {
            if let Err(error) = fs::write(group.join("cgroup.procs"), pid.to_string()) {
                warn!(pid, group = %group.display(), %error, "an executor cannot leave the agent's control group");
            }
        }
    }
}

/// The roots of the hierarchies by which supervisors find processes, where the agent is not at the root anyway.
fn roots(own: &str) -> Vec<PathBuf> {
    let mut roots = Vec::new();
    for line in own.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(number), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        if path == "/" {
            continue;
        }
        let candidates: &[&str] = match (number, controllers) {
            ("0", "") => &["/sys/fs/cgroup", "/sys/fs/cgroup/unified"],
            (_, "name=systemd") => &["/sys/fs/cgroup/systemd"],
            _ => continue,
        };
        let mounted = candidates.iter().map(PathBuf::from).find(|root| root.join("cgroup.procs").exists());
        roots.extend(mounted);
    }
    roots
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_where_the_agent_stands_at_the_root() {
        assert!(roots("4:memory:/some/where\n1:name=systemd:/\n0::/\n").is_empty());
        assert!(roots("no control groups here").is_empty());
    }
}
