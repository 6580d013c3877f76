//! A process of this machine, told apart from a later one that got the same number.

use std::{fs, io, path::Path};

/// A process: its number and when it started, since numbers are used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: i32,
    /// In ticks since the start of the machine; field 22 of `/proc/PID/stat`.
    started: u64,
}

impl Process {
    /// The process that has this number now, dead ones that wait to be reaped included.
    pub(crate) fn of(pid: i32) -> Option<Self> {
        let (started, _) = stat(pid)?;
        Some(Self { pid, started })
    }

    /// Whether it still runs.
    pub(crate) fn lives(self) -> bool {
        stat(self.pid).is_some_and(|(started, zombie)| started == self.started && !zombie)
    }

    /// Sends it a signal, and with `session` to all that it started, too.
    pub(crate) fn signal(self, signal: nix::sys::signal::Signal, session: bool) {
        if !self.lives() {
            return;
        }
        let pid = nix::unistd::Pid::from_raw(self.pid);
        let sent = if session { nix::sys::signal::killpg(pid, signal) } else { nix::sys::signal::kill(pid, signal) };
        if let Err(error) = sent {
            tracing::debug!(pid = self.pid, %error, "a signal was not sent");
        }
    }

    /// Kills what it started and left behind when it ended. A group keeps its number from being used again as long as
    /// it has members; where another process has the number, the group is empty.
    pub(crate) fn end_session(self) {
        if stat(self.pid).is_none_or(|(started, _)| started == self.started) {
            // There is mostly nobody left.
            let _ = nix::sys::signal::killpg(nix::unistd::Pid::from_raw(self.pid), nix::sys::signal::Signal::SIGKILL);
        }
    }

    /// Writes it to a file, with the token of the executor that it is and the machine's boot id.
    pub(crate) fn save(self, path: &Path, token: &str, boot_id: &str) -> io::Result<()> {
        let draft = path.with_extension("draft");
        fs::write(&draft, format!("{} {} {boot_id} {token}\n", self.pid, self.started))?;
        fs::rename(draft, path)
    }

    /// Reads it from a file, if that is about this token and this run of the machine.
    pub(crate) fn load(path: &Path, token: &str, boot_id: &str) -> Option<Self> {
        let text = fs::read_to_string(path).ok()?;
        let mut words = text.split_whitespace();
        let process = Self { pid: words.next()?.parse().ok()?, started: words.next()?.parse().ok()? };
        (words.next()? == boot_id && words.next()? == token).then_some(process)
    }
}

/// When a process started, and whether it is dead and waits to be reaped.
fn stat(pid: i32) -> Option<(u64, bool)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may contain anything; the fields after it are numbers and one letter.
    let rest = &text[text.rfind(')')? + 1..];
    let mut fields = rest.split_whitespace();
    let state = fields.next()?;
    let started = fields.nth(18)?.parse().ok()?;
    Some((started, matches!(state, "Z" | "X")))
}
