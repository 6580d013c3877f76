//! Channels to other processes.

use std::{path::PathBuf, time::Duration};
use tonic::transport::{Channel, Endpoint};

/// How long a connection may take to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Between pings of a connection, so that a peer that vanished is noticed.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);

/// How long such a ping may go unanswered.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// Why there is no channel.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is no address.
    #[error("{address:?} is not an address of the form host:port")]
    Address {
        /// The text.
        address: String,
        /// What is wrong with it.
        #[source]
        source: tonic::transport::Error,
    },
    /// Nobody answers.
    #[error("cannot connect to {address}")]
    Connect {
        /// Where.
        address: String,
        /// Why.
        #[source]
        source: tonic::transport::Error,
    },
}

/// What a channel to `host:port` is like, before it is opened.
///
/// # Errors
/// If the text is no address.
pub fn endpoint(address: &str) -> Result<Endpoint, Error> {
    let wrong = |source| Error::Address { address: address.to_owned(), source };
    let endpoint = Endpoint::from_shared(format!("http://{address}")).map_err(wrong)?;
    Ok(endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .keep_alive_while_idle(true)
        .tcp_nodelay(true))
}

/// Opens a channel to `host:port`.
///
/// # Errors
/// If the text is no address or nobody answers there.
pub async fn tcp(address: &str) -> Result<Channel, Error> {
    let failed = |source| Error::Connect { address: address.to_owned(), source };
    endpoint(address)?.connect().await.map_err(failed)
}

/// Opens a channel to a Unix socket.
///
/// # Errors
/// If nobody listens there.
pub async fn unix(path: PathBuf) -> Result<Channel, Error> {
    let failed = |source| Error::Connect { address: path.display().to_string(), source };
    let connector = tower::service_fn({
        let path = path.clone();
        move |_: http::Uri| {
            let path = path.clone();
            async move { tokio::net::UnixStream::connect(path).await.map(hyper_util::rt::TokioIo::new) }
        }
    });
    endpoint("localhost")?.connect_with_connector(connector).await.map_err(failed)
}
