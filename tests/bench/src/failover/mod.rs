//! How long a large cluster is without offers when its master fails over.

mod core;
mod network;
pub(crate) mod simulated;

use crate::figures::{Figures, median};
use anyhow::Result;

/// Runs, of which the median is taken.
const RUNS: usize = 3;

pub(crate) async fn run(figures: &Figures) -> Result<()> {
    let mut core_seconds = Vec::new();
    for _ in 0..RUNS {
        core_seconds.push(core::seconds()?);
    }
    figures.print("core_seconds", median(&mut core_seconds), "s");
    let runs = network::runs(RUNS).await?;
    let mut seconds: Vec<f64> = runs.iter().map(|run| run.last).collect();
    let mut first: Vec<f64> = runs.iter().map(|run| run.first).collect();
    figures.print("seconds", median(&mut seconds), "s");
    figures.print("seconds_to_first_offer", median(&mut first), "s");
    Ok(())
}
