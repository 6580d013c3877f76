//! The log in a directory: what was answered is there after a restart, and what cannot be read is refused.

use coordination::{Candidate, Embedded, Error, Fate, Store, Term};
use proto_types::{
    AgentId, AgentInfo, ClusterId, Epoch, FrameworkId, Principal,
    registry::{Fact, RegistryChange},
    time::Wall,
};
use std::{fs, path::Path, sync::Arc};
use tempfile::TempDir;

async fn begin(directory: &Path) -> Result<Term, Error> {
    begin_for(directory, None).await
}

async fn begin_for(directory: &Path, cluster: Option<ClusterId>) -> Result<Term, Error> {
    Embedded::new(directory)
        .begin(Candidate { address: "127.0.0.1:5050".to_owned(), cluster, adopts_above: None })
        .await
}

fn change(fact: Fact) -> RegistryChange {
    RegistryChange { principal: Principal::anonymous(), fact }
}

/// A change that is different for every number.
fn gone(number: u64) -> RegistryChange {
    let agent = AgentId::new(format!("agent-{number}")).unwrap();
    change(Fact::AgentMarkedGone { agent, since: Wall(number) })
}

/// A change of about so many bytes.
fn admitted(number: u64, bytes: usize) -> RegistryChange {
    let agent = AgentId::new(format!("agent-{number}")).unwrap();
    let info = AgentInfo { hostname: "host".to_owned(), isolation: "x".repeat(bytes), ..AgentInfo::default() };
    change(Fact::AgentAdmitted { agent, info: Arc::new(info) })
}

/// What cannot begin, with its causes.
async fn failure(directory: &Path) -> (Error, String) {
    let error = begin(directory).await.err().expect("the log cannot be used");
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    (error, text)
}

#[tokio::test]
async fn what_was_appended_is_there_in_the_next_term() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("not/there/yet");
    let mut first = begin(&path).await.unwrap();
    assert_eq!((first.epoch, first.changes.len()), (Epoch(1), 0));
    first.log.append(vec![gone(1), gone(2)]).await.unwrap();
    first.log.append(Vec::new()).await.unwrap();
    first.log.append(vec![gone(3)]).await.unwrap();
    let cluster = first.cluster.clone();
    drop(first);

    for epoch in 2..5 {
        let term = begin(&path).await.unwrap();
        assert_eq!((term.epoch, &term.cluster), (Epoch(epoch), &cluster));
        assert_eq!(term.changes, [gone(1), gone(2), gone(3)]);
    }
}

#[tokio::test]
async fn every_log_is_of_a_cluster_of_its_own() {
    let (one, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let (one, other) = (begin(one.path()).await.unwrap(), begin(other.path()).await.unwrap());
    assert_ne!(one.cluster, other.cluster);
}

#[tokio::test]
async fn one_process_at_a_time() {
    let directory = TempDir::new().unwrap();
    let term = begin(directory.path()).await.unwrap();
    let (error, text) = failure(directory.path()).await;
    assert!(matches!(error, Error::Busy(_)));
    assert!(text.contains(&directory.path().display().to_string()), "{text}");
    drop(term);
    assert_eq!(begin(directory.path()).await.unwrap().epoch, Epoch(2));
}

#[tokio::test]
async fn a_snapshot_replaces_what_was_before() {
    let directory = TempDir::new().unwrap();
    let mut term = begin(directory.path()).await.unwrap();
    for number in 0..50 {
        term.log.append(vec![gone(number)]).await.unwrap();
    }
    term.log.compact(vec![gone(7)]).await.unwrap();
    term.log.append(vec![gone(8)]).await.unwrap();
    drop(term);

    let mut term = begin(directory.path()).await.unwrap();
    assert_eq!(term.changes, [gone(7), gone(8)]);
    term.log.compact(Vec::new()).await.unwrap();
    term.log.compact(Vec::new()).await.unwrap();
    drop(term);
    let term = begin(directory.path()).await.unwrap();
    assert_eq!((term.epoch, term.changes.len()), (Epoch(3), 0));
}

#[tokio::test]
async fn large_batches_and_snapshots_are_cut_and_come_back_whole() {
    let directory = TempDir::new().unwrap();
    let mut term = begin(directory.path()).await.unwrap();
    let batch: Vec<_> = (0..300).map(|number| admitted(number, 10_000)).collect();
    assert!(!term.log.wants_compaction());
    term.log.append(batch.clone()).await.unwrap();
    assert!(term.log.wants_compaction());
    drop(term);

    let mut term = begin(directory.path()).await.unwrap();
    assert_eq!(term.changes, batch);
    assert!(term.log.wants_compaction(), "a log that has grown is still known to have");
    term.log.compact(batch.clone()).await.unwrap();
    assert!(!term.log.wants_compaction());
    term.log.append(vec![gone(1)]).await.unwrap();
    drop(term);

    let term = begin(directory.path()).await.unwrap();
    assert_eq!(term.changes.len(), 301);
    assert_eq!(term.changes[..300], batch);
    assert_eq!(term.changes[300], gone(1));
}

#[tokio::test]
async fn compaction_frees_what_it_replaces() {
    let directory = TempDir::new().unwrap();
    let mut term = begin(directory.path()).await.unwrap();
    for _ in 0..40 {
        term.log.append((0..20).map(|number| admitted(number, 10_000)).collect()).await.unwrap();
        term.log.compact(vec![gone(1)]).await.unwrap();
    }
    let length = fs::metadata(directory.path().join("registry.redb")).unwrap().len();
    assert!(length < 4 << 20, "8 MB went through it, {length} bytes are left");
}

#[tokio::test]
async fn another_cluster_is_refused_and_nothing_changes() {
    let directory = TempDir::new().unwrap();
    let mut term = begin(directory.path()).await.unwrap();
    term.log.append(vec![gone(1)]).await.unwrap();
    let cluster = term.cluster.clone();
    drop(term);
    let other = ClusterId::new("elsewhere").unwrap();
    let error = begin_for(directory.path(), Some(other.clone())).await.err().unwrap();
    assert!(matches!(&error, Error::WrongCluster { found, wanted, .. } if *found == cluster && *wanted == other));
    let term = begin_for(directory.path(), Some(cluster)).await.unwrap();
    assert_eq!((term.epoch, term.changes), (Epoch(2), vec![gone(1)]));
}

#[tokio::test]
async fn an_empty_log_is_not_taken_for_one_that_was_there() {
    let directory = TempDir::new().unwrap();
    let cluster = ClusterId::new("given").unwrap();
    let Err(error) = begin_for(directory.path(), Some(cluster.clone())).await else { panic!("a new log was begun") };
    assert!(matches!(&error, Error::Emptied { wanted, .. } if *wanted == cluster), "{error}");
}

#[tokio::test]
async fn what_is_no_log_is_refused() {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("registry.redb"), "something else entirely").unwrap();
    let (_, text) = failure(directory.path()).await;
    assert!(text.contains("registry.redb"), "{text}");

    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let (error, text) = failure(&file).await;
    assert!(matches!(error, Error::Directory { .. }), "{text}");
}

