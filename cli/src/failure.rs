//! How commands fail: one line on standard error, and the exit code.

use proffer_framework::{
    Error,
    operator::{OperatorError, OperatorError::Refused},
};
use std::process::ExitCode;

/// It was asked for wrongly.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub(crate) String);

/// The command line could not be read. Help is no failure; the rest is said in one line that names the field.
pub(crate) fn of_arguments(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        // Whoever reads the help may close it early.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let rendered = error.render().to_string();
    if error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        eprint!("{rendered}");
        return ExitCode::from(kit::exit::USAGE);
    }
    eprintln!("proffer: {}", one_line(&rendered));
    ExitCode::from(kit::exit::USAGE)
}

/// What a command ended with.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    if is_broken_pipe(error) {
        return ExitCode::SUCCESS;
    }
    eprintln!("proffer: {}", one_line(&format!("{error:#}")));
    ExitCode::from(code(error))
}

fn code(error: &anyhow::Error) -> u8 {
    let usage = error.chain().any(|cause| {
        cause.is::<Usage>()
            || matches!(cause.downcast_ref(), Some(Error::Address { .. } | Error::Role(_) | Error::Unreachable { .. }))
            || matches!(cause.downcast_ref(), Some(OperatorError::Unreachable { .. }))
            || matches!(cause.downcast_ref(), Some(Refused(proffer_framework::Refusal::Invalid { .. })))
    });
    if usage { kit::exit::USAGE } else { kit::exit::FAILED }
}

/// Whoever read the output has seen enough.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
    })
}

/// The gist of what clap says over several lines, without its advice.
fn one_line(text: &str) -> String {
    let gist = text.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ");
    gist.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_says_it() {
        assert_eq!(one_line("error: a\n  b\n\nUsage: x"), "a b");
    }

    #[test]
    fn wrong_addresses_are_misuse() {
        let wrong = "nowhere".parse::<proffer_framework::MasterAddress>().unwrap_err();
        assert_eq!(code(&anyhow::Error::from(wrong).context("--master")), 2);
        assert_eq!(code(&anyhow::anyhow!("broken")), 1);
    }
}
