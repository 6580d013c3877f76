//! `proffer up`: a whole cluster on this machine.

pub(crate) mod cluster;
mod containers;
mod family;
mod shares;
mod start;
mod zookeeper;

use crate::usage;
use anyhow::{Context, Result};
use clap::Args;
use cluster::{Cluster, Plan, ZooKeeper};
use std::{fmt::Write, path::PathBuf, process::ExitCode};

/// What `up` takes.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How many agents; this machine's resources are shared out among them.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=100))]
    agents: u16,
    /// How many masters; one of several is elected, which needs --zk.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=9))]
    masters: u16,
    /// Keep the registry in ZooKeeper: in one of three servers that is started too, or in that at ADDRESS, zk://HOST:PORT/PATH.
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = "")]
    zk: Option<String>,
    /// Where the cluster keeps its state; it goes on from there. Default: a temporary directory, removed at the end.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// The master's port; further masters have those after it.
    #[arg(long, default_value_t = 5050, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
}

pub(crate) async fn run(options: Options) -> Result<ExitCode> {
    let mut interrupts = cluster::Interrupts::listen()?;
    if options.masters > 1 && options.zk.is_none() {
        return Err(usage("--masters: several masters are elected through ZooKeeper; add --zk"));
    }
    for port in (0..options.masters).map(|number| options.port.saturating_add(number)) {
        std::net::TcpListener::bind(("127.0.0.1", port)).map_err(|error| {
            usage(format!(
                "--port: 127.0.0.1:{port} cannot be used ({error}); another `proffer up` may be running, choose another port"
            ))
        })?;
    }
    let zookeeper = options.zk.map(|address| match address.as_str() {
        "" => ZooKeeper::Started,
        _ => ZooKeeper::At(address),
    });
    let (agents, directory, masters, port) = (options.agents, options.dir, options.masters, options.port);
    let plan = Plan { agents, directory, masters, port, zookeeper };
    let mut cluster = Cluster::prepare(plan)?;
    let started = tokio::select! {
        started = cluster.start() => started,
        () = interrupts.next() => {
            cluster.end(&mut interrupts).await;
            return Ok(ExitCode::from(130));
        }
    };
    if let Err(error) = started {
        cluster.end(&mut interrupts).await;
        return Err(error);
    }
    let welcomed = crate::output::text(&welcome(&cluster)).context("standard output");
    if welcomed.is_ok() {
        cluster.run(&mut interrupts).await;
        eprintln!("proffer: ending the cluster and its tasks (Ctrl-C again: at once)");
    }
    cluster.end(&mut interrupts).await;
    welcomed.map(|()| ExitCode::SUCCESS)
}

fn welcome(cluster: &Cluster) -> String {
    let mut text = String::new();
    let address = cluster.address();
    let _ = writeln!(text, "The cluster is up, in {}", cluster.directory().display());
    for master in cluster.masters() {
        let _ = writeln!(text, "  master  http://{master}");
    }
    if address.is_elected() {
        let _ = writeln!(text, "  elected through {address}");
    }
    for (name, resources) in cluster.agents() {
        let _ = writeln!(text, "  {name:7} {resources}");
    }
    let export =
        if cluster.has_default_port() { String::new() } else { format!("PROFFER_MASTER={} ", address.as_str()) };
    let _ = writeln!(text, "Try, in another shell:  {export}proffer run -- echo hello");
    text.push_str("Ctrl-C ends all of it, running tasks included.");
    text
}
