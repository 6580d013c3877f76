//! The processes that the master of HAProxy has.

use super::Unreadable;

/// A process of HAProxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// Reloads it has lived through.
    pub reloads: u32,
    /// Its uptime, as HAProxy writes it.
    pub uptime: String,
    /// Its version.
    pub version: String,
}

/// What `show proc` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Processes {
    /// The master.
    pub master: Option<Process>,
    /// Reloads of the master that failed.
    pub failed_reloads: u32,
    /// The workers that take new connections.
    pub workers: Vec<Process>,
    /// The workers that finish what they have.
    pub old_workers: Vec<Process>,
}

/// Reads the answer of the master's socket to `show proc`.
///
/// # Errors
/// If it names no master.
pub fn parse_processes(text: &str) -> Result<Processes, Unreadable> {
    let mut processes = Processes::default();
    let mut old = false;
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("# ") {
            old = heading.starts_with("old");
            continue;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let (Some(Ok(pid)), Some(kind)) = (words.first().map(|word| word.parse::<u32>()), words.get(1)) else {
            continue;
        };
        let process = |uptime: usize| Process {
            pid,
            reloads: words.get(2).and_then(|word| word.parse().ok()).unwrap_or(0),
            uptime: words.get(uptime).copied().unwrap_or_default().to_owned(),
            version: words.get(uptime + 1).copied().unwrap_or_default().to_owned(),
        };
        match *kind {
            // "1 [failed: 0]" stands between the reloads and the uptime.
            "master" if words.get(3) == Some(&"[failed:") => {
                processes.master = Some(process(5));
                let failed = words.get(4).map(|word| word.trim_end_matches(']'));
                processes.failed_reloads = failed.and_then(|word| word.parse().ok()).unwrap_or(0);
            }
            "master" => processes.master = Some(process(3)),
            "worker" if old => processes.old_workers.push(process(3)),
            "worker" => processes.workers.push(process(3)),
            _ => {}
        }
    }
    if processes.master.is_none() {
        return Err(Unreadable { command: "show proc", why: "it names no master".to_owned() });
    }
    Ok(processes)
}
