//! What a task leaves in its cgroup that the next one would be held to.

use crate::cgroup::Hierarchy;
use std::{fs::File, io::Read, path::Path};

/// Memory in use below which it is not asked what it is used for: an empty cgroup has half as much. A file in memory that
/// is smaller counts against the next task; asking each time would cost every short task.
const USUAL_BYTES: u64 = 4 * 1024 * 1024;

/// Whether files in memory are left: they count against the limit of the cgroup until they are removed.
pub(super) fn holds_files(hierarchy: &Hierarchy, name: &Path) -> bool {
    let usage = read(&hierarchy.memory_usage(name)).trim().parse::<u64>();
    usage.is_ok_and(|usage| usage > USUAL_BYTES) && number(&read(&hierarchy.memory_stat(name)), "shmem ") > 0
}

/// How many processes in the cgroup were killed for want of memory, ever.
pub(super) fn oom_kills(hierarchy: &Hierarchy, name: &Path) -> u64 {
    number(&read(&hierarchy.oom_kills(name)), "oom_kill ")
}

fn number(text: &str, name: &str) -> u64 {
    text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok()).unwrap_or(0)
}

/// The numbers of the processes in a cgroup's directory.
pub(super) fn processes(directory: &Path) -> Vec<i32> {
    read(&directory.join("cgroup.procs")).lines().filter_map(|line| line.parse().ok()).collect()
}

/// Reads a file of the kernel's, at once if it is short: each is asked for after every task.
fn read(path: &Path) -> String {
    let mut bytes = [0_u8; 4096];
    let Ok(mut file) = File::open(path) else { return String::new() };
    let count = file.read(&mut bytes).unwrap_or(0);
    let mut text = String::from_utf8_lossy(&bytes[..count]).into_owned();
    if count > bytes.len() / 2 {
        // The kernel may give out less than there is room for.
        let _ = file.read_to_string(&mut text);
    }
    text
}
