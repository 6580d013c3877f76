//! Process tasks of an earlier executor.

use super::client::{Client, container, exit};
use crate::launcher::{Contents, RECORDS, Recorded, read_records};
use executor_core::Adoption;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use proto_types::executing::TaskLaunch;
use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::Path,
    sync::{Mutex, PoisonError},
};

/// What was read of a file that only grows or is replaced: the same file of the same length says the same.
#[derive(Debug, Default)]
pub(super) struct Reading(Mutex<Option<((u64, u64), Contents)>>);

impl Reading {
    /// What the launcher wrote of the task.
    fn of(&self, task: &str) -> Option<Recorded> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = fs::metadata(RECORDS).map_or((0, 0), |file| (file.ino(), file.len()));
        if kept.as_ref().is_none_or(|(of, _)| *of != stamp) {
            *kept = Some((stamp, read_records(Path::new("."))));
        }
        kept.as_ref().and_then(|(_, contents)| contents.tasks.get(task).cloned())
    }
}

/// Finds out what became of a task that an earlier executor had.
pub(crate) async fn adopt(client: &Client, launch: &TaskLaunch) -> Adoption {
    client.settled().await;
    match client.reading.of(launch.task.id.as_str()) {
        Some(Recorded::Started(started)) => Adoption::Running(container(started.pid)),
        Some(Recorded::Exited(exited)) => Adoption::Exited(exit(&exited)),
        Some(Recorded::Failed(failed)) => Adoption::Lost(failed.message),
        None => {
            let killed = kill_strays(&launch.sandbox);
            let strays = if killed > 0 { format!("; {killed} processes of it were ended") } else { String::new() };
            Adoption::Lost(format!("its executor ended before it was known to be started{strays}"))
        }
    }
}

/// Ends processes of a sandbox of which nothing was written: what cannot be adopted must not run on.
pub(super) fn kill_strays(sandbox: &Path) -> usize {
    let sandbox = format!("PROFFER_SANDBOX={}", sandbox.display());
    let Ok(entries) = fs::read_dir("/proc") else { return 0 };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let is_stray = |pid: &i32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == sandbox.as_bytes())
    };
    let strays: Vec<i32> = pids.filter(is_stray).collect();
    strays.iter().filter(|pid| kill(Pid::from_raw(**pid), Signal::SIGKILL).is_ok()).count()
}
