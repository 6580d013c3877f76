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
    let mut operator = options.master.operator();
    if !options.watch {
        output.list(&fetch(&mut operator).await?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let (mut seen, mut away) = (false, false);
    loop {
        let mut shown = false;
        let watched = watch(&mut operator, kind, &fetch, &output, &mut shown).await;
        seen |= shown;
        away &= !shown;
        if let Err(error) = watched {
            // Who has seen the list once waits for a master that is away.
            if !seen || !is_passing(&error) {
                return Err(error);
            }
            if !away {
                eprintln!("proffer: lost the master ({error:#}); trying to get it back");
            }
            away = true;
            operator = options.master.operator();
        }
        sleep(REFRESH_MIN).await;
    }
}

fn is_passing(error: &anyhow::Error) -> bool {
    error.downcast_ref::<OperatorError>().is_some_and(OperatorError::is_passing)
}

/// Shows a list whenever it changes, until the master ends the stream of changes.
async fn watch<T: Listed>(
    operator: &mut Operator,
    kind: v1::WatchKind,
    fetch: &impl AsyncFn(&mut Operator) -> Result<Vec<T>, OperatorError>,
    output: &Output,
    shown: &mut bool,
) -> Result<()> {
    let mut changes = operator.watch(&[kind]).await?;
    loop {
        output.refresh(&fetch(operator).await?)?;
        *shown = true;
        // Changes come in flocks; the list is shown once for each flock.
        match timeout(REFRESH_MAX, changes.message()).await {
            Ok(Ok(Some(_))) | Err(_) => {}
            Ok(Ok(None) | Err(_)) => return Ok(()),
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
}
