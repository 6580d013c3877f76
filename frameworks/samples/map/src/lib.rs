//! `map`: one task for each input, as many at once as the cluster offers room for, outputs gathered in order.
//!
//! A framework like any other, to be read as an example: [`scheduler`](self) decides which input runs on which offer,
//! `outputs` fetches what each task wrote.

mod job;
mod outputs;
mod scheduler;

pub use job::{Input, Job, Mount};

use proffer_framework::{Explanation, Framework, InvalidTask, MasterAddress};
use scheduler::MapScheduler;
use std::{collections::BTreeMap, pin::pin, time::Duration};

/// How long a master may take to answer at first.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);

/// How long the tasks outlive a lost scheduler: long enough to come back after the master's restart.
const FAILOVER: Duration = Duration::from_secs(15);

/// What came of one input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The input's position.
    pub index: usize,
    /// The input.
    pub input: String,
    /// Whether it succeeded.
    pub ok: bool,
    /// The exit code of the last attempt; none: it did not exit by itself.
    pub exit_code: Option<i32>,
    /// Why it failed; empty if it did not.
    pub message: String,
    /// What the last attempt wrote.
    pub stdout: Vec<u8>,
    /// What the last attempt wrote to standard error.
    pub stderr: Vec<u8>,
    /// How many attempts it took.
    pub attempts: u32,
    /// How long the last attempt ran.
    pub duration: Duration,
    /// Where the last attempt ran: the agent's hostname.
    pub agent: String,
}

/// How far it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Inputs.
    pub total: usize,
    /// Tasks that run now.
    pub running: usize,
    /// Inputs that succeeded.
    pub succeeded: usize,
    /// Inputs that failed for good.
    pub failed: usize,
    /// Attempts that failed and were made again.
    pub retried: usize,
}

/// Who is told how it goes.
pub trait Observer: Send {
    /// Something changed.
    fn progress(&mut self, progress: Progress) {
        let _ = progress;
    }

    /// What came of the next input; they come in the order of the inputs.
    fn outcome(&mut self, outcome: Outcome);

    /// Nothing runs and no offer fits; this is why.
    fn stalled(&mut self, explanation: &Explanation) {
        let _ = explanation;
    }
}

/// Why a map could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The tasks are described wrongly.
    #[error("the task is described wrongly")]
    Task(#[from] InvalidTask),
    /// It was stopped.
    #[error("stopped")]
    Stopped,
    /// The framework could not run.
    #[error(transparent)]
    Framework(#[from] proffer_framework::Error),
}

/// Runs a command over inputs, until all are done or `stop` comes to pass, which kills what runs.
///
/// # Errors
/// The tasks are described wrongly, the framework could not run, or it was stopped. An input that fails is no error: it
/// is in the outcomes.
pub async fn run(
    masters: &[MasterAddress],
    job: Job,
    observer: &mut dyn Observer,
    stop: impl Future<Output = ()>,
) -> Result<Progress, Error> {
    let (mut scheduler, mut outputs) = MapScheduler::new(job, masters, observer)?;
    if scheduler.is_done() {
        return Ok(scheduler.progress());
    }
    let mut builder = Framework::builder(scheduler.name()).failover_timeout(FAILOVER).connect_timeout(CONNECT_PATIENCE);
    for master in masters {
        builder = builder.master(master.as_str());
    }
    if let Some(role) = scheduler.role() {
        builder = builder.roles([role]);
    }
    let framework = builder.build()?;
    let handle = framework.handle();
    outputs.wake(handle.clone());
    let stopped = {
        let mut running = pin!(framework.run(&mut scheduler));
        tokio::select! {
            ended = &mut running => {
                ended?;
                false
            }
            () = stop => {
                handle.teardown().await?;
                running.await?;
                true
            }
        }
    };
    if stopped { Err(Error::Stopped) } else { Ok(scheduler.progress()) }
}

/// Names with values for each task.
pub type Environment = BTreeMap<String, String>;
