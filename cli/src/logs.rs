//! `proffer logs`.

use crate::{master_option::MasterOption, subject::find_task};
use anyhow::Result;
use clap::Args;
use proffer_framework::operator::FileWanted;
use std::{
    io::{self, Write},
    process::ExitCode,
};

/// What `logs` takes.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    master: MasterOption,
    /// Go on with what is appended until the task is over.
    #[arg(short, long)]
    follow: bool,
    /// Show what it writes to standard error instead.
    #[arg(long)]
    stderr: bool,
    /// Begin so many bytes before the end.
    #[arg(long, value_name = "BYTES")]
    tail: Option<u32>,
    /// The task, as id or framework/id.
    task: String,
}

pub(crate) async fn run(options: Options) -> Result<ExitCode> {
    let mut operator = options.master.operator();
    let task = find_task(&mut operator, &options.task).await?;
    let path = if options.stderr { "stderr" } else { "stdout" };
    let wanted = FileWanted {
        framework: task.framework_id,
        task: task.id,
        agent: task.agent_id,
        path: path.to_owned(),
        offset: options.tail.map_or(0, |bytes| -i64::from(bytes)),
    };
    let mut file = match options.follow {
        true => operator.follow_file(&wanted).await?,
        false => operator.read_file(&wanted).await?,
    };
    let mut out = io::stdout().lock();
    while let Some(chunk) = file.next().await? {
        out.write_all(&chunk.bytes)?;
        out.flush()?;
    }
    Ok(ExitCode::SUCCESS)
}
