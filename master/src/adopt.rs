//! `proffer master adopt`: begins a registry in the place of one that was lost.

use crate::Error;
use clap::Args;
use coordination::{Address, Candidate, Embedded, Store, ZooKeeper};
use proto_types::{ClusterId, Epoch};
use std::{
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// How long the command waits for its turn. Where masters stand for election it would wait for ever.
const TURN: Duration = Duration::from_secs(30);

/// What `master adopt` takes.
#[derive(Debug, Clone, Args)]
pub struct Adopt {
    /// The cluster whose registry was lost, as its agents name it when they refuse a master.
    #[arg(value_name = "CLUSTER")]
    pub cluster: ClusterId,
    /// The ZooKeeper that is to keep the registry: zk://[USER:PASSWORD@]HOST:PORT[,HOST:PORT ...]/PATH.
    #[arg(long, env = "PROFFER_ZK", hide_env_values = true, value_name = "ADDRESS")]
    zk: Option<Address>,
    /// The directory that is to keep the registry if no ZooKeeper does.
    #[arg(long, env = "PROFFER_MASTER_DIR", default_value = "proffer-master", value_name = "DIRECTORY")]
    dir: PathBuf,
    /// The highest epoch that the lost registry may have come to; agents refuse leaders of lower ones. Default: the hours
    /// since 1970, which are more than any cluster has had leaders.
    #[arg(long, value_name = "EPOCH")]
    above: Option<u64>,
}

/// Begins a registry of the cluster in the place of the one that was lost: where there is none, and while no master
/// stands for election. The masters that are started on it learn from agents and schedulers what there was. Says above
/// which epoch it begins.
///
/// # Errors
/// There is a registry, or where it should be cannot be reached.
pub async fn adopt(adopt: Adopt) -> Result<Epoch, Error> {
    let above = Epoch(adopt.above.unwrap_or_else(hours_since_1970));
    let candidate = Candidate { cluster: Some(adopt.cluster), adopts_above: Some(above), ..Candidate::default() };
    let begun = match adopt.zk {
        None => Embedded::new(adopt.dir).begin(candidate).await,
        Some(address) => {
            let store: ZooKeeper = ZooKeeper::new(address);
            let begun = tokio::time::timeout(TURN, store.begin(candidate)).await;
            begun.map_err(|_| Error::NoTurn(TURN.as_secs()))?
        }
    };
    let term = begun.map_err(Error::Adoption)?;
    term.log.close().await;
    Ok(above)
}

fn hours_since_1970() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() / 3600)
}
