//! gRPC and HTTP on one listener, until asked to stop.

use crate::{
    listen::{Connection, Listener},
    shutdown::CancellationToken,
};
use axum::Router;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::task::TaskTracker;

/// The largest message accepted. Ours stay below 1 MiB; this is what gRPC libraries accept by default.
pub const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Between pings of a silent HTTP/2 connection. Longer, and a peer that vanished is noticed late; shorter only costs.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);

/// How long such a ping may go unanswered.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long connections have to finish what they do when the server stops.
const FAREWELL: Duration = Duration::from_secs(2);

/// Before the next try when a connection could not be accepted: for want of descriptors trying at once only spins.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves the router until the token is cancelled, then lets connections finish for a short while.
pub async fn serve(listener: Listener, router: Router, stop: CancellationToken) {
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok(Connection::Tcp(stream)) => drop(connections.spawn(converse(stream, router.clone(), stop.clone()))),
            Ok(Connection::Unix(stream)) => drop(connections.spawn(converse(stream, router.clone(), stop.clone()))),
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    connections.close();
    let _ = tokio::time::timeout(FAREWELL, connections.wait()).await;
}

async fn converse<S>(stream: S, router: Router, stop: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new());
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .adaptive_window(false);
    let service = TowerToHyperService::new(router);
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            tokio::time::timeout(FAREWELL, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended with an error");
    }
}
