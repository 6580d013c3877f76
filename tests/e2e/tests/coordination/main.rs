//! Leading and following through a real ZooKeeper.

mod objects;
mod takeover;

use anyhow::{Context, Result, bail};
use coordination::{Address, Candidate, Detector, Error, Fate, Store, Term, ZooKeeper};
use e2e::{wait::PATIENCE, zookeeper::Ensemble};
use nix::sys::signal::Signal;
use proto_types::{
    AgentId, ClusterId, Epoch, Principal,
    registry::{Fact, RegistryChange},
    time::Wall,
};
use std::time::Duration;
use tokio::time::timeout;

/// The shortest that the servers allow is 1 s.
const SESSION: Duration = Duration::from_secs(3);

fn store(address: &str) -> Result<ZooKeeper> {
    Ok(ZooKeeper::new(address.parse::<Address>()?).with_session_timeout(SESSION))
}

fn candidate(address: &str) -> Candidate {
    Candidate { address: address.to_owned(), ..Candidate::default() }
}

fn change(number: u64) -> RegistryChange {
    let agent = AgentId::new(format!("agent-{number}")).expect("an id");
    RegistryChange { principal: Principal::anonymous(), fact: Fact::AgentMarkedGone { agent, since: Wall(number) } }
}

async fn begin(store: &ZooKeeper, name: &str) -> Result<Term> {
    Ok(timeout(PATIENCE, store.begin(candidate(name))).await.context("no term in time")??)
}

