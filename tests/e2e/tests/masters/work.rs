//! Work that goes on while things fail: `proffer map`, whose inputs say themselves that they ran.

use anyhow::{Context, Result, ensure};
use e2e::elected::Elected;
use std::{collections::BTreeSet, path::Path, process::Stdio};
use tokio::process::{Child, Command};

/// Begins to map over so many inputs; each takes so long, appends a line to a file outside of all sandboxes, and says its number.
pub(crate) fn begin_map(cluster: &Elected, evidence: &Path, count: usize, seconds: f64) -> Result<Child> {
    let line = format!("echo {{}} $PROFFER_TASK_ID >> {}; sleep {seconds}; echo done {{}}", evidence.display());
    let mut command = Command::new(cluster.binary());
    command.args(["map", "--master", &cluster.address(), "--cpus", "0.5", "--retries", "0", "--", "sh", "-c", &line]);
    command.arg(":::").args((0..count).map(|number| number.to_string()));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command.spawn().context("start map")
}

/// How many inputs have begun.
pub(crate) fn begun(evidence: &Path) -> usize {
    std::fs::read_to_string(evidence).unwrap_or_default().lines().count()
}

/// Each input ran once, and each result came.
pub(crate) async fn came_right(map: Child, evidence: &Path, count: usize) -> Result<()> {
    let output = tokio::time::timeout(e2e::wait::PATIENCE, map.wait_with_output()).await??;
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{}\n{error}", output.status);
    let results: BTreeSet<&str> = out.lines().filter_map(|line| line.strip_prefix("done ")).collect();
    ensure!(results.len() == count, "{} of {count} results\n{error}", results.len());
    let ran = std::fs::read_to_string(evidence)?;
    let mut ran: Vec<&str> = ran.lines().collect();
    ran.sort_unstable();
    ensure!(ran.len() == count, "{} of {count} inputs ran\n{error}\n{}", ran.len(), ran.join("\n"));
    Ok(())
}
