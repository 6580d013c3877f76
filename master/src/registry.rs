//! The writer of the registry's log: one batch in flight, everything that came meanwhile in the next.

use coordination::{Fate, Log};
use master_core::LogIndex;
use proto_types::registry::RegistryChange;
use tokio::sync::mpsc;

/// What to write.
#[derive(Debug)]
enum Job {
    Append(Vec<RegistryChange>, LogIndex),
    Compact(Vec<RegistryChange>),
}

/// What became of a job.
#[derive(Debug)]
pub(crate) enum Written {
    /// Everything up to here is stored.
    Stored { index: LogIndex, wants_compaction: bool },
    /// The log was replaced by a snapshot.
    Compacted,
    /// The term is over.
    Failed(Fate),
}

/// The driver's end of the writer.
#[derive(Debug)]
pub(crate) struct Registry {
    jobs: mpsc::Sender<Job>,
    results: mpsc::Receiver<Written>,
    pending: Vec<RegistryChange>,
    last: LogIndex,
    busy: bool,
}

impl Registry {
    pub(crate) fn new(log: Box<dyn Log>) -> Self {
        let (jobs, queue) = mpsc::channel(1);
        let (answers, results) = mpsc::channel(1);
        tokio::spawn(write(log, queue, answers));
        Self { jobs, results, pending: Vec::new(), last: LogIndex(0), busy: false }
    }

    /// Takes a change in for the next batch.
    pub(crate) fn append(&mut self, index: LogIndex, change: RegistryChange) {
        self.last = index;
        self.pending.push(change);
    }

    /// Starts writing what is pending, unless a batch is in flight.
    pub(crate) fn flush(&mut self) {
        if !self.busy && !self.pending.is_empty() {
            let job = Job::Append(std::mem::take(&mut self.pending), self.last);
            self.start(job);
        }
    }

    /// Replaces the log by a snapshot that holds all changes so far; only with nothing pending or in flight.
    pub(crate) fn compact(&mut self, snapshot: impl FnOnce() -> Vec<RegistryChange>) {
        if !self.busy && self.pending.is_empty() {
            self.start(Job::Compact(snapshot()));
        }
    }

    fn start(&mut self, job: Job) {
        // The queue holds one job and none is in flight, so there is room; a writer that is gone says so by its result.
        self.busy = self.jobs.try_send(job).is_ok();
    }

    /// What became of the batch in flight.
    pub(crate) async fn written(&mut self) -> Written {
        let written = self.results.recv().await.unwrap_or(Written::Failed(Fate::Ended));
        self.busy = false;
        written
    }
}

async fn write(mut log: Box<dyn Log>, mut jobs: mpsc::Receiver<Job>, answers: mpsc::Sender<Written>) {
    while let Some(job) = jobs.recv().await {
        let answer = match job {
            Job::Append(changes, index) => match log.append(changes).await {
                Ok(()) => Written::Stored { index, wants_compaction: log.wants_compaction() },
                Err(fate) => Written::Failed(fate),
            },
            Job::Compact(snapshot) => match log.compact(snapshot).await {
                Ok(()) => Written::Compacted,
                Err(fate) => Written::Failed(fate),
            },
        };
        if answers.send(answer).await.is_err() {
            return;
        }
    }
}
