//! A large cluster whose leader is killed: agents in a process of their own, each with a connection and tasks, find the
//! new leader through a real ZooKeeper and come back to it.

use super::simulated;
use crate::{ground::Masters, watcher::Watchers};
use anyhow::{Context, Result};
use coordination::Detector;
use e2e::wait::PATIENCE;
use nix::sys::signal::Signal;
use proffer_framework::Scalar;
use std::time::Instant;

const AGENTS: usize = 10_000;

const TASKS_PER_AGENT: usize = 10;

const FRAMEWORKS: usize = 10;

/// Cpus of an agent, of which each task has one.
const CPUS: u64 = 16;

/// The last word of a run.
pub(super) struct Run {
    /// From the moment at which ZooKeeper shows the new leader to the first offer.
    pub(super) first: f64,
    /// To the moment at which the last agent has been offered.
    pub(super) last: f64,
}

/// Kills the leader so many times.
pub(super) async fn runs(count: usize) -> Result<Vec<Run>> {
    let mut masters = Masters::start(2, &["--zk-session-timeout", "6s"]).await?;
    let detector = Detector::new(masters.address.parse().context("address of ZooKeeper")?);
    let mut watchers = Watchers::subscribe(&masters.address, FRAMEWORKS).await?;
    let frameworks: Vec<String> = watchers.frameworks.iter().map(ToString::to_string).collect();
    let program = std::env::current_exe().context("find this program")?;
    let arguments = simulated::arguments(&masters.address, AGENTS, CPUS, TASKS_PER_AGENT, &frameworks);
    let _agents = masters.start_beside("agents", &program, &arguments)?;
    let free = Scalar::from_units(CPUS - TASKS_PER_AGENT as u64);
    watchers.offered(AGENTS, free).await.context("the agents register")?;
    let mut runs = Vec::new();
    for _ in 0..count {
        let leader = detector.leader(PATIENCE).await.map_err(anyhow::Error::msg)?;
        masters.end(&leader.address, Signal::SIGKILL).await?;
        detector.other_than(&leader.address).await;
        let elected = Instant::now();
        let (first, last) = watchers.offered(AGENTS, free).await.context("the agents come back")?;
        let since = |at: Instant| at.saturating_duration_since(elected).as_secs_f64();
        masters.start_one()?;
        runs.push(Run { first: since(first), last: since(last) });
    }
    Ok(runs)
}
