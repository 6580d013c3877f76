//! The lists: once, or again whenever something changes.

pub(crate) mod agents;
pub(crate) mod frameworks;
pub(crate) mod offers;
pub(crate) mod roles;
pub(crate) mod tasks;

use crate::{
    master_option::MasterOption,
    output::{Listed, Output},
};
use anyhow::Result;
use clap::Args;
use proffer_framework::operator::{Operator, OperatorError, v1};
use std::{process::ExitCode, time::Duration};
use tokio::time::{sleep, timeout};

/// How often a watched list is shown again at most.
const REFRESH_MIN: Duration = Duration::from_millis(300);
/// How often it is shown again although nothing was heard.
const REFRESH_MAX: Duration = Duration::from_secs(10);

/// What every list takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct ListOptions {
    #[command(flatten)]
    pub(crate) master: MasterOption,
    /// Print JSON: one array, or one a line with --watch.
    #[arg(long)]
    pub(crate) json: bool,
    /// Show the list again whenever it changes.
    #[arg(short, long)]
    pub(crate) watch: bool,
}

/// Shows a list.
pub(crate) async fn show<T: Listed>(
    options: &ListOptions,
    kind: v1::WatchKind,
    fetch: impl AsyncFn(&mut Operator) -> Result<Vec<T>, OperatorError>,
) -> Result<ExitCode> {
    let output = Output::new(options.json);
    let mut operator = options.master.operator().await;
    if !options.watch {
        output.list(&fetch(&mut operator).await?)?;
        return Ok(ExitCode::SUCCESS);
    }
    loop {
        let mut changes = operator.watch(&[kind]).await?;
        loop {
            output.refresh(&fetch(&mut operator).await?)?;
            // Changes come in flocks; the list is shown once for each flock.
            match timeout(REFRESH_MAX, changes.message()).await {
                Ok(Ok(Some(_))) | Err(_) => {}
                Ok(Ok(None) | Err(_)) => break,
            }
            let calm = sleep(REFRESH_MIN);
            tokio::pin!(calm);
            loop {
                tokio::select! {
                    () = &mut calm => break,
                    change = changes.message() => if !matches!(change, Ok(Some(_))) { break },
                }
            }
        }
        sleep(REFRESH_MIN).await;
    }
}
