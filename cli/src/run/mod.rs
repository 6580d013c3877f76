//! `proffer run`.

pub(crate) mod environment;
mod follow;
mod scheduler;
pub(crate) mod tasks;

use crate::{master_option::MasterOption, up::cluster::Interrupts};
use anyhow::Result;
use clap::Args;
use environment::{Network, Variable, Volume};
use proffer_framework::{Framework, Handle};
use scheduler::RunScheduler;
use std::{process::ExitCode, time::Duration};
use tokio::sync::mpsc;

/// How long the tasks outlive a lost scheduler: long enough to come back after the master's restart.
const FAILOVER: Duration = Duration::from_secs(15);
/// How long a master may take to answer at first.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);

/// What `run` takes.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) master: MasterOption,
    /// The name of the task, under which logs and kill find it. Default: made from the command.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// How many of it; each gets an offer of its own.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) instances: u32,
    /// Run it in a Docker container of this image.
    #[arg(long, value_name = "IMAGE")]
    pub(crate) docker: Option<String>,
    /// Processors.
    #[arg(long, default_value_t = 0.1, allow_negative_numbers = true)]
    pub(crate) cpus: f64,
    /// MiB of memory.
    #[arg(long, default_value_t = 32.0, allow_negative_numbers = true)]
    pub(crate) mem: f64,
    /// MiB of disk.
    #[arg(long, default_value_t = 0.0, allow_negative_numbers = true)]
    pub(crate) disk: f64,
    /// Graphics processors.
    #[arg(long, default_value_t = 0.0, allow_negative_numbers = true)]
    pub(crate) gpus: f64,
    /// A variable of its environment, NAME=VALUE.
    #[arg(short, long = "env", value_name = "NAME=VALUE")]
    pub(crate) environment: Vec<Variable>,
    /// The network of its container: host, bridge, none, or the name of one of the engine's.
    #[arg(long, default_value = "host", requires = "docker")]
    pub(crate) network: Network,
    /// A mount of its container, SOURCE:PATH or SOURCE:PATH:ro.
    #[arg(long = "volume", value_name = "SOURCE:PATH", requires = "docker")]
    pub(crate) volumes: Vec<Volume>,
    /// The role whose offers are used.
    #[arg(long)]
    pub(crate) role: Option<String>,
    /// As whom it runs. Default: as the agent.
    #[arg(long)]
    pub(crate) user: Option<String>,
    /// Let the shell read the command.
    #[arg(long)]
    pub(crate) shell: bool,
    /// Between the polite and the hard kill.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) kill_grace: Option<Duration>,
    /// Kill it after so long.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) timeout: Option<Duration>,
    /// The command. With --docker it may be left out: the image's own.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required_unless_present = "docker")]
    pub(crate) command: Vec<String>,
}

pub(crate) async fn run(options: Box<Options>) -> Result<ExitCode> {
    let tasks = tasks::describe(&options)?;
    let name = options.name.clone().unwrap_or_else(|| tasks::title(&options));
    let mut builder =
        Framework::builder(format!("run {name}")).failover_timeout(FAILOVER).connect_timeout(CONNECT_PATIENCE);
    for master in options.master.masters.iter() {
        builder = builder.master(master.as_str());
    }
    if let Some(role) = &options.role {
        builder = builder.roles([role]);
    }
    let framework = builder.build()?;
    let handle = framework.handle();
    let signals = Interrupts::listen()?;
    let (interrupts, interrupted) = mpsc::channel(4);
    let mut scheduler =
        RunScheduler::new(tasks, options.master.operator(), handle.clone(), interrupted, options.instances > 1);
    let listening = tokio::spawn(interrupt(handle, signals, interrupts));
    let ended = framework.run(&mut scheduler).await;
    listening.abort();
    ended?;
    scheduler.exit_code()
}

/// The first Ctrl-C, or another request to end, kills the tasks and waits for them; after the second nobody waits.
async fn interrupt(handle: Handle, mut signals: Interrupts, interrupts: mpsc::Sender<()>) {
    loop {
        signals.next().await;
        if interrupts.try_send(()).is_err() {
            return;
        }
        handle.wake();
    }
}
