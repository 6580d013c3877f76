//! Long-running services through Marathon's v2 REST API: the shell around `marathon_lite_core`.
//!
//! ```text
//!   api/            many tasks; read, check, ask, render
//!     |     \
//!   term     view, events      snapshots and a log that readers keep places in
//!     v     ^
//!   driver (one task owns the core; it is the framework's scheduler) -- storage (one batch in flight)
//!     |
//!   probes, callbacks          tasks that ask instances and tell subscribers
//! ```
//!
//! **Architecture invariant:** only the driver touches the core; reads are answered from the view alone; nothing is shown
//! or done before what it follows from is stored.

mod api;
mod callbacks;
mod clock;
mod driver;
mod events;
mod handle;
mod leadership;
mod machine;
mod metrics;
mod options;
mod probes;
mod proxy;
mod secrets;
mod storage;
mod term;

pub use options::{EventSubscriber, Options};

use api::Api;
use coordination::{Embedded, ObjectChange, Store, ZooKeeper};
use handle::Handle;
use kit::shutdown::CancellationToken;
use leadership::Office;
use machine::Machine;
use marathon_lite_core::scheduler::Marathon;
use metrics::Metrics;
use std::{net::SocketAddr, sync::Arc};

/// Why marathon-lite cannot run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot listen.
    #[error(transparent)]
    Listen(#[from] kit::listen::Error),
    /// How others reach it is no address.
    #[error("--advertise")]
    Advertise(#[source] kit::channel::Error),
    /// Its store cannot be used.
    #[error("{option}: the store cannot be opened")]
    Store {
        /// What says where it is.
        option: &'static str,
        /// Why.
        #[source]
        source: coordination::Error,
    },
    /// The term ended, and the store cannot be read again.
    #[error("the store cannot be opened again after a term ended")]
    Lost(#[source] coordination::Error),
    /// What is stored cannot be read.
    #[error("what is stored cannot be read: {0}")]
    Stored(String),
    /// The framework cannot run.
    #[error("the framework cannot run")]
    Framework(#[source] proffer_framework::Error),
    /// It cannot speak HTTP to others.
    #[error("the HTTP client cannot be made")]
    Http(#[source] reqwest::Error),
}

impl Error {
    /// Whether the command was asked for wrongly, rather than failing.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        use proffer_framework::Error as Framework;
        match self {
            Self::Listen(_) | Self::Advertise(_) | Self::Store { .. } => true,
            Self::Framework(error) => matches!(
                error,
                Framework::Role(_) | Framework::Address { .. } | Framework::Election { .. } | Framework::IdFile { .. }
            ),
            Self::Lost(_) | Self::Stored(_) | Self::Http(_) => false,
        }
    }
}

/// Runs marathon-lite until it is asked to stop: on the store in its directory, or, if a ZooKeeper is named, in turn with
/// others on the store there. `ready` hears the address once it leads, or at once where others may.
///
/// # Errors
/// If it cannot listen, its store cannot be used, or the framework cannot run.
pub async fn run(options: Options, stop: CancellationToken, ready: impl FnOnce(SocketAddr)) -> Result<(), Error> {
    match options.zk.clone() {
        None => run_on::<Marathon>(&Embedded::objects(options.dir.clone()), options, stop, ready).await,
        Some(address) => {
            let store = ZooKeeper::objects(address).with_session_timeout(options.zk_session_timeout);
            run_on::<Marathon>(&store, options, stop, ready).await
        }
    }
}

/// Runs marathon-lite with any core on any store.
async fn run_on<M: Machine>(
    store: &dyn Store<ObjectChange>,
    options: Options,
    stop: CancellationToken,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), Error> {
    kit::limits::raise_open_files();
    // Whoever was first has set the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (listener, bound) = kit::listen::tcp(options.listen, options.insecure).await?;
    let address = options.advertise.clone().unwrap_or_else(|| bound.to_string());
    kit::channel::endpoint(&address).map_err(Error::Advertise)?;
    let handle = Arc::new(Handle::new(address.clone(), store.leader()));
    let (metrics, registry) = Metrics::new(&handle);
    let api = Api {
        handle: Arc::clone(&handle),
        shown: Arc::new(options.shown(bound, &address)),
        metrics: registry,
        counts: Arc::clone(&metrics),
        proxy: Arc::new(proxy::Proxy::new().map_err(Error::Http)?),
    };
    let serving = stop.child_token();
    let ends_serving = serving.clone().drop_guard();
    let server = tokio::spawn(kit::serve::serve(listener, api::router(api), serving));
    let office = Office { store, options: Arc::new(options), handle, metrics, bound };
    office.hold::<M>(&stop, ready).await?;
    drop(ends_serving);
    let _ = server.await;
    Ok(())
}
