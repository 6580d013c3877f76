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
mod options;
mod outbox;
mod read_model;
mod registry;
mod rpc;

pub use options::Options;

use coordination::{Candidate, Embedded, Store};
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

/// Runs a master until it is asked to stop; `ready` hears the address once it listens.
///
/// # Errors
/// If it cannot listen or its log cannot be used.
pub async fn run(options: Options, stop: CancellationToken, ready: impl FnOnce(SocketAddr)) -> Result<(), Error> {
    let store = Embedded::new(options.dir.clone());
    let (listener, address) = kit::listen::tcp(options.listen, options.insecure).await?;
    let metrics = Arc::new(Metrics::default());
    let handle = Arc::new(Handle::new());
    let mut term = begin(&store, address).await?;
    let router = kit::web::with_grpc(rpc::services(&handle), http::router(&handle, metrics.registry()))
        .map_err(Error::Reflection)?;
    let server = tokio::spawn(kit::serve::serve(listener, router, stop.clone()));
    ready(address);
    loop {
        tracing::info!(cluster = %term.cluster, epoch = %term.epoch, %address, "leading");
        let model = ReadModel::new(term.cluster.clone(), term.epoch, address.to_string());
        let (driver, inputs) = Driver::new(&options, term, Arc::clone(&model), Arc::clone(&metrics));
        handle.lead(inputs, model);
        match driver.run(&stop).await {
            Ok(()) => break,
            Err(fate) => {
                handle.step_down();
                tracing::error!(error = %kit::exit::chain(&fate), "the term is over; reading the registry again");
                term = begin(&store, address).await?;
            }
        }
    }
    handle.step_down();
    let _ = server.await;
    Ok(())
}

async fn begin(store: &Embedded, address: SocketAddr) -> Result<coordination::Term, Error> {
    let candidate = Candidate { address: address.to_string(), cluster: None };
    store.begin(candidate).await.map_err(Error::Registry)
}