#[tokio::test]
async fn an_abandoned_append_ends_the_term() {
    let directory = TempDir::new().unwrap();
    let mut term = begin(directory.path()).await.unwrap();
    let mut append = term.log.append(vec![gone(1)]);
    let polled = std::future::poll_fn(|context| std::task::Poll::Ready(append.as_mut().poll(context).is_pending()));
    let pending = polled.await;
    drop(append);
    if pending {
        assert!(matches!(term.log.append(vec![gone(2)]).await, Err(Fate::Ended)));
        assert!(matches!(term.log.compact(Vec::new()).await, Err(Fate::Ended)));
    }
}

/// A file with one byte changed, or cut short, opens as it was at some time or is refused with a reason: a panic of the
/// storage does not come through, and nothing is read that was not written.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_corrupt_file_is_refused_or_harmless() {
    let directory = TempDir::new().unwrap();
    let mut term = begin(directory.path()).await.unwrap();
    let written: Vec<_> = (0..20).map(|number| admitted(number, 500)).collect();
    for change in &written {
        term.log.append(vec![change.clone()]).await.unwrap();
    }
    drop(term);
    let whole = fs::read(directory.path().join("registry.redb")).unwrap();
    let mut refused = 0;
    let step = whole.len() / 40 + 1;
    for position in (0..whole.len()).step_by(step) {
        let mut flipped = whole.clone();
        flipped[position] ^= 0x40;
        for bytes in [&flipped[..], &whole[..position]] {
            let damaged = TempDir::new().unwrap();
            fs::write(damaged.path().join("registry.redb"), bytes).unwrap();
            match begin(damaged.path()).await {
                Ok(term) if bytes.is_empty() => assert!(term.changes.is_empty()),
                // The storage keeps two roots and falls back on the older one if the newer is damaged.
                Ok(term) => assert!(written.starts_with(&term.changes), "byte {position}"),
                Err(Error::Damaged { .. } | Error::Storage { .. }) => refused += 1,
                Err(other) => panic!("byte {position}: {other}"),
            }
        }
    }
    assert!(refused > 0);
}

#[tokio::test]
async fn frameworks_come_back_too() {
    let directory = TempDir::new().unwrap();
    let framework = FrameworkId::new("f-1").unwrap();
    let facts = [Fact::FrameworkConnected { framework: framework.clone() }, Fact::FrameworkRemoved { framework }];
    let changes: Vec<_> = facts.map(change).into();
    let mut term = begin(directory.path()).await.unwrap();
    term.log.append(changes.clone()).await.unwrap();
    drop(term);
    assert_eq!(begin(directory.path()).await.unwrap().changes, changes);
}
