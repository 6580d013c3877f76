//! The writer of the object store: one batch in flight, everything that came meanwhile in the next.

use crate::term::Inbox;
use coordination::{
    Objects,
    objects::{CommitError, Expected, Operation},
};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};
use tokio::{sync::mpsc, task::JoinHandle};

/// Numbers what was pushed, from 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(u64);

/// What became of a batch.
#[derive(Debug)]
pub(crate) enum Written {
    /// Everything up to here is stored.
    Stored {
        /// The last that is.
        ticket: Ticket,
        /// How long it took.
        took: Duration,
    },
    /// The term is over.
    Failed(CommitError),
}

/// The driver's end of the writer.
#[derive(Debug)]
pub(crate) struct Storage {
    batches: mpsc::Sender<(Vec<Operation>, Ticket)>,
    results: mpsc::Receiver<Written>,
    /// What waits, the last value of each key; none: it goes.
    pending: BTreeMap<String, Option<Vec<u8>>>,
    last: Ticket,
    busy: bool,
    writer: JoinHandle<()>,
}

impl Storage {
    /// Writes into these. The bell is rung when a batch is done.
    pub(crate) fn new(objects: Objects, inbox: Inbox) -> Self {
        let (batches, queue) = mpsc::channel(1);
        let (answers, results) = mpsc::channel(1);
        let writer = tokio::spawn(write(objects, queue, answers, inbox));
        Self { batches, results, pending: BTreeMap::new(), last: Ticket(0), busy: false, writer }
    }

    /// Takes writes in for the next batch, all of which happen or none.
    pub(crate) fn push(&mut self, writes: impl IntoIterator<Item = (String, Option<Vec<u8>>)>) -> Ticket {
        self.last = Ticket(self.last.0 + 1);
        self.pending.extend(writes);
        self.last
    }

    /// Starts writing what waits, unless a batch is in flight.
    pub(crate) fn flush(&mut self) {
        if self.busy || self.pending.is_empty() {
            return;
        }
        let operation = |(key, value): (String, Option<Vec<u8>>)| match value {
            Some(value) => Operation::Put { key, expected: Expected::Any, value: value.into() },
            None => Operation::Delete { key, expected: Expected::Any },
        };
        let batch = std::mem::take(&mut self.pending).into_iter().map(operation).collect();
        // The queue holds one batch and none is in flight, so there is room; a writer that is gone says so by its result.
        self.busy = self.batches.try_send((batch, self.last)).is_ok();
    }

    /// What became of the batch in flight, if that is known.
    pub(crate) fn written(&mut self) -> Option<Written> {
        let written = self.results.try_recv().ok()?;
        self.busy = false;
        Some(written)
    }

    /// Whether nothing waits and nothing is in flight.
    pub(crate) fn is_idle(&self) -> bool {
        !self.busy && self.pending.is_empty()
    }

    /// The last that was pushed.
    pub(crate) const fn last(&self) -> Ticket {
        self.last
    }

    /// Ends the term's writing: when this returns, the store is closed and another term may begin.
    pub(crate) async fn close(self) {
        let Self { batches, results, writer, .. } = self;
        drop((batches, results));
        if let Err(error) = writer.await {
            tracing::error!(%error, "the writer of the store broke");
        }
    }
}

async fn write(
    mut objects: Objects,
    mut batches: mpsc::Receiver<(Vec<Operation>, Ticket)>,
    answers: mpsc::Sender<Written>,
    inbox: Inbox,
) {
    while let Some((batch, ticket)) = batches.recv().await {
        let begin = Instant::now();
        let answer = match objects.commit(batch).await {
            Ok(_) => Written::Stored { ticket, took: begin.elapsed() },
            Err(error) => Written::Failed(error),
        };
        if answers.send(answer).await.is_err() {
            break;
        }
        inbox.wake();
    }
    objects.close().await;
}
