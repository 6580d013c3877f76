//! `proffer files`.

use crate::{
    master_option::MasterOption,
    output::{Listed, Output},
    subject::find_task,
};
use anyhow::Result;
use clap::Args;
use proffer_framework::operator::{FileWanted, v1};
use serde_json::{Value, json};
use std::{
    io::{self, Write},
    process::ExitCode,
};

/// What `files` takes.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    master: MasterOption,
    /// Print the list as JSON.
    #[arg(long)]
    json: bool,
    /// Print the file itself, not its entry.
    #[arg(long)]
    cat: bool,
    /// The task, as id or framework/id.
    task: String,
    /// A path in the task's sandbox. Default: the sandbox itself.
    #[arg(default_value = "")]
    path: String,
}

impl Listed for v1::FileEntry {
    const COLUMNS: &'static [&'static str] = &["mode", "#size", "changed", "path"];

    fn cells(&self) -> Vec<String> {
        let changed = std::time::UNIX_EPOCH + std::time::Duration::from_millis(self.modified_ms);
        let path = if self.directory { format!("{}/", self.path) } else { self.path.clone() };
        let mode = format!("{:04o}", self.mode & 0o7777);
        vec![mode, self.size.to_string(), humantime::format_rfc3339_seconds(changed).to_string(), path]
    }

    fn json(&self) -> Value {
        json!({
            "path": self.path, "size": self.size, "directory": self.directory, "modified_ms": self.modified_ms,
            "mode": self.mode,
        })
    }
}

pub(crate) async fn run(options: Options) -> Result<ExitCode> {
    let mut operator = options.master.operator();
    let task = find_task(&mut operator, &options.task).await?;
    let wanted =
        FileWanted { framework: task.framework_id, task: task.id, agent: task.agent_id, path: options.path, offset: 0 };
    if !options.cat {
        let entries = operator.list_files(&wanted).await?;
        Output::new(options.json).list(&entries)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut file = operator.read_file(&wanted).await?;
    let mut out = io::stdout().lock();
    while let Some(chunk) = file.next().await? {
        out.write_all(&chunk.bytes)?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}
