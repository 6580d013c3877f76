//! `proffer kill`.

use crate::{master_option::MasterOption, subject::find_task};
use anyhow::Result;
use clap::Args;
use proffer_framework::operator::v1;
use std::{process::ExitCode, time::Duration};

/// What `kill` takes.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    master: MasterOption,
    /// Between the polite and the hard kill. Default: what the task says.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    grace: Option<Duration>,
    /// The tasks, as id or framework/id.
    #[arg(required = true, value_name = "TASK")]
    tasks: Vec<String>,
}

pub(crate) async fn run(options: Options) -> Result<ExitCode> {
    let mut operator = options.master.operator();
    for task in &options.tasks {
        let found = find_task(&mut operator, task).await?;
        let request = v1::KillTaskRequest {
            framework_id: found.framework_id.clone(),
            task_id: found.id.clone(),
            grace_ms: options.grace.map(|grace| u64::try_from(grace.as_millis()).unwrap_or(u64::MAX)),
        };
        operator.kill(request).await?;
        eprintln!("{}/{} is being killed", found.framework_id, found.id);
    }
    Ok(ExitCode::SUCCESS)
}
