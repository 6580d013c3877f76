//! The object store in a real ZooKeeper.

use crate::{SESSION, candidate};
use anyhow::{Context, Result};
use coordination::{
    Address, ObjectChange, Objects, Tenure, ZooKeeper,
    objects::{Expected, Operation},
};
use e2e::{proxy::Proxy, wait::PATIENCE, zookeeper::Ensemble};
use proto_types::Epoch;
use tokio::time::timeout;

/// Far more than a node may hold.
const LARGE: usize = 3 << 20;

fn store(address: &str) -> Result<ZooKeeper<ObjectChange>> {
    Ok(ZooKeeper::objects(address.parse::<Address>()?).with_session_timeout(SESSION))
}

async fn begin(store: &ZooKeeper<ObjectChange>, name: &str) -> Result<(Objects, Tenure)> {
    Ok(timeout(PATIENCE, Objects::begin(store, candidate(name))).await.context("no term in time")??)
}

fn put(key: &str, expected: Expected, value: Vec<u8>) -> Operation {
    Operation::Put { key: key.to_owned(), expected, value: value.into() }
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_outlive_their_leader_and_one_that_was_cut_off_changes_none() -> Result<()> {
    let ensemble = Ensemble::start(1).await?;
    let link = Proxy::start(&ensemble.hosts()[0]).await?;
    let (store, cut) = (store(&ensemble.address("/objects"))?, store(&format!("zk://{}/objects", link.address()))?);
    let (mut first, mut tenure) = begin(&cut, "a:1").await?;
    let values = vec![put("large", Expected::Absent, vec![7; LARGE]), put("small", Expected::Absent, vec![1])];
    assert_eq!(first.commit(values).await?, 1);
    link.cut();
    let (mut second, _leads) = begin(&store, "b:1").await?;
    assert_eq!(second.epoch(), Epoch(2));
    assert_eq!(second.cluster(), first.cluster());
    assert!(second.get("large").is_some_and(|large| *large.value == *vec![7; LARGE]));
    second.commit(vec![put("small", Expected::Version(1), vec![2])]).await?;
    timeout(PATIENCE, tenure.ended()).await?;
    link.heal();
    assert!(first.commit(vec![put("small", Expected::Version(1), vec![3])]).await.is_err());
    second.close().await;
    let (third, _leads) = begin(&store, "c:1").await?;
    assert_eq!(third.get("small").map(|small| (small.version, small.value.to_vec())), Some((2, vec![2])));
    assert_eq!(third.list("").count(), 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_is_not_taken_for_objects() -> Result<()> {
    let ensemble = Ensemble::start(1).await?;
    let address = ensemble.address("/cluster");
    let mut term = crate::begin(&crate::store(&address)?, "a:1").await?;
    term.log.append(vec![crate::change(1)]).await?;
    term.log.close().await;
    let refused = timeout(PATIENCE, Objects::begin(&store(&address)?, candidate("b:1"))).await?;
    let Err(coordination::Error::Damaged { source, .. }) = refused else { anyhow::bail!("{refused:?}") };
    assert!(source.to_string().contains("a log of another kind"), "{source}");
    Ok(())
}
