//! The processes under this one: those it started, and those that they left behind.
//!
//! The cluster's parent adopts orphans (it is their "subreaper"), so that nothing of the cluster can outlive it: an
//! executor whose agent was killed becomes a child of this process, and is found when everything ends.

use nix::{
    errno::Errno,
    sys::{
        prctl,
        signal::{Signal, kill},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::{Pid, getpid},
};
use std::{collections::BTreeMap, time::Duration};
use tokio::{
    signal::unix::{SignalKind, signal},
    time::{Instant, sleep},
};

/// How often it is looked whether processes are gone.
const LOOK: Duration = Duration::from_millis(20);

/// The processes under this one.
#[derive(Debug)]
pub(super) struct Family {
    /// Those started by name.
    named: BTreeMap<Pid, String>,
    children: tokio::signal::unix::Signal,
}

/// A named process ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) name: String,
    /// Its exit code; none: a signal ended it.
    pub(super) code: Option<i32>,
    /// How it ended, for people.
    pub(super) how: String,
}

impl Family {
    /// Becomes the one who adopts orphans.
    pub(super) fn found() -> std::io::Result<Self> {
        prctl::set_child_subreaper(true)?;
        Ok(Self { named: BTreeMap::new(), children: signal(SignalKind::child())? })
    }

    pub(super) fn add(&mut self, pid: Pid, name: String) {
        self.named.insert(pid, name);
    }

    /// Whether this process runs.
    pub(super) fn has(&self, name: &str) -> bool {
        self.named.values().any(|named| named == name)
    }

    /// Waits until a named process ends.
    pub(super) async fn ended(&mut self) -> Ended {
        loop {
            if let Some(ended) = self.reap() {
                return ended;
            }
            self.children.recv().await;
        }
    }

    /// Takes note of processes that ended; the next named one among them.
    fn reap(&mut self) -> Option<Ended> {
        loop {
            let (pid, code, how) = match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(pid, code)) => (pid, Some(code), format!("exit code {code}")),
                Ok(WaitStatus::Signaled(pid, signal, _)) => (pid, None, signal.to_string()),
                Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return None,
                Ok(_) | Err(Errno::EINTR) => continue,
                Err(_) => return None,
            };
            if let Some(name) = self.named.remove(&pid) {
                return Some(Ended { name, code, how });
            }
        }
    }

    /// Sends a signal to the named processes that this chooses.
    pub(super) fn signal(&self, signal: Signal, chosen: impl Fn(&str) -> bool) {
        for (pid, _) in self.named.iter().filter(|(_, name)| chosen(name)) {
            // It may have ended meanwhile.
            let _ = kill(*pid, signal);
        }
    }

    /// Waits until the named processes that this chooses have ended; false if some have not in time.
    pub(super) async fn gone(&mut self, patience: Duration, chosen: impl Fn(&str) -> bool) -> bool {
        let deadline = Instant::now() + patience;
        while self.named.values().any(|name| chosen(name)) {
            if Instant::now() >= deadline {
                return false;
            }
            if self.reap().is_none() {
                sleep(LOOK).await;
            }
        }
        true
    }

    /// Kills every process under this one, and those that they leave to it, until there is none.
    pub(super) async fn kill_all(&mut self, patience: Duration) {
        let deadline = Instant::now() + patience;
        loop {
            while self.reap().is_some() {}
            let children = children_of(getpid());
            if children.is_empty() || Instant::now() >= deadline {
                return;
            }
            for child in children {
                // It may have ended meanwhile.
                let _ = kill(child, Signal::SIGKILL);
            }
            sleep(LOOK).await;
        }
    }
}

/// The processes whose parent this is.
fn children_of(parent: Pid) -> Vec<Pid> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.filter_map(Result::ok).filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| parent_of(*pid) == Some(parent.as_raw())).map(Pid::from_raw).collect()
}

fn parent_of(pid: i32) -> Option<i32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may contain anything.
    stat[stat.rfind(')')? + 1..].split_whitespace().nth(1)?.parse().ok()
}
