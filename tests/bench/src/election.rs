//! A small cluster whose leader ends: from the signal to the first offer of the next one, with three real agents.

use crate::{
    figures::{Figures, median},
    ground::Masters,
    watcher::Watchers,
};
use anyhow::{Context, Result};
use coordination::Detector;
use e2e::{process::Process, wait::PATIENCE};
use nix::sys::signal::Signal;
use proffer_framework::Scalar;
use std::time::Instant;

const AGENTS: usize = 3;

/// Runs of each kind, of which the medians are taken.
const RUNS: usize = 5;

/// After so much silence ZooKeeper gives the leadership away.
const SESSION_SECONDS: f64 = 3.0;

/// What a run took, in seconds.
struct Run {
    /// From the signal to the first offer.
    signalled: f64,
    /// From the election of the next leader, as ZooKeeper shows it.
    elected: f64,
}

pub(crate) async fn run(figures: &Figures) -> Result<()> {
    let session = format!("{SESSION_SECONDS}s");
    let mut masters = Masters::start(3, &["--zk-session-timeout", &session]).await?;
    let detector = Detector::new(masters.address.parse().context("address of ZooKeeper")?);
    let _agents = (0..AGENTS).map(|index| agent(&masters, index)).collect::<Result<Vec<Process>>>()?;
    let mut watchers = Watchers::subscribe(&masters.address, 1).await?;
    watchers.offered(AGENTS, Scalar::from_units(1)).await?;
    let (mut stopped, mut killed, mut elected) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        stopped.push(end(&mut masters, &detector, &mut watchers, Signal::SIGTERM).await?.signalled);
        let run = end(&mut masters, &detector, &mut watchers, Signal::SIGKILL).await?;
        killed.push(run.signalled - SESSION_SECONDS);
        elected.push(run.elected);
    }
    figures.print("stop_to_first_offer_seconds", median(&mut stopped), "s");
    figures.print("kill_beyond_session_timeout_seconds", median(&mut killed), "s");
    figures.print("kill_election_to_first_offer_seconds", median(&mut elected), "s");
    Ok(())
}

fn agent(masters: &Masters, index: usize) -> Result<Process> {
    let (name, home) = (format!("agent{index}"), masters.directory().join(format!("agent{index}")));
    let mut arguments = ["agent", "--listen", "127.0.0.1:0", "--stop-tasks", "--resources", "cpus:1;mem:512"]
        .map(str::to_owned)
        .to_vec();
    arguments.extend(["--master".to_owned(), masters.address.clone()]);
    arguments.extend(["--dir".to_owned(), home.display().to_string()]);
    masters.start_beside(&name, masters.binary(), &arguments)
}

/// Ends the leader, and waits until all agents have been offered by the next.
async fn end(masters: &mut Masters, detector: &Detector, watchers: &mut Watchers, signal: Signal) -> Result<Run> {
    let leader = detector.leader(PATIENCE).await.map_err(anyhow::Error::msg)?;
    let start = Instant::now();
    let (ended, elected) = tokio::join!(masters.end(&leader.address, signal), async {
        detector.other_than(&leader.address).await;
        Instant::now()
    });
    ended?;
    let (first, _) = watchers.offered(AGENTS, Scalar::from_units(1)).await?;
    masters.start_one()?;
    let seconds = |from: Instant| first.saturating_duration_since(from).as_secs_f64();
    Ok(Run { signalled: seconds(start), elected: seconds(elected) })
}
