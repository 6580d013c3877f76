//! `proffer demo`: a real cluster, real work, every result checked.

mod files;
mod image;
mod map;
mod summary;
mod watch;

use crate::{
    up::cluster::{Cluster, Interrupts, Plan},
    usage,
};
use anyhow::Result;
use clap::Args;
use files::File;
use image::Image;
use std::{path::PathBuf, process::ExitCode};
use summary::{Part, Summary};

/// How many agents the cluster has.
const AGENTS: u16 = 3;

/// What `demo` takes.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Whose files are checksummed and compressed. Default: those of the repository, or else the directory, that this
    /// is run in.
    #[arg(long, value_name = "DIR")]
    input: Option<PathBuf>,
    /// Print the summary as JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(options: Options) -> Result<ExitCode> {
    let mut interrupts = Interrupts::listen()?;
    let files = files::find(options.input.as_deref()).map_err(|error| usage(format!("--input: {error:#}")))?;
    let bytes: u64 = files.iter().map(|file| file.content.len() as u64).sum();
    say(&format!("{} files with {} KiB to work on", files.len(), bytes / 1024));
    let image = Image::prepare().await;
    let mut cluster = Cluster::prepare(Plan { agents: AGENTS, directory: None, masters: 1, port: 0, zookeeper: None })?;
    let worked = tokio::select! {
        worked = work(&mut cluster, &files, &image) => Some(worked),
        () = interrupts.next() => None,
    };
    say("ending everything");
    cluster.end(&mut interrupts).await;
    image.remove().await;
    let Some(worked) = worked else { return Ok(ExitCode::from(130)) };
    let summary = worked?;
    summary.print(options.json)?;
    Ok(if summary.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// All parts of the demonstration.
async fn work(cluster: &mut Cluster, files: &[File], image: &Image) -> Result<Summary> {
    let mut summary = Summary::default();
    let mut part = Part::begin("start", 1 + usize::from(AGENTS));
    cluster.start().await?;
    say(&format!("a master at {} and {AGENTS} agents are up", cluster.address()));
    part.end(true);
    summary.add(part);
    let master = cluster.address().clone();
    summary.add(map::run(&master, files, None).await?);
    match image {
        Image::Ready { name, .. } => summary.add(map::run(&master, files, Some(name)).await?),
        Image::Missing(why) => say(&format!("no Docker: {why}; the part with containers is left out")),
    }
    for part in watch::run(&master).await? {
        summary.add(part);
    }
    Ok(summary)
}

/// Tells people what happens.
fn say(text: &str) {
    eprintln!("demo: {text}");
}
