//! Short processes as fast as they go, on one agent that offers just the machine's cores, journal on, from the first
//! offer to the last acknowledged FINISHED; against what `xargs` does in the same run.

use crate::{
    feeder::{Feeder, Until},
    figures::{Figures, median},
    floor::xargs,
    ground::Ground,
};
use anyhow::{Context, Result};
use proffer_framework::{Scalar, task};
use tempfile::TempDir;

/// Tasks of a run.
const TASKS: usize = 10_000;

/// Runs, of which the medians are taken.
const RUNS: usize = 3;

pub(crate) async fn run(figures: &Figures, zookeeper: bool) -> Result<()> {
    let mut ground = Ground::prepare(zookeeper).await?;
    let figures = ground.figures(figures);
    let (mut rates, mut floors, mut wide) = (Vec::new(), Vec::new(), Vec::new());
    // Directories stay until the end: ext4 searches long for inodes after tens of thousands were just deleted, and the
    // deletions of one run would be paid for by the next.
    let mut directories = Vec::new();
    for _ in 0..RUNS {
        floors.push(xargs::processes_per_second(TASKS)?);
        rates.push(rate(&mut ground, Scalar::from_milli(100), TASKS, &mut directories).await?);
        wide.push(rate(&mut ground, Scalar::from_units(1), TASKS / 4, &mut directories).await?);
    }
    let (rate, floor, wide) = (median(&mut rates), median(&mut floors), median(&mut wide));
    figures.print("tasks_per_second", rate, "1/s");
    figures.print("floor_per_second", floor, "1/s");
    figures.print("ratio_to_floor", rate / floor, "1");
    figures.print("tasks_per_second_cpus_1", wide, "1/s");
    figures.print("ratio_to_floor_cpus_1", wide / floor, "1");
    Ok(())
}

async fn rate(ground: &mut Ground, cpus: Scalar, tasks: usize, directories: &mut Vec<TempDir>) -> Result<f64> {
    let cores = std::thread::available_parallelism().context("count the cores")?;
    let cluster = ground.plan(1, &format!("cpus:{cores};mem:4096")).start().await?;
    let feeder = Feeder::new(tasks, cpus, Until::Finished, |index| task(format!("t{index}")).command(["true"]));
    let rate = feeder.run(&cluster.address).await?.rate();
    directories.push(cluster.end());
    Ok(rate)
}
