//! Evidence that tasks write themselves: one line at the start and one before the end, each appended in one write.

use super::{Run, TaskKey};
use std::path::Path;

/// A line of shell that runs another one and writes evidence around it into this file, which must be outside all
/// sandboxes. It exits as the other line does, unless that line exits or is ended itself.
#[must_use]
pub fn witnessed(file: &Path, line: &str) -> String {
    let file = file.display();
    let write = |what: &str| {
        format!(
            "read -r up rest < /proc/uptime; \
             echo \"{what} $PROFFER_FRAMEWORK_ID $PROFFER_TASK_ID $PROFFER_AGENT_ID $$ $up\" >> {file}"
        )
    };
    format!("{}; ( {line} ); code=$?; {}; exit $code", write("start"), write("end"))
}

/// What the tasks wrote. Lines that are none are passed over: a full disk may tear one.
#[must_use]
pub fn read(text: &str) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [what, framework, task, agent, pid, up] = words[..] else { continue };
        let (Ok(pid), Some(at)) = (pid.parse::<u32>(), nanoseconds(up)) else { continue };
        let key = TaskKey { framework: framework.to_owned(), task: task.to_owned() };
        match what {
            "start" => runs.push(Run { key, pid, agent: agent.to_owned(), start: at, end: None }),
            "end" => {
                // A process id may come again; the newest run of it that is open is meant.
                let open = runs.iter_mut().rev().find(|run| run.key == key && run.pid == pid && run.end.is_none());
                if let Some(run) = open {
                    run.end = Some(at);
                }
            }
            _ => {}
        }
    }
    runs
}

/// The kernel says seconds with two decimals.
fn nanoseconds(text: &str) -> Option<u64> {
    let (seconds, hundredths) = text.split_once('.')?;
    Some(seconds.parse::<u64>().ok()? * 1_000_000_000 + hundredths.parse::<u64>().ok()? * 10_000_000)
}
