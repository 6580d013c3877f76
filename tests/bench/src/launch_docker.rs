//! Containers with host networking until all run; against the engine's own API with as many requests at once.

use crate::{
    feeder::{Feeder, Until},
    figures::{Figures, median},
    floor::engine,
};
use anyhow::Result;
use e2e::{binary::Profile, cluster::Plan, image};
use proffer_framework::{Scalar, task};

/// Containers of a run.
const CONTAINERS: usize = 50;

/// Runs, of which the medians are taken.
const RUNS: usize = 3;

pub(crate) async fn run(figures: &Figures) -> Result<()> {
    let docker = image::engine().await?;
    image::busybox(&docker).await?;
    let (mut rates, mut floors) = (Vec::new(), Vec::new());
    // The first container after a while is slower than all others; nobody shall pay for it.
    engine::containers_per_second(&docker, image::BUSYBOX, 2).await?;
    for _ in 0..RUNS {
        floors.push(engine::containers_per_second(&docker, image::BUSYBOX, CONTAINERS).await?);
        rates.push(rate().await?);
    }
    let (rate, floor) = (median(&mut rates), median(&mut floors));
    figures.print("tasks_per_second", rate, "1/s");
    figures.print("floor_per_second", floor, "1/s");
    figures.print("ratio_to_floor", rate / floor, "1");
    Ok(())
}

async fn rate() -> Result<f64> {
    let plan = Plan { profile: Profile::Release, ..Plan::agents(1, "cpus:50;mem:16384") };
    let cluster = plan.start().await?;
    let feeder = Feeder::new(CONTAINERS, Scalar::from_units(1), Until::Running, |index| {
        task(format!("c{index}")).command(["sleep", "600"]).docker(image::BUSYBOX)
    });
    Ok(feeder.run(&cluster.address).await?.rate())
}
