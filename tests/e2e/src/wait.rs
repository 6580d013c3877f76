//! Waiting for conditions, with generous limits.

use anyhow::{Result, bail};
use std::{
    future::Future,
    time::{Duration, Instant},
};

/// How long anything may take before a test gives up. Generous: a loaded machine is no failure.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// Asks again and again until there is an answer.
///
/// # Errors
/// Names what did not come true within [`PATIENCE`].
pub async fn until<T, F, A>(what: &str, mut ask: F) -> Result<T>
where
    F: FnMut() -> A,
    A: Future<Output = Option<T>>,
{
    let start = Instant::now();
    let mut pause = tokio::time::interval(Duration::from_millis(20));
    while start.elapsed() < PATIENCE {
        pause.tick().await;
        if let Some(answer) = ask().await {
            return Ok(answer);
        }
    }
    bail!("still not so after {} s: {what}", PATIENCE.as_secs())
}
