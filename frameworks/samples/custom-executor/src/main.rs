//! A framework with an executor of its own: one process on each agent counts primes for many tasks, says how far it is,
//! and returns the result in the last update.
//!
//! ```text
//! custom-executor [MASTER]      the scheduler, which has agents start this same program as
//! custom-executor executor      the executor
//! ```

mod counter;
mod scheduler;

use anyhow::Result;
use proffer_framework::{Framework, executor};
use std::time::Duration;

#[tokio::main]
async fn main() -> Result<()> {
    let argument = std::env::args().nth(1);
    if argument.as_deref() == Some("executor") {
        executor::run(&mut counter::Counter::default()).await?;
        return Ok(());
    }
    let master = argument.unwrap_or_else(|| "127.0.0.1:5050".to_owned());
    let mut scheduler = scheduler::Primes::new(std::env::current_exe()?);
    let framework = Framework::builder("primes").master(master).failover_timeout(Duration::ZERO);
    framework.connect_timeout(Duration::from_secs(10)).run(&mut scheduler).await?;
    anyhow::ensure!(scheduler.failed == 0, "{} ranges failed", scheduler.failed);
    println!("{} primes below {}", scheduler.primes, scheduler::LIMIT);
    Ok(())
}
