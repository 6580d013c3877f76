//! Benchmarks: `cargo run --release -p bench -- NAME... [--json]`. Each prints its figures: medians, and ratios to a
//! floor or a peer measured in the same run.

mod agent_restart;
mod agents;
mod election;
mod failover;
mod feeder;
mod figures;
mod floor;
mod ground;
mod idle;
mod latency;
mod launch_docker;
mod launch_process;
mod offers;
mod registry;
mod watcher;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use figures::Figures;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Name {
    /// Short processes per second on one agent, against xargs.
    LaunchProcess,
    /// Containers per second on one agent, against the engine itself.
    LaunchDocker,
    /// From submit to RUNNING.
    Latency,
    /// Offer round trips per second, against echoes.
    Offers,
    /// What an idle cluster costs.
    Idle,
    /// From the start of an agent to all its 200 running tasks known again.
    AgentRestart,
    /// From a small cluster's loss of its leader to the first offer of the next.
    Election,
    /// How long a large cluster is without offers when its master fails over.
    Failover,
    /// Agents admitted per second into a registry in ZooKeeper.
    Registry,
}

#[derive(Debug, Parser)]
struct Options {
    /// Which; all if none is named.
    names: Vec<Name>,
    /// Have launch-process and offers keep the registry in a real ZooKeeper instead of a directory.
    #[arg(long)]
    zk: bool,
    /// One JSON object a line instead of a table.
    #[arg(long)]
    json: bool,
}

/// That of the binary, in which the bundled frameworks run.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    // The echo is a process of its own, as a master is; so are simulated agents.
    match arguments.as_slice() {
        [_, word, address] if word == "echo" => return floor::echo::serve(address).await,
        [_, word, rest @ ..] if word == failover::simulated::WORD => return failover::simulated::run(rest).await,
        _ => {}
    }
    let options = Options::parse();
    let names = if options.names.is_empty() { Name::value_variants().to_vec() } else { options.names };
    for name in names {
        let figures = |name| Figures::new(name, options.json);
        match name {
            Name::LaunchProcess => launch_process::run(&figures("launch-process"), options.zk).await?,
            Name::LaunchDocker => launch_docker::run(&figures("launch-docker")).await?,
            Name::Latency => latency::run(&figures("latency")).await?,
            Name::Offers => offers::run(&figures("offers"), options.zk).await?,
            Name::Idle => idle::run(&figures("idle")).await?,
            Name::AgentRestart => agent_restart::run(&figures("agent-restart")).await?,
            Name::Election => election::run(&figures("election")).await?,
            Name::Failover => failover::run(&figures("failover")).await?,
            Name::Registry => registry::run(&figures("registry")).await?,
        }
    }
    Ok(())
}