/// A change that is far larger than a node may be.
fn large(count: u64) -> Vec<RegistryChange> {
    (0..count).map(change).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_term_wrote_the_next_reads() -> Result<()> {
    let ensemble = Ensemble::start(1).await?;
    let store = store(&ensemble.address("/some/cluster"))?;
    let mut first = begin(&store, "a:1").await?;
    assert_eq!((first.epoch, first.changes.len()), (Epoch(1), 0));
    first.log.append(vec![change(1), change(2)]).await?;
    first.log.append(large(60_000)).await?;
    first.log.close().await;
    let mut second = begin(&store, "b:1").await?;
    assert_eq!((second.epoch, &second.cluster), (Epoch(2), &first.cluster));
    assert_eq!(second.changes.len(), 60_002);
    assert_eq!(second.changes[0], change(1));
    assert!(second.log.wants_compaction());
    second.log.compact(large(50_000)).await?;
    second.log.append(vec![change(70_000)]).await?;
    second.log.close().await;
    let third = begin(&store, "c:1").await?;
    assert_eq!((third.epoch, third.changes.len()), (Epoch(3), 50_001));
    third.log.close().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_leads_when_the_leader_goes_and_everybody_finds_it() -> Result<()> {
    let ensemble = Ensemble::start(3).await?;
    let address = ensemble.address("/proffer");
    let (first, second) = (store(&address)?, store(&address)?);
    let detector = Detector::new(address.parse()?);
    let mut leading = begin(&first, "a:1").await?;
    assert_eq!(detector.leader(PATIENCE).await.map(|leader| leader.address), Ok("a:1".to_owned()));
    let waiting = tokio::spawn(async move {
        let term = begin(&second, "b:1").await;
        (second, term)
    });
    leading.log.append(vec![change(1)]).await?;
    assert!(!waiting.is_finished(), "there is a leader");
    // A graceful end: nobody waits for the session to expire.
    leading.log.close().await;
    let (_second, term) = timeout(PATIENCE, waiting).await??;
    let term = term?;
    assert_eq!((term.epoch, term.changes), (Epoch(2), vec![change(1)]));
    let mut sightings = detector.sightings();
    let seen = timeout(PATIENCE, sightings.wait_for(|seen| seen.leader.as_ref().is_some_and(|l| l.address == "b:1")));
    assert_eq!(seen.await??.leader.as_ref().map(|leader| leader.epoch), Some(Epoch(2)));
    term.log.close().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_cut_off_steps_down_and_cannot_write_any_more() -> Result<()> {
    let mut ensemble = Ensemble::start(1).await?;
    let store = store(&ensemble.address("/proffer"))?;
    let mut term = begin(&store, "a:1").await?;
    ensemble.signal(0, Signal::SIGSTOP)?;
    let fate = timeout(PATIENCE, term.tenure.ended()).await?;
    assert!(matches!(fate, Fate::Lost(_)), "{fate}");
    assert!(term.log.append(vec![change(1)]).await.is_err());
    ensemble.signal(0, Signal::SIGCONT)?;
    let again = begin(&store, "a:1").await?;
    assert_eq!((again.epoch, again.changes.len()), (Epoch(2), 0));
    // The same with a server that dies, and comes back with what it stored.
    ensemble.kill_server(0).await?;
    let mut tenure = again.tenure;
    timeout(PATIENCE, tenure.ended()).await?;
    ensemble.start_server(0)?;
    assert_eq!(begin(&store, "a:1").await?.epoch, Epoch(3));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_less_is_no_harm() -> Result<()> {
    let mut ensemble = Ensemble::start(3).await?;
    let store = store(&ensemble.address("/proffer"))?;
    let mut term = begin(&store, "a:1").await?;
    for index in 0..3 {
        ensemble.kill_server(index).await?;
        // Whichever it was: the leader of the ensemble, the server of this session, or neither.
        match timeout(PATIENCE, term.log.append(vec![change(index as u64)])).await? {
            Ok(()) => {}
            // The ensemble needed longer to find a new leader than the session lives.
            Err(_) => {
                term = begin(&store, "a:1").await?;
                term.log.append(vec![change(index as u64)]).await?;
            }
        }
        ensemble.start_server(index)?;
        ensemble.serves().await?;
    }
    term.log.close().await;
    let read = begin(&store, "b:1").await?.changes;
    for index in 0..3 {
        assert!(read.contains(&change(index)), "{read:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn another_cluster_and_a_wiped_one_are_refused() -> Result<()> {
    let mut ensemble = Ensemble::start(1).await?;
    let store = store(&ensemble.address("/proffer"))?;
    let term = begin(&store, "a:1").await?;
    let cluster = term.cluster.clone();
    term.log.close().await;
    let other = ClusterId::new("other")?;
    let wrong = Candidate { cluster: Some(other.clone()), ..candidate("a:1") };
    match timeout(PATIENCE, store.begin(wrong)).await? {
        Err(Error::WrongCluster { found, wanted, .. }) => assert_eq!((found, wanted), (cluster.clone(), other)),
        Err(error) => bail!("{error}"),
        Ok(_) => bail!("it leads another cluster"),
    }
    ensemble.wipe().await?;
    let wiped = Candidate { cluster: Some(cluster.clone()), ..candidate("a:1") };
    match timeout(PATIENCE, store.begin(wiped)).await? {
        Err(Error::Emptied { wanted, .. }) => assert_eq!(wanted, cluster),
        Err(error) => bail!("{error}"),
        Ok(_) => bail!("it leads a wiped cluster"),
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_permission_is_told() -> Result<()> {
    let ensemble = Ensemble::start(1).await?;
    let named = |user: &str| ensemble.address("/proffer").replace("zk://", &format!("zk://{user}@"));
    let mut term = begin(&store(&named("ann:secret"))?, "a:1").await?;
    for address in [ensemble.address("/proffer"), named("ann:wrong"), named("bob:secret")] {
        match timeout(PATIENCE, store(&address)?.begin(candidate("b:1"))).await? {
            Err(error @ Error::Refused { .. }) => {
                assert!(error.to_string().contains("/proffer/election"), "{error}");
                assert!(error.to_string().contains("no permission"), "{error}");
            }
            Err(error) => bail!("{error}"),
            Ok(_) => bail!("{address} leads"),
        }
    }
    let stranger = Detector::new(ensemble.address("/proffer").parse()?);
    let mut sightings = stranger.sightings();
    let seen = timeout(PATIENCE, sightings.wait_for(|seen| seen.trouble.is_some())).await??.clone();
    assert!(seen.trouble.is_some_and(|trouble| trouble.contains("no permission")));
    let known = Detector::new(named("ann:secret").parse()?);
    assert_eq!(known.leader(PATIENCE).await.map(|leader| leader.address), Ok("a:1".to_owned()));
    term.log.append(vec![change(1)]).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_are_not_there_are_named_and_one_that_is_suffices() -> Result<()> {
    let ensemble = Ensemble::start(1).await?;
    let closed = format!("127.0.0.1:{}", e2e::cluster::free_port()?);
    let lost = Detector::new(format!("zk://{closed}/proffer").parse()?);
    let mut sightings = lost.sightings();
    let seen = timeout(PATIENCE, sightings.wait_for(|seen| seen.trouble.is_some())).await??.clone();
    assert!(seen.trouble.is_some_and(|trouble| trouble.contains(&closed)));
    let half = ensemble.address("/proffer").replace("zk://", &format!("zk://{closed},"));
    let term = begin(&store(&half)?, "a:1").await?;
    term.log.close().await;
    Ok(())
}
