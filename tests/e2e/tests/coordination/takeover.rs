//! A leader that is cut off: its lease ends by its own clock before its session does, and only then another leads.

use super::{SESSION, begin, candidate, change, store};
use anyhow::{Context, Result};
use coordination::{Fate, Store, Term};
use e2e::{proxy::Proxy, wait::PATIENCE, zookeeper::Ensemble};
use proto_types::Epoch;
use std::time::{Duration, Instant};
use tokio::time::{sleep, timeout};

/// How often it is looked whether the lease holds.
const LOOK: Duration = Duration::from_millis(5);

/// What a busy machine may add.
const SLACK: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn the_next_candidate_wins_by_expiry_and_the_lease_ended_before() -> Result<()> {
    let ensemble = Ensemble::start(1).await?;
    let link = Proxy::start(&ensemble.hosts()[0]).await?;
    let cut_off = store(&format!("zk://{}/proffer", link.address()))?;
    let Term { mut log, mut tenure, .. } = begin(&cut_off, "a:1").await?;
    log.append(vec![change(1)]).await?;
    let next = store(&ensemble.address("/proffer"))?;
    let waiting = tokio::spawn(async move {
        let term = timeout(PATIENCE, next.begin(candidate("b:1"))).await;
        (Instant::now(), term)
    });
    // It stands in line, and nothing moves while the leader's session lives.
    sleep(SESSION / 2).await;
    assert!(tenure.holds() && !waiting.is_finished());

    let cut = Instant::now();
    link.cut();
    let lease = tokio::spawn(async move {
        while tenure.holds() {
            sleep(LOOK).await;
        }
        (Instant::now(), timeout(PATIENCE, tenure.ended()).await)
    });
    let (ended, fate) = lease.await?;
    let (won, term) = waiting.await?;
    let term = term.context("nobody took over in time")??;
    assert!(matches!(fate?, Fate::Lost(_)));
    assert!(ended < won, "the lease ended {:?} after another led", ended - won);
    assert!(ended - cut < SESSION, "the lease ended {:?} after the cut", ended - cut);
    assert!(won - cut < SESSION + Duration::from_secs(1) + SLACK, "another led {:?} after the cut", won - cut);
    assert_eq!((term.epoch, &term.changes), (Epoch(2), &vec![change(1)]));
    assert!(log.append(vec![change(2)]).await.is_err());

    // The old one is back, and stands in line like anybody else.
    link.heal();
    let again = tokio::spawn(async move { begin(&cut_off, "a:1").await });
    sleep(SESSION).await;
    assert!(!again.is_finished(), "there is a leader");
    term.log.close().await;
    let term = timeout(PATIENCE, again).await???;
    assert_eq!((term.epoch, term.changes), (Epoch(3), vec![change(1)]));
    Ok(())
}
