//! Process tasks of an earlier executor or launcher.

use super::client::{Client, container, exit};
use crate::{
    driver::Event,
    launcher::{Recorded, is_same, read_records},
};
use executor_core::{Adoption, Exit, Input};
use nix::{
    sys::signal::{Signal, kill, killpg},
    unistd::Pid,
};
use proto_types::{TaskId, executing::TaskLaunch};
use std::{fs, path::Path, sync::PoisonError, time::Duration};
use tokio::sync::mpsc;

/// How often a process that is nobody's child is looked at.
const WATCH_INTERVAL: Duration = Duration::from_millis(250);

/// Finds out what became of a task that an earlier executor had.
pub(crate) async fn adopt(client: &Client, launch: &TaskLaunch, events: &mpsc::Sender<Event>) -> Adoption {
    let task = &launch.task.id;
    let alive = client.found_alive().await;
    let orphan = client.orphans.lock().unwrap_or_else(PoisonError::into_inner).get(task.as_str()).cloned();
    if let Some(recorded) = orphan {
        return adopt_orphan(task, &recorded, events);
    }
    match read_records(Path::new(".")).get(task.as_str()) {
        Some(Recorded::Started { pid, .. }) if alive => Adoption::Running(container(*pid)),
        Some(recorded) => adopt_orphan(task, recorded, events),
        None => {
            let killed = kill_strays(launch);
            let strays = if killed > 0 { format!("; {killed} processes of it were ended") } else { String::new() };
            Adoption::Lost(format!("its executor ended before it was known to be started{strays}"))
        }
    }
}

fn adopt_orphan(task: &TaskId, recorded: &Recorded, events: &mpsc::Sender<Event>) -> Adoption {
    match recorded {
        Recorded::Exited(exited) => Adoption::Exited(exit(exited)),
        Recorded::Failed { message } => Adoption::Lost(message.clone()),
        Recorded::Started { pid, start_ticks } if is_same(*pid, *start_ticks) => {
            watch(task.clone(), *pid, *start_ticks, events.clone());
            Adoption::Running(container(*pid))
        }
        Recorded::Started { .. } => Adoption::Exited(unseen()),
    }
}

fn unseen() -> Exit {
    Exit::Unknown("exit code unknown: it ended while nobody could wait for it".to_owned())
}

/// Reports the end of a process that is nobody's child.
pub(super) fn watch(task: TaskId, pid: i32, ticks: u64, events: mpsc::Sender<Event>) {
    tokio::spawn(async move {
        let mut looks = tokio::time::interval(WATCH_INTERVAL);
        loop {
            looks.tick().await;
            if !is_same(pid, ticks) || is_zombie(pid) {
                let _ = killpg(Pid::from_raw(pid), Signal::SIGKILL);
                let _ = events.send(Event::Input(Input::Exited { task, exit: unseen() })).await;
                return;
            }
        }
    });
}

fn is_zombie(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('Z'))
}

/// Ends processes of a task of which nothing was written: what cannot be adopted must not run on.
fn kill_strays(launch: &TaskLaunch) -> usize {
    let sandbox = format!("PROFFER_SANDBOX={}", launch.sandbox.display());
    let Ok(entries) = fs::read_dir("/proc") else { return 0 };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let is_stray = |pid: &i32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == sandbox.as_bytes())
    };
    let strays: Vec<i32> = pids.filter(is_stray).collect();
    strays.iter().filter(|pid| kill(Pid::from_raw(**pid), Signal::SIGKILL).is_ok()).count()
}

/// Signals a process whose launcher is gone.
pub(crate) fn signal_orphan(client: &Client, task: &TaskId, signal: Signal) {
    let orphans = client.orphans.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(Recorded::Started { pid, start_ticks }) = orphans.get(task.as_str())
        && is_same(*pid, *start_ticks)
    {
        let _ = killpg(Pid::from_raw(*pid), signal);
    }
}
