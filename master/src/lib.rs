//! The master's shell: everything around `master_core` that touches sockets, disks and clocks.
//!
//! ```text
//!   rpc/  http/            many tasks; convert, authorise, ask
//!      |      \
//!   inputs    read_model   snapshots, pages, watchers
//!      v      ^
//!   driver (one task owns the core) -- outbox -- registry (one batch in flight)
//! ```
//!
//! **Architecture invariant:** only the driver touches the core; only the read model answers lists.

mod adopt;
mod driver;
mod handle;
mod http;
mod lists;
mod metrics;
mod notices;
mod options;
mod outbox;
mod queue;
mod read_model;
mod registry;
mod rpc;
mod weights;

pub use adopt::{Adopt, adopt};
pub use options::Options;

use coordination::{Candidate, Embedded, Fate, Store, Term, ZooKeeper};
use driver::Driver;
use handle::Handle;
use kit::shutdown::CancellationToken;
use metrics::Metrics;
use read_model::ReadModel;
use std::{net::SocketAddr, sync::Arc};

/// Why a master cannot run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot listen.
    #[error(transparent)]
    Listen(#[from] kit::listen::Error),
    /// How others reach it is no address.
    #[error("--advertise")]
    Advertise(#[source] kit::channel::Error),
    /// Its log cannot be used.
    #[error("{option}: the registry cannot be opened")]
    Registry {
        /// What says where it is.
        option: &'static str,
        /// Why.
        #[source]
        source: coordination::Error,
    },
    /// The term ended, and the log cannot be read again.
    #[error("the registry cannot be opened again after a term ended")]
    Lost(#[source] coordination::Error),
    /// A registry cannot be begun in the place of a lost one.
    #[error("nothing was adopted")]
    Adoption(#[source] coordination::Error),
    /// Others stand for election.
    #[error("nothing was adopted: no turn to write within {0} s; stop the masters that stand for election there first")]
    NoTurn(u64),
    /// Its services cannot be described, which is a fault of the build.
    #[error("the services cannot be described")]
    Reflection(#[source] kit::web::ReflectionError),
}

impl Error {
    /// Whether the command was asked for wrongly, rather than failing.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Listen(_) | Self::Advertise(_) | Self::Registry { .. })
    }
}

/// Runs a master until it is asked to stop: on the registry in its directory, or, if a ZooKeeper is named, in turn with
/// others on the registry there. `ready` hears the address once it serves.
///
/// # Errors
/// If it cannot listen or its log cannot be used.
pub async fn run(options: Options, stop: CancellationToken, ready: impl FnOnce(SocketAddr)) -> Result<(), Error> {
    match options.zk.clone() {
        None => run_on(&Embedded::new(options.dir.clone()), options, stop, ready).await,
        Some(address) => {
            let store = ZooKeeper::new(address).with_session_timeout(options.zk_session_timeout);
            run_on(&store, options, stop, ready).await
        }
    }
}

/// Runs a master on any registry. `ready` hears the address once it leads, or at once where others may.
///
/// # Errors
/// As for [`run`].
pub async fn run_on(
    store: &dyn Store,
    options: Options,
    stop: CancellationToken,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), Error> {
    kit::limits::raise_open_files();
    let (listener, bound) = kit::listen::tcp(options.listen, options.insecure).await?;
    let address = options.advertise.clone().unwrap_or_else(|| bound.to_string());
    kit::channel::endpoint(&address).map_err(Error::Advertise)?;
    let leader = store.leader();
    let (mut ready, elected) = (Some(ready), leader.is_some());
    let handle = Arc::new(Handle::new(leader, address.clone()));
    let metrics = Arc::new(Metrics::new(&handle));
    let (services, names) = rpc::services(&handle);
    let routes = http::router(&handle, metrics.registry());
    let (router, health) = kit::web::with_grpc(services, &names, routes).map_err(Error::Reflection)?;
    let serving = stop.child_token();
    let ends_serving = serving.clone().drop_guard();
    let server = tokio::spawn(kit::serve::serve(listener, router, serving));
    if elected && let Some(ready) = ready.take() {
        tracing::info!(%address, "standing by");
        ready(bound);
    }
    let mut candidate = Candidate { address: address.clone(), ..Candidate::default() };
    while let Some(begun) = stop.run_until_cancelled(store.begin(candidate.clone())).await {
        let term = begun.map_err(|source| cannot_begin(&candidate, elected, source))?;
        // From now on another cluster's log, or an empty one, is somebody's mistake.
        candidate.cluster = Some(term.cluster.clone());
        let driver = take_office(&options, term, &address, &handle, &metrics);
        health.set(true).await;
        if let Some(ready) = ready.take() {
            ready(bound);
        }
        let ended = lead(driver, stop.clone()).await;
        handle.step_down();
        health.set(false).await;
        let Err(fate) = ended else { break };
        tracing::warn!(why = %kit::exit::chain(&fate), "the term is over; standing by");
    }
    drop(ends_serving);
    let _ = server.await;
    Ok(())
}

fn take_office(options: &Options, term: Term, address: &str, handle: &Handle, metrics: &Arc<Metrics>) -> Driver {
    tracing::info!(cluster = %term.cluster, epoch = %term.epoch, %address, "leading");
    metrics.terms.inc();
    let model = ReadModel::new(term.cluster.clone(), term.epoch, address.to_owned());
    let (driver, inputs) = Driver::new(options, term, Arc::clone(&model), Arc::clone(metrics));
    handle.lead(inputs, model);
    driver
}

fn cannot_begin(candidate: &Candidate, elected: bool, source: coordination::Error) -> Error {
    match candidate.cluster {
        Some(_) => Error::Lost(source),
        None => Error::Registry { option: if elected { "--zk" } else { "--dir" }, source },
    }
}

/// Runs the driver as a task of its own: beside the streams it serves, where a message between the two wakes no thread.
async fn lead(driver: Driver, stop: CancellationToken) -> Result<(), Fate> {
    match tokio::spawn(async move { driver.run(&stop).await }).await {
        Ok(ended) => ended,
        Err(failed) => std::panic::resume_unwind(failed.into_panic()),
    }
}
