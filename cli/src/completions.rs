//! `proffer completions`.

use crate::arguments::Cli;
use clap::{Args, CommandFactory};
use clap_complete::Shell;
use std::process::ExitCode;

/// What `completions` takes.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// For which shell.
    shell: Shell,
}

pub(crate) fn run(options: &Options) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut Cli::command(), "proffer", &mut script);
    // Whoever reads it may close it early.
    let _ = std::io::Write::write_all(&mut std::io::stdout(), &script);
    ExitCode::SUCCESS
}
