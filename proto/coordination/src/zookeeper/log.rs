//! A leader's log, and the task that serves it.

use super::campaign::Campaign;
use crate::{
    Fate, Log, Pending, Record, Tenure,
    entry::{Author, CONTENT_BYTES_MAX, Stamp, batches, pieces},
    growth::Growth,
    tenure::SharedLease,
};
use coordination_core::{Effect, End, Input, Sealed};
use proffer_proto::storage::v1::log_entry::Content;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

/// What the task is asked for.
enum Command {
    /// Write an entry; its number is the answer.
    Write(Sealed, oneshot::Sender<Result<u64, End>>),
    /// Remove what is before this entry.
    Prune(u64),
}

/// A term's log.
pub(super) struct ZooKeeperLog {
    author: Author,
    growth: Growth,
    commands: mpsc::Sender<Command>,
    task: JoinHandle<()>,
    ended: bool,
}

impl ZooKeeperLog {
    /// Serves a term that stands.
    pub(super) fn begin(campaign: Campaign, author: Author, growth: Growth) -> (Self, Tenure) {
        let (commands, incoming) = mpsc::channel(1);
        let (ended, tenure) = oneshot::channel();
        let lease = SharedLease::default();
        lease.extend(campaign.leads_until());
        let task = tokio::spawn(serve(campaign, incoming, ended, lease.clone()));
        (Self { author, growth, commands, task, ended: false }, Tenure::until(tenure, lease))
    }

    /// Writes entries, one after the other; the answer is the number of the first, and their size.
    async fn write(&mut self, contents: Vec<Content>) -> Result<(u64, usize), Fate> {
        if self.ended {
            return Err(Fate::Ended);
        }
        // Should the caller give up waiting, nobody knows what was written: the term has ended unless this says not.
        self.ended = true;
        let (mut first, mut bytes) = (None, 0);
        for content in contents {
            let entry = self.author.seal(content, Stamp::draw());
            bytes += entry.bytes.len();
            let (answer, written) = oneshot::channel();
            self.commands.send(Command::Write(entry, answer)).await.map_err(|_| Fate::Ended)?;
            let index = written.await.map_err(|_| Fate::Ended)?.map_err(fate)?;
            first.get_or_insert(index);
        }
        self.ended = false;
        Ok((first.unwrap_or_default(), bytes))
    }
}

impl<R: Record> Log<R> for ZooKeeperLog {
    fn append(&mut self, changes: Vec<R>) -> Pending<'_, Result<(), Fate>> {
        Box::pin(async move {
            let (_, bytes) = self.write(batches(&changes, CONTENT_BYTES_MAX)).await?;
            self.growth.append(bytes);
            Ok(())
        })
    }

    fn compact(&mut self, snapshot: Vec<R>) -> Pending<'_, Result<(), Fate>> {
        Box::pin(async move {
            let (first, bytes) = self.write(pieces(&snapshot, CONTENT_BYTES_MAX)).await?;
            self.growth.compact(bytes);
            self.commands.send(Command::Prune(first)).await.map_err(|_| Fate::Ended)
        })
    }

    fn wants_compaction(&self) -> bool {
        self.growth.is_due()
    }

    fn close(self: Box<Self>) -> Pending<'static, ()> {
        Box::pin(async move {
            drop(self.commands);
            if let Err(error) = self.task.await {
                tracing::error!(%error, "the service of the log broke");
            }
        })
    }
}

/// Serves a term's log until it is closed or the term ends.
async fn serve(
    mut campaign: Campaign,
    mut commands: mpsc::Receiver<Command>,
    ended: oneshot::Sender<Fate>,
    lease: SharedLease,
) {
    let mut writing: Option<oneshot::Sender<Result<u64, End>>> = None;
    let end = 'term: loop {
        let effects = tokio::select! {
            effects = campaign.next() => effects,
            command = commands.recv(), if writing.is_none() => match command {
                None => break None,
                Some(Command::Write(entry, answer)) => {
                    writing = Some(answer);
                    campaign.give(Input::Write(entry))
                }
                Some(Command::Prune(before)) => campaign.give(Input::Prune(before)),
            },
        };
        lease.extend(campaign.leads_until());
        for effect in effects {
            match effect {
                Effect::Written(index) => drop(writing.take().map(|answer| answer.send(Ok(index)))),
                Effect::Ended(end) => break 'term Some(end),
                Effect::Unannounced { path, why } => tracing::warn!(
                    "ZooKeeper refuses {path}: {why}. This leader works, but whoever looks for it there does not find it. \
                     Let its user create and delete nodes there, and remove {path} if another user made it; it is tried \
                     again until it succeeds"
                ),
                _ => {}
            }
        }
    };
    if let Some(end) = end {
        drop(writing.map(|answer| answer.send(Err(end.clone()))));
        // Nobody may be interested any more.
        let _ = ended.send(fate(end));
    }
    campaign.close().await;
}

fn fate(end: End) -> Fate {
    match end {
        End::Deposed(epoch) => Fate::Deposed(epoch),
        other => Fate::Lost(Box::new(other)),
    }
}
