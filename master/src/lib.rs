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

pub use options::Options;

use coordination::{Candidate, Embedded, Fate, Store};
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
    /// Its log cannot be used.
    #[error("--dir: the registry cannot be opened")]
    Registry(#[source] coordination::Error),
    /// A write failed, and the log cannot be read again.
    #[error("the registry cannot be opened again after a write failed")]
    Lost(#[source] coordination::Error),
    /// Its services cannot be described, which is a fault of the build.
    #[error("the services cannot be described")]
    Reflection(#[source] kit::web::ReflectionError),
}

impl Error {
    /// Whether the command was asked for wrongly, rather than failing.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Listen(_) | Self::Registry(_))
    }
}

/// Runs a master on the registry in its directory until it is asked to stop; `ready` hears the address once it listens.
///
/// # Errors
/// If it cannot listen or its log cannot be used.
pub async fn run(options: Options, stop: CancellationToken, ready: impl FnOnce(SocketAddr)) -> Result<(), Error> {
    let store = Embedded::new(options.dir.clone());
    run_on(&store, options, stop, ready).await
}

/// Runs a master on any registry.
///
/// # Errors
/// As for [`run`].
pub async fn run_on(
    store: &dyn Store,
    options: Options,
    stop: CancellationToken,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), Error> {
    let (listener, address) = kit::listen::tcp(options.listen, options.insecure).await?;
    let mut term = begin(store, address).await.map_err(Error::Registry)?;
    let handle = Arc::new(Handle::new());
    let metrics = Arc::new(Metrics::new(&handle));
    let (services, names) = rpc::services(&handle);
    let routes = http::router(&handle, metrics.registry());
    let (router, health) = kit::web::with_grpc(services, &names, routes).map_err(Error::Reflection)?;
    let server = tokio::spawn(kit::serve::serve(listener, router, stop.clone()));
    let mut ready = Some(ready);
    loop {
        tracing::info!(cluster = %term.cluster, epoch = %term.epoch, %address, "leading");
        metrics.terms.inc();
        let model = ReadModel::new(term.cluster.clone(), term.epoch, address.to_string());
        let (driver, inputs) = Driver::new(&options, term, Arc::clone(&model), Arc::clone(&metrics));
        handle.lead(inputs, model);
        health.set(true).await;
        if let Some(ready) = ready.take() {
            ready(address);
        }
        let ended = lead(driver, stop.clone()).await;
        handle.step_down();
        health.set(false).await;
        let Err(fate) = ended else { break };
        tracing::error!(error = %kit::exit::chain(&fate), "the term is over; reading the registry again");
        term = begin(store, address).await.map_err(Error::Lost)?;
    }
    let _ = server.await;
    Ok(())
}

/// Runs the driver as a task of its own: beside the streams it serves, where a message between the two wakes no thread.
async fn lead(driver: Driver, stop: CancellationToken) -> Result<(), Fate> {
    match tokio::spawn(async move { driver.run(&stop).await }).await {
        Ok(ended) => ended,
        Err(failed) => std::panic::resume_unwind(failed.into_panic()),
    }
}

async fn begin(store: &dyn Store, address: SocketAddr) -> Result<coordination::Term, coordination::Error> {
    store.begin(Candidate { address: address.to_string(), cluster: None }).await
}
