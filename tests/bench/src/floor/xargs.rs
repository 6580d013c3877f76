//! Starting processes as fast as `xargs` does.

use anyhow::{Context, Result, ensure};
use std::{
    io::Write,
    process::{Command, Stdio},
    time::Instant,
};

/// Runs `true` so many times with as many at once as there are cores; processes per second.
///
/// # Errors
/// If xargs is missing or fails.
pub(crate) fn processes_per_second(count: usize) -> Result<f64> {
    let cores = std::thread::available_parallelism().context("count the cores")?;
    let start = Instant::now();
    let mut child = Command::new("xargs")
        .args(["-n1", &format!("-P{cores}"), "true"])
        .stdin(Stdio::piped())
        .spawn()
        .context("start xargs")?;
    let mut input = child.stdin.take().context("write to xargs")?;
    input.write_all("y\n".repeat(count).as_bytes()).context("write to xargs")?;
    drop(input);
    let status = child.wait().context("wait for xargs")?;
    ensure!(status.success(), "xargs failed: {status}");
    Ok(count as f64 / start.elapsed().as_secs_f64())
}
