//! The roles of the cluster itself, each a process.

use anyhow::Result;
use kit::telemetry::LogOptions;
use std::process::ExitCode;

use crate::failure::Usage;

/// Runs a master until it is asked to stop.
pub(crate) async fn master(options: Box<master::Options>, log: &LogOptions) -> Result<ExitCode> {
    kit::telemetry::begin(log).map_err(|error| Usage(kit::exit::chain(&error)))?;
    let stop = kit::shutdown::on_signal()?;
    match Box::pin(master::run(*options, stop, |address| tracing::info!(%address, "the master listens"))).await {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) if error.is_usage() => Ok(kit::exit::usage(&error)),
        Err(error) => Ok(kit::exit::failed(&error)),
    }
}

/// Runs an agent until it is asked to stop.
pub(crate) async fn agent(options: Box<agent::Options>, log: &LogOptions) -> Result<ExitCode> {
    kit::telemetry::begin(log).map_err(|error| Usage(kit::exit::chain(&error)))?;
    let stop = kit::shutdown::on_signal()?;
    match Box::pin(agent::run(*options, stop)).await {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) if error.is_misuse() => Ok(kit::exit::usage(&error)),
        Err(error) => Ok(kit::exit::failed(&error)),
    }
}
