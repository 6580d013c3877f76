//! The state as a stream: first all there is, then each change.

use super::{agent_record, framework_record, role_record, task_record};
use crate::read_model::{Batch, ReadModel, Snapshot, difference};
use futures::{Stream, StreamExt, stream};
use master_core::Change;
use proffer_proto::{
    convert::{Invalid, status},
    v1::{self, WatchKind, watch_event::Change as WireChange},
};
use std::{
    collections::BTreeSet,
    pin::Pin,
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tonic::Status;

/// Between signs of life of a silent watch.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// What a watcher is sent.
pub(super) type Changes = Pin<Box<dyn Stream<Item = Result<v1::WatchEvent, Status>> + Send>>;

/// Which parts of the state a watcher wants.
#[derive(Debug, Clone)]
pub(super) struct Kinds(BTreeSet<WatchKind>);

/// How far a watcher is.
struct Watcher {
    /// Not held, so that the end of its term is noticed.
    model: Weak<ReadModel>,
    /// The last version that was told as a whole.
    told: Arc<Snapshot>,
    stage: Stage,
}

enum Stage {
    /// Nothing was told.
    Begin,
    /// Some version was told, and it is an old one by now.
    Behind,
    /// The version was told that the batches begin at.
    Level(Receiver<Arc<Batch>>),
    /// Batch after batch is told.
    Live(Receiver<Arc<Batch>>),
    /// The last is told.
    Ended,
}

/// What is told next.
enum Piece {
    Everything(u64, Vec<Change>),
    Changes(u64, Vec<Change>),
    Batch(Arc<Batch>),
    Heartbeat(u64),
    End(Status),
}

/// All there is, and then each change. A watcher that is far behind before it is level is told what changed meanwhile
/// in one go; one that falls behind later is cut off, since it would miss changes.
pub(super) fn changes(model: &Arc<ReadModel>, kinds: Kinds) -> Changes {
    let watcher = Watcher { model: Arc::downgrade(model), told: Arc::default(), stage: Stage::Begin };
    let pieces = stream::unfold(watcher, |mut watcher| async move { Some((watcher.next().await?, watcher)) });
    Box::pin(pieces.flat_map(move |piece| stream::iter(events(piece, kinds.clone()))))
}

impl Watcher {
    async fn next(&mut self) -> Option<Piece> {
        match std::mem::replace(&mut self.stage, Stage::Ended) {
            Stage::Begin => {
                let Some(model) = self.model.upgrade() else { return Some(over()) };
                let now = model.snapshot();
                let everything = difference(&self.told, &now);
                self.told = now;
                self.stage = Stage::Behind;
                Some(Piece::Everything(self.told.version, everything))
            }
            Stage::Behind => Some(self.catch_up()),
            Stage::Level(batches) => Some(self.receive(batches, false).await),
            Stage::Live(batches) => Some(self.receive(batches, true).await),
            Stage::Ended => None,
        }
    }

    fn catch_up(&mut self) -> Piece {
        let Some(model) = self.model.upgrade() else { return over() };
        let (now, batches) = model.watch();
        let changes = difference(&self.told, &now);
        self.told = now;
        self.stage = Stage::Level(batches);
        Piece::Changes(self.told.version, changes)
    }

    async fn receive(&mut self, mut batches: Receiver<Arc<Batch>>, live: bool) -> Piece {
        match tokio::time::timeout(HEARTBEAT, batches.recv()).await {
            Err(_) => {
                self.stage = if live { Stage::Live(batches) } else { Stage::Level(batches) };
                let version = self.model.upgrade().map_or(0, |model| model.snapshot().version);
                Piece::Heartbeat(version)
            }
            Ok(Ok(batch)) => {
                // From here on nobody asks for what was told before.
                self.told = Arc::default();
                self.stage = Stage::Live(batches);
                Piece::Batch(batch)
            }
            Ok(Err(RecvError::Lagged(_))) if !live => self.catch_up(),
            Ok(Err(RecvError::Lagged(missed))) => {
                let message =
                    format!("{missed} batches of changes were missed: they were read too slowly; watch again");
                Piece::End(Status::resource_exhausted(message))
            }
            Ok(Err(RecvError::Closed)) => over(),
        }
    }
}

fn over() -> Piece {
    Piece::End(status::not_leader(None))
}

fn events(piece: Piece, kinds: Kinds) -> Box<dyn Iterator<Item = Result<v1::WatchEvent, Status>> + Send> {
    let event = |version, change| Ok(v1::WatchEvent { version, change: Some(change) });
    match piece {
        Piece::Everything(version, changes) => {
            let told = changes.into_iter().filter_map(move |change| write(&change, &kinds));
            let synced = WireChange::Synced(v1::Synced {});
            Box::new(told.chain([synced]).map(move |change| event(version, change)))
        }
        Piece::Changes(version, changes) => {
            let told = changes.into_iter().filter_map(move |change| write(&change, &kinds));
            Box::new(told.map(move |change| event(version, change)))
        }
        Piece::Batch(batch) => {
            let told = (0..batch.changes.len())
                .filter_map(move |index| Some((batch.version, write(&batch.changes[index], &kinds)?)));
            Box::new(told.map(move |(version, change)| event(version, change)))
        }
        Piece::Heartbeat(version) => Box::new([event(version, WireChange::Heartbeat(v1::Heartbeat {}))].into_iter()),
        Piece::End(status) => Box::new([Err(status)].into_iter()),
    }
}

impl Kinds {
    pub(super) fn new(request: &v1::WatchRequest) -> Result<Self, Status> {
        let all = [WatchKind::Agents, WatchKind::Frameworks, WatchKind::Tasks, WatchKind::Offers, WatchKind::Roles];
        if request.kinds.is_empty() {
            return Ok(Self(all.into()));
        }
        let known = |kind: &i32| WatchKind::try_from(*kind).ok().filter(|kind| all.contains(kind));
        let kinds: Option<BTreeSet<WatchKind>> = request.kinds.iter().map(known).collect();
        kinds.map(Self).ok_or_else(|| {
            let message = "must be agents, frameworks, tasks, offers or roles".to_owned();
            Invalid { field: "kinds".to_owned(), message }.into()
        })
    }

    fn want(&self, kind: WatchKind) -> bool {
        self.0.contains(&kind)
    }
}

fn write(change: &Change, kinds: &Kinds) -> Option<WireChange> {
    let removed = |kind: WatchKind, id: String| WireChange::Removed(v1::Removed { kind: kind.into(), id });
    let (kind, written) = match change {
        Change::Agent(id, view) => (WatchKind::Agents, WireChange::Agent(agent_record(id, view))),
        Change::Framework(id, view) => (WatchKind::Frameworks, WireChange::Framework(framework_record(id, view))),
        Change::Task(key, view) => (WatchKind::Tasks, WireChange::Task(task_record(key, view))),
        Change::Offer(_, offer) => (WatchKind::Offers, WireChange::Offer((&**offer).into())),
        Change::Role(role, view) => (WatchKind::Roles, WireChange::Role(role_record(role, view))),
        Change::AgentRemoved(id) => (WatchKind::Agents, removed(WatchKind::Agents, id.to_string())),
        Change::FrameworkForgotten(id) => (WatchKind::Frameworks, removed(WatchKind::Frameworks, id.to_string())),
        Change::TaskForgotten(key) => (WatchKind::Tasks, removed(WatchKind::Tasks, key.to_string())),
        Change::OfferRemoved(id) => (WatchKind::Offers, removed(WatchKind::Offers, id.to_string())),
        Change::RoleRemoved(role) => (WatchKind::Roles, removed(WatchKind::Roles, role.to_string())),
    };
    kinds.want(kind).then_some(written)
}
