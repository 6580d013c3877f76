//! How many times a second resources make the round: offered, accepted, used, free, offered again; with no-op tasks on
//! simulated agents, one connection each, through the real gRPC stack. Against what the stack does when it only echoes.

use crate::{
    agents::Agents,
    feeder::{Feeder, Until},
    figures::{Figures, median},
    floor::echo,
    ground::Ground,
};
use anyhow::{Context, Result};
use e2e::{cluster::free_port, process::Process, running::Running, wait::until};
use proffer_framework::{Scalar, task};
use proffer_proto::v1::AgentState;
use std::time::Duration;

/// Simulated agents.
const AGENTS: usize = 40;

/// Cpus of each, and so tasks that it runs at once.
const CPUS: u64 = 8;

/// Round trips of a run.
const TASKS: usize = 60_000;

/// Runs, of which the medians are taken.
const RUNS: usize = 3;

pub(crate) async fn run(figures: &Figures, zookeeper: bool) -> Result<()> {
    let mut ground = Ground::prepare(zookeeper).await?;
    let figures = ground.figures(figures);
    let (mut rates, mut unary, mut stream, mut pairs) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let echoes = floor().await?;
        unary.push(echoes.unary);
        stream.push(echoes.stream);
        pairs.push(echoes.pairs());
        rates.push(rate(&mut ground).await?);
    }
    figures.print("round_trips_per_second", median(&mut rates), "1/s");
    figures.print("floor_per_second", median(&mut pairs), "1/s");
    figures.print("floor_unary_per_second", median(&mut unary), "1/s");
    figures.print("floor_stream_per_second", median(&mut stream), "1/s");
    Ok(())
}

async fn rate(ground: &mut Ground) -> Result<f64> {
    let cluster = ground.plan(0, "").start().await?;
    let _agents = Agents::register(&cluster.address, AGENTS, CPUS).await?;
    cluster.stand(AgentState::Connected, AGENTS).await?;
    let feeder =
        Feeder::new(TASKS, Scalar::from_units(1), Until::Finished, |index| task(format!("t{index}")).command(["true"]));
    Ok(feeder.run(&cluster.address).await?.rate())
}

async fn floor() -> Result<echo::Rates> {
    let directory = tempfile::tempdir().context("make a directory")?;
    let address = format!("127.0.0.1:{}", free_port()?);
    let program = std::env::current_exe().context("find this program")?;
    let arguments = ["echo".to_owned(), address.clone()];
    let _echo = Process::start("echo", directory.path(), &program, &arguments)?;
    until("the echo listens", || async { tokio::net::TcpStream::connect(&address).await.ok() }).await?;
    echo::measure(&address, AGENTS, Duration::from_secs(2)).await
}
