//! How a command ends: 0 when all is well, 1 when what was asked for failed, 2 when it was asked for wrongly, 3
//! when it must not be started again as it is.

use std::process::ExitCode;

/// What was asked for failed.
pub const FAILED: u8 = 1;

/// It was asked for wrongly: a flag, a file, an address or a directory that will not do.
pub const USAGE: u8 = 2;

/// It has ended for good by an operator's word: started again as it is, it would only end again.
pub const FINAL: u8 = 3;

/// Says in one line what was wrong with the request; the code to exit with.
#[must_use]
pub fn usage(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("proffer: {}", chain(error));
    ExitCode::from(USAGE)
}

/// Says in one line what failed; the code to exit with.
#[must_use]
pub fn failed(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("proffer: {}", chain(error));
    ExitCode::from(FAILED)
}

/// Says in one line why a role must not be started again; the code to exit with.
#[must_use]
pub fn ended(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("proffer: {}", chain(error));
    ExitCode::from(FINAL)
}

/// An error and what caused it, in one line.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
