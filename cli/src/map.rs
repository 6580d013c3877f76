//! `proffer map`.

use crate::{
    master_option::MasterOption,
    run::{environment::Variable, tasks::wrong},
    up::cluster::Interrupts,
    usage, why,
};
use anyhow::Result;
use clap::Args;
use framework_map::{Input, Job, Observer, Outcome, Progress};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use proffer_framework::Explanation;
use std::{
    io::{self, IsTerminal, Write},
    path::PathBuf,
    process::ExitCode,
};

/// The exit code of what was ended by Ctrl-C.
const INTERRUPTED: u8 = 130;
/// What parts the command from its inputs.
const SEPARATOR: &str = ":::";

/// What `map` takes.
#[derive(Debug, Args)]
#[command(
    after_help = "Without ':::' the inputs are the lines of standard input. An input that names a file is given \
                        to the command by its absolute path, which the agents must see too."
)]
pub(crate) struct Options {
    #[command(flatten)]
    master: MasterOption,
    /// Run each in a Docker container of this image.
    #[arg(long, value_name = "IMAGE")]
    docker: Option<String>,
    /// Processors for each.
    #[arg(long, default_value_t = 0.5, allow_negative_numbers = true)]
    cpus: f64,
    /// MiB of memory for each.
    #[arg(long, default_value_t = 64.0, allow_negative_numbers = true)]
    mem: f64,
    /// How often an input that failed is tried again.
    #[arg(long, default_value_t = 1)]
    retries: u32,
    /// A variable of the environment of each, NAME=VALUE.
    #[arg(short, long = "env", value_name = "NAME=VALUE")]
    environment: Vec<Variable>,
    /// The role whose offers are used.
    #[arg(long)]
    role: Option<String>,
    /// The command, with {} where the input goes (else it is appended), then ':::' and the inputs.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    words: Vec<String>,
}

pub(crate) async fn run(options: Options) -> Result<ExitCode> {
    let (command, inputs) = split(options.words)?;
    let job = Job {
        name: format!("map {}", command.join(" ").chars().take(60).collect::<String>()),
        role: options.role,
        command,
        inputs: inputs.into_iter().map(input).collect(),
        docker: options.docker,
        cpus: options.cpus,
        mem: options.mem,
        retries: options.retries,
        environment: options.environment.into_iter().map(|variable| (variable.name, variable.value)).collect(),
    };
    let mut shown = Shown::new(job.inputs.len());
    let masters = options.master.masters;
    let interrupts = Interrupts::listen()?;
    match framework_map::run(&masters, job, &mut shown, interrupted(interrupts)).await {
        Ok(progress) => shown.end(progress),
        Err(framework_map::Error::Task(error)) => Err(wrong(&error)),
        Err(framework_map::Error::Stopped) => Ok(ExitCode::from(INTERRUPTED)),
        Err(error) => Err(error.into()),
    }
}

/// Waits for the first Ctrl-C, after which the tasks are killed; after the second nobody waits for that.
async fn interrupted(mut interrupts: Interrupts) {
    interrupts.next().await;
    eprintln!("proffer: killing what runs (Ctrl-C again to leave at once)");
    tokio::spawn(async move {
        interrupts.next().await;
        // The framework's tasks end with its failover timeout.
        std::process::exit(i32::from(INTERRUPTED));
    });
}

/// Parts the command from its inputs.
fn split(words: Vec<String>) -> Result<(Vec<String>, Vec<String>)> {
    let (command, inputs) = match words.iter().position(|word| word == SEPARATOR) {
        Some(position) => (words[..position].to_vec(), words[position + 1..].to_vec()),
        None => (words, io::stdin().lines().collect::<io::Result<_>>()?),
    };
    if command.is_empty() {
        return Err(usage(format!("COMMAND: there is none before {SEPARATOR}")));
    }
    Ok((command, inputs))
}

/// An input; a file by the path under which agents see it.
fn input(text: String) -> Input {
    let path = PathBuf::from(&text);
    match std::path::absolute(&path) {
        Ok(absolute) if !text.is_empty() && path.exists() => Input::file(absolute),
        _ => Input::text(text),
    }
}

/// What people see of it: a bar on a terminal, outputs, and failures at the end.
struct Shown {
    bar: ProgressBar,
    failures: Vec<String>,
    trouble: Option<io::Error>,
}

impl Shown {
    fn new(total: usize) -> Self {
        let target =
            if io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(total as u64), target);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {per_sec} {msg}") {
            bar.set_style(style);
        }
        Self { bar, failures: Vec::new(), trouble: None }
    }

    fn end(self, progress: Progress) -> Result<ExitCode> {
        self.bar.finish_and_clear();
        if let Some(error) = self.trouble {
            return Err(error.into());
        }
        for failure in &self.failures {
            eprintln!("proffer: {failure}");
        }
        if progress.failed == 0 {
            return Ok(ExitCode::SUCCESS);
        }
        eprintln!("proffer: {} of {} inputs failed", progress.failed, progress.total);
        Ok(ExitCode::FAILURE)
    }
}

impl Observer for Shown {
    fn progress(&mut self, progress: Progress) {
        self.bar.set_position((progress.succeeded + progress.failed) as u64);
        let mut message = format!("{} running", progress.running);
        if progress.failed > 0 {
            message.push_str(&format!(", {} failed", progress.failed));
        }
        self.bar.set_message(message);
    }

    fn outcome(&mut self, outcome: Outcome) {
        let written = self.bar.suspend(|| {
            io::stdout().write_all(&outcome.stdout)?;
            io::stdout().flush()?;
            io::stderr().write_all(&outcome.stderr)
        });
        if let Err(error) = written {
            self.trouble.get_or_insert(error);
        }
        if !outcome.ok {
            let attempts = if outcome.attempts == 1 { "attempt" } else { "attempts" };
            let line = format!("{}: {} ({} {attempts})", outcome.input, outcome.message, outcome.attempts);
            self.failures.push(line);
        }
    }

    fn stalled(&mut self, explanation: &Explanation) {
        self.bar.suspend(|| eprintln!("proffer: waiting: {}", why::describe(explanation)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_ends_at_the_separator() {
        let words = ["gzip", "-c", ":::", "a", "b"].map(str::to_owned).to_vec();
        let (command, inputs) = split(words).unwrap();
        assert_eq!((command.len(), inputs.len()), (2, 2));
        assert!(split(vec![":::".to_owned()]).is_err());
    }
}
