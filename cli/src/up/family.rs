//! The processes under this one: those it started, and those that they left behind.
//!
//! The cluster's parent adopts orphans (it is their "subreaper"), so that nothing of the cluster can outlive it: an
//! executor whose agent was killed becomes a child of this process, and is found when everything ends.

use nix::{
    libc,
    sys::{
        prctl,
        signal::{Signal, kill},
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
        while let Some((pid, status)) = next_ended() {
            if let Some(name) = self.named.remove(&pid) {
                let code = libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status));
                let how = code.map_or_else(|| signal_name(libc::WTERMSIG(status)), |code| format!("exit code {code}"));
                return Some(Ended { name, code, how });
            }
        }
        None
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

/// A child that has ended, with its status as the kernel tells it: nix knows no real-time signals, by which a process may
/// end as well.
fn next_ended() -> Option<(Pid, libc::c_int)> {
    let mut status = 0;
    // SAFETY: the pointer is to a place of the right type that lives through the call.
    #[expect(unsafe_code, reason = "the safe form loses children that end by a signal that it does not know")]
    let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) };
    (pid > 0).then(|| (Pid::from_raw(pid), status))
}

fn signal_name(signal: libc::c_int) -> String {
    Signal::try_from(signal).map_or_else(|_| format!("signal {signal}"), |signal| signal.to_string())
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[tokio::test]
    async fn the_end_by_a_real_time_signal_is_noticed() {
        let mut family = Family::found().unwrap();
        #[expect(clippy::zombie_processes, reason = "the family waits for it")]
        let child = Command::new("sh").args(["-c", "kill -40 $$"]).spawn().unwrap();
        family.add(Pid::from_raw(i32::try_from(child.id()).unwrap()), "child".to_owned());
        let ended = family.ended().await;
        assert_eq!((&*ended.name, ended.code, &*ended.how), ("child", None, "signal 40"));
    }
}
