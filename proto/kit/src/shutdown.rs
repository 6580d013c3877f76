//! The end of a process on request.

use tokio::signal::unix::{SignalKind, signal};
pub use tokio_util::sync::CancellationToken;

/// A token that is cancelled by the first SIGINT or SIGTERM; a second one ends the process at once, because whoever
/// asks twice does not want to wait.
///
/// # Errors
/// If signals cannot be listened for.
pub fn on_signal() -> std::io::Result<CancellationToken> {
    let token = CancellationToken::new();
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let cancelled = token.clone();
    tokio::spawn(async move {
        loop {
            let code = tokio::select! {
                _ = interrupt.recv() => 130,
                _ = terminate.recv() => 143,
            };
            if cancelled.is_cancelled() {
                std::process::exit(code);
            }
            cancelled.cancel();
        }
    });
    Ok(token)
}
