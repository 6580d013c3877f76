//! The roles of the cluster itself, each a process.

use crate::{agent as agent_actions, failure::Usage};
use anyhow::Result;
use clap::{Args, Subcommand};
use kit::telemetry::LogOptions;
use std::{path::PathBuf, process::ExitCode};

/// What `master` takes.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct MasterRole {
    #[command(subcommand)]
    action: Option<MasterAction>,
    #[command(flatten)]
    options: master::Options,
    #[command(flatten)]
    log: LogOptions,
}

/// What is done to masters that do not run.
#[derive(Debug, Subcommand)]
enum MasterAction {
    /// Begin a registry of a cluster in the place of one that was lost, so that its agents and their tasks are taken in.
    Adopt(master::Adopt),
}

/// What `agent` takes.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct AgentRole {
    #[command(subcommand)]
    action: Option<agent_actions::Action>,
    #[command(flatten)]
    options: agent::Options,
    #[command(flatten)]
    log: LogOptions,
}

/// What `marathon` takes.
#[derive(Debug, Args)]
pub(crate) struct MarathonRole {
    #[command(flatten)]
    options: marathon_lite::Options,
    #[command(flatten)]
    log: LogOptions,
}

/// What `executor` takes.
#[derive(Debug, Args)]
pub(crate) struct ExecutorRole {
    #[command(flatten)]
    log: LogOptions,
}

/// What `launcher` takes.
#[derive(Debug, Args)]
pub(crate) struct LauncherRole {
    /// The executor's directory.
    #[arg(long)]
    directory: PathBuf,
    /// What keeps tasks apart.
    #[arg(long, default_value = "auto")]
    isolation: agent_executor::isolation::Choice,
    #[command(flatten)]
    log: LogOptions,
}

/// Runs a master until it is asked to stop, or begins a registry for masters.
pub(crate) async fn master(role: Box<MasterRole>) -> Result<ExitCode> {
    if let Some(MasterAction::Adopt(adopt)) = role.action {
        let cluster = adopt.cluster.clone();
        let above = master::adopt(adopt).await?;
        println!("the registry of cluster {cluster} begins anew above epoch {above}; start its masters now");
        return Ok(ExitCode::SUCCESS);
    }
    kit::telemetry::begin(&role.log).map_err(|error| Usage(kit::exit::chain(&error)))?;
    let stop = kit::shutdown::on_signal()?;
    match Box::pin(master::run(role.options, stop, |address| tracing::info!(%address, "the master listens"))).await {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) if error.is_usage() => Ok(kit::exit::usage(&error)),
        Err(error) => Ok(kit::exit::failed(&error)),
    }
}

/// Runs an agent until it is asked to stop, or does something to agents of the cluster.
pub(crate) async fn agent(role: Box<AgentRole>) -> Result<ExitCode> {
    if let Some(action) = role.action {
        return agent_actions::run(action).await;
    }
    kit::telemetry::begin(&role.log).map_err(|error| Usage(kit::exit::chain(&error)))?;
    let stop = kit::shutdown::on_signal()?;
    match Box::pin(agent::run(role.options, stop)).await {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) if error.is_final() => Ok(kit::exit::ended(&error)),
        Err(error) if error.is_misuse() => Ok(kit::exit::usage(&error)),
        Err(error) => Ok(kit::exit::failed(&error)),
    }
}

/// Runs services, until it is asked to stop.
pub(crate) async fn marathon(role: Box<MarathonRole>) -> Result<ExitCode> {
    kit::telemetry::begin(&role.log).map_err(|error| Usage(kit::exit::chain(&error)))?;
    let stop = kit::shutdown::on_signal()?;
    let ready = |address| tracing::info!(%address, "marathon-lite listens");
    match Box::pin(marathon_lite::run(role.options, stop, ready)).await {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) if error.is_usage() => Ok(kit::exit::usage(&error)),
        Err(error) => Ok(kit::exit::failed(&error)),
    }
}

/// Runs the built-in executor until its agent shuts it down.
pub(crate) async fn executor(role: ExecutorRole) -> Result<ExitCode> {
    kit::telemetry::begin(&role.log).map_err(|error| Usage(kit::exit::chain(&error)))?;
    let options = match agent_executor::Options::from_environment() {
        Ok(options) => options,
        Err(error) => return Ok(kit::exit::usage(&error)),
    };
    match Box::pin(agent_executor::run(options)).await {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => Ok(kit::exit::failed(&error)),
    }
}

/// Runs a launcher until nobody needs it.
pub(crate) fn launcher(role: &LauncherRole) -> ExitCode {
    if let Err(error) = kit::telemetry::begin(&role.log) {
        return kit::exit::usage(&error);
    }
    match agent_executor::launcher(&role.directory, role.isolation) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => kit::exit::failed(&error),
    }
}
