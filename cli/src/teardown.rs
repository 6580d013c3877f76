//! `proffer teardown`.

use crate::master_option::MasterOption;
use anyhow::Result;
use clap::Args;
use std::process::ExitCode;

/// What `teardown` takes.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    master: MasterOption,
    /// The framework's id.
    framework: String,
}

pub(crate) async fn run(options: Options) -> Result<ExitCode> {
    let mut operator = options.master.operator();
    operator.teardown(&options.framework).await?;
    eprintln!("{} is removed; its tasks are being killed", options.framework);
    Ok(ExitCode::SUCCESS)
}
