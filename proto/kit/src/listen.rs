//! Listeners: TCP on an address, or a Unix socket in a directory.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// Why nothing can be listened on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is open to others, and nothing keeps them out.
    #[error(
        "--listen: {0} can be reached from other machines, and nothing would keep anybody out; listen on 127.0.0.1, or say --insecure if the network is trusted"
    )]
    Open(SocketAddr),
    /// Somebody listens there already.
    #[error("--listen: {0} is taken by another process; choose another port or end it")]
    Taken(SocketAddr),
    /// The address cannot be used.
    #[error("--listen: cannot listen on {address}")]
    Bind {
        /// Which.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The socket file cannot be made.
    #[error("cannot listen on {}", path.display())]
    Socket {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// A listener.
#[derive(Debug)]
pub enum Listener {
    /// For other processes anywhere.
    Tcp(TcpListener),
    /// For other processes of this machine and user.
    Unix(UnixListener),
}

/// A connection that was accepted.
#[derive(Debug)]
pub enum Connection {
    /// Over TCP.
    Tcp(TcpStream),
    /// Over a Unix socket.
    Unix(UnixStream),
}

/// Listens on an address; port 0 takes a free one.
///
/// # Errors
/// If the address is open to others without `insecure`, taken, or not of this machine.
pub async fn tcp(address: SocketAddr, insecure: bool) -> Result<(Listener, SocketAddr), Error> {
    if !address.ip().is_loopback() && !insecure {
        return Err(Error::Open(address));
    }
    let refused = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::AddrInUse => Error::Taken(address),
        _ => Error::Bind { address, source },
    };
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    let actual = listener.local_addr().map_err(|source| Error::Bind { address, source })?;
    Ok((Listener::Tcp(listener), actual))
}

/// Listens on a socket file that only this user may open; one that is there already is replaced.
///
/// # Errors
/// If the file cannot be made.
pub fn unix(path: &Path) -> Result<Listener, Error> {
    use std::os::unix::fs::PermissionsExt;
    let failed = |source| Error::Socket { path: path.to_owned(), source };
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let listener = UnixListener::bind(path).map_err(failed)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
    Ok(Listener::Unix(listener))
}

impl Listener {
    /// The next connection.
    ///
    /// # Errors
    /// If none can be accepted now, such as for want of file descriptors.
    pub async fn accept(&self) -> std::io::Result<Connection> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                // Small messages must not wait for the acknowledgement of the ones before. It fails on a connection that
                // is gone already, which its reader finds out.
                let _ = stream.set_nodelay(true);
                Ok(Connection::Tcp(stream))
            }
            Self::Unix(listener) => Ok(Connection::Unix(listener.accept().await?.0)),
        }
    }
}
