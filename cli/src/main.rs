//! `proffer`: every role and every client command in one binary.
//!
//! Standard output is data, standard error is for people. A command ends with 0 when all is well, with 1 when what was
//! asked for failed, with 2 when it was asked for wrongly, and `run` with its task's own exit code. An agent ends with 3 when
//! an operator has given it up.

mod agent;
mod arguments;
mod completions;
mod demo;
mod failure;
mod files;
mod kill;
mod lists;
mod logs;
mod maintenance;
mod map;
mod master_option;
mod output;
mod role;
mod roles;
mod run;
mod subject;
mod teardown;
mod up;
mod why;

use arguments::{Cli, Command};
use clap::{CommandFactory, FromArgMatches};
use failure::Usage;
use std::{ffi::OsString, process::ExitCode};

/// Messages are many small pieces of memory that one thread takes and another gives back, at which the C library's
/// allocator spends a tenth of the time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let arguments = match kit::configuration::layer(&Cli::command(), arguments) {
        Ok(arguments) => arguments,
        Err(error) => return kit::exit::usage(&error),
    };
    let cli = match Cli::command().try_get_matches_from(arguments).and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => return failure::of_arguments(&error),
    };
    if let Command::Launcher(role) = &cli.command {
        // A launcher forks, which only a process of one thread may do.
        return roles::launcher(role);
    }
    let ended = runtime(&cli.command)
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(Box::pin(dispatch(cli))));
    match ended {
        Ok(code) => code,
        Err(error) => failure::report(&error),
    }
}

/// Few threads for what only waits, all for what works.
fn runtime(command: &Command) -> std::io::Result<tokio::runtime::Runtime> {
    let mut builder = match command {
        Command::Master(_) | Command::Agent(_) | Command::Marathon(_) | Command::Map(_) | Command::Demo(_) => {
            tokio::runtime::Builder::new_multi_thread()
        }
        _ => tokio::runtime::Builder::new_current_thread(),
    };
    builder.enable_all().build()
}

async fn dispatch(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Master(options) => roles::master(options).await,
        Command::Agent(role) => roles::agent(role).await,
        Command::Marathon(role) => roles::marathon(role).await,
        Command::Executor(role) => roles::executor(role).await,
        Command::Launcher(role) => Ok(roles::launcher(&role)),
        Command::Demo(options) => demo::run(options).await,
        Command::Up(options) => up::run(options).await,
        Command::Run(options) => run::run(options).await,
        Command::Map(options) => map::run(options).await,
        Command::Agents(options) => lists::agents::run(options).await,
        Command::Frameworks(options) => lists::frameworks::run(options).await,
        Command::Tasks(options) => lists::tasks::run(options).await,
        Command::Offers(options) => lists::offers::run(options).await,
        Command::Roles(options) => lists::roles::run(options).await,
        Command::Logs(options) => logs::run(options).await,
        Command::Files(options) => files::run(options).await,
        Command::Kill(options) => kill::run(options).await,
        Command::Why(options) => why::run(options).await,
        Command::Role(options) => role::run(options).await,
        Command::Maintenance(options) => maintenance::run(options).await,
        Command::Teardown(options) => teardown::run(options).await,
        Command::Completions(options) => Ok(completions::run(&options)),
    }
}

/// What was asked for wrongly.
fn usage(message: impl Into<String>) -> anyhow::Error {
    Usage(message.into()).into()
}
