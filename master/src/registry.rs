//! The writer of the registry's log: one batch in flight, everything that came meanwhile in the next.

use coordination::{Fate, Log};
use master_core::LogIndex;
use proto_types::registry::RegistryChange;
use std::time::{Duration, Instant};
use tokio::{sync::mpsc, task::JoinHandle};

/// What to write.
#[derive(Debug)]
enum Job {
    Append(Vec<RegistryChange>, LogIndex),
    Compact(Vec<RegistryChange>, LogIndex),
}

/// What became of a job.
#[derive(Debug)]
pub(crate) enum Written {
    /// Everything up to here is stored.
    Stored {
        /// The last that is.
        index: LogIndex,
        /// How long it took.
        took: Duration,
        /// Whether a snapshot would be worth its cost.
        wants_compaction: bool,
    },
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
    writer: JoinHandle<()>,
}

impl Registry {
    pub(crate) fn new(log: Box<dyn Log>) -> Self {
        let (jobs, queue) = mpsc::channel(1);
        let (answers, results) = mpsc::channel(1);
        let writer = tokio::spawn(write(log, queue, answers));
        Self { jobs, results, pending: Vec::new(), last: LogIndex(0), busy: false, writer }
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

    /// Replaces the log by a snapshot, unless a batch is in flight. The snapshot holds all changes so far, and so those
    /// that are pending: they are stored with it, and a master that is never idle gets to it too.
    pub(crate) fn compact(&mut self, snapshot: impl FnOnce() -> Vec<RegistryChange>) {
        if !self.busy {
            self.pending.clear();
            let job = Job::Compact(snapshot(), self.last);
            self.start(job);
        }
    }

    /// Changes that are not being written yet.
    pub(crate) fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Ends the term's writing: when this returns, the log is closed and another term may begin.
    pub(crate) async fn close(self) {
        let Self { jobs, results, writer, .. } = self;
        drop((jobs, results));
        if let Err(error) = writer.await {
            tracing::error!(%error, "the registry's writer broke");
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
        let begin = Instant::now();
        let (done, index) = match job {
            Job::Append(changes, index) => (log.append(changes).await, index),
            Job::Compact(snapshot, index) => (log.compact(snapshot).await, index),
        };
        let answer = match done {
            Ok(()) => Written::Stored { index, took: begin.elapsed(), wants_compaction: log.wants_compaction() },
            Err(fate) => Written::Failed(fate),
        };
        if answers.send(answer).await.is_err() {
            break;
        }
    }
    log.close().await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use coordination::Pending;
    use proto_types::{FrameworkId, Principal, registry::Fact};
    use std::sync::{Arc, Mutex};

    /// What was written, and whether the log is still open.
    type Book = Arc<Mutex<Vec<&'static str>>>;

    struct Recorded {
        book: Book,
        due: bool,
    }

    impl Log for Recorded {
        fn append(&mut self, changes: Vec<RegistryChange>) -> Pending<'_, Result<(), Fate>> {
            self.book.lock().unwrap().extend(changes.iter().map(|_| "appended"));
            Box::pin(async { Ok(()) })
        }

        fn compact(&mut self, _snapshot: Vec<RegistryChange>) -> Pending<'_, Result<(), Fate>> {
            self.book.lock().unwrap().push("compacted");
            self.due = false;
            Box::pin(async { Ok(()) })
        }

        fn wants_compaction(&self) -> bool {
            self.due
        }

        fn close(self: Box<Self>) -> Pending<'static, ()> {
            Box::pin(async move { drop(self) })
        }
    }

    impl Drop for Recorded {
        fn drop(&mut self) {
            self.book.lock().unwrap().push("closed");
        }
    }

    fn change() -> RegistryChange {
        let framework = FrameworkId::new("F1-1").unwrap();
        RegistryChange { principal: Principal::anonymous(), fact: Fact::FrameworkConnected { framework } }
    }

    fn stored(written: Written) -> (u64, bool) {
        match written {
            Written::Stored { index, wants_compaction, .. } => (index.0, wants_compaction),
            Written::Failed(fate) => panic!("{fate}"),
        }
    }

    #[tokio::test]
    async fn one_batch_is_in_flight_and_a_snapshot_holds_what_is_pending() {
        let book = Book::default();
        let mut registry = Registry::new(Box::new(Recorded { book: Arc::clone(&book), due: true }));
        registry.append(LogIndex(1), change());
        registry.flush();
        registry.append(LogIndex(2), change());
        registry.flush();
        assert_eq!(registry.pending(), 1, "a batch is in flight");
        assert_eq!(stored(registry.written().await), (1, true));
        registry.compact(|| vec![change(), change()]);
        assert_eq!(registry.pending(), 0);
        registry.append(LogIndex(3), change());
        assert_eq!(stored(registry.written().await), (2, false));
        registry.flush();
        assert_eq!(stored(registry.written().await), (3, false));
        registry.close().await;
        assert_eq!(*book.lock().unwrap(), ["appended", "compacted", "appended", "closed"]);
    }

    #[tokio::test]
    async fn closing_waits_for_the_batch_in_flight() {
        let book = Book::default();
        let mut registry = Registry::new(Box::new(Recorded { book: Arc::clone(&book), due: false }));
        registry.append(LogIndex(1), change());
        registry.flush();
        registry.close().await;
        assert_eq!(*book.lock().unwrap(), ["appended", "closed"]);
    }
}
