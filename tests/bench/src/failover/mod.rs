//! How long a cluster is without offers when its master fails over.

mod core;

use crate::figures::{Figures, median};
use anyhow::Result;

/// Runs, of which the median is taken.
const RUNS: usize = 3;

pub(crate) fn run(figures: &Figures) -> Result<()> {
    let mut seconds = Vec::new();
    for _ in 0..RUNS {
        seconds.push(core::seconds()?);
    }
    figures.print("core_seconds", median(&mut seconds), "s");
    Ok(())
}
