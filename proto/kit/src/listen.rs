//! Listeners: TCP on an address, or a Unix socket in a directory.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener, UnixStream};

/// Connections that may wait to be accepted: after a failover all agents of a cluster come, and one that finds no room
/// tries again only after a second. The kernel may bound it (net.core.somaxconn).
const BACKLOG: u32 = 4096;

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
    let listener = bind(address).map_err(refused)?;
    let actual = listener.local_addr().map_err(|source| Error::Bind { address, source })?;
    Ok((Listener::Tcp(listener), actual))
}

fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // So that a process that is started again gets its port at once.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_taken_port_is_named() {
        let (_listener, address) = tcp(([127, 0, 0, 1], 0).into(), false).await.unwrap();
        assert_ne!(address.port(), 0, "the actual one is told");
        let error = tcp(address, false).await.unwrap_err();
        assert!(matches!(error, Error::Taken(taken) if taken == address));
        assert!(error.to_string().contains(&address.to_string()) && error.to_string().contains("--listen"), "{error}");
    }

    #[tokio::test]
    async fn an_open_address_must_be_meant() {
        let everywhere = ([0, 0, 0, 0], 0).into();
        let error = tcp(everywhere, false).await.unwrap_err();
        assert!(matches!(error, Error::Open(_)));
        assert!(error.to_string().contains("--insecure"), "{error}");
        assert!(tcp(everywhere, true).await.is_ok());
    }

    #[tokio::test]
    async fn an_address_of_another_machine_is_named() {
        // Of the range for documentation, which no machine has.
        let error = tcp(([192, 0, 2, 1], 0).into(), true).await.unwrap_err();
        assert_eq!(error.to_string(), "--listen: cannot listen on 192.0.2.1:0");
    }

    #[tokio::test]
    async fn a_socket_file_is_for_its_owner_and_replaces_one_that_was_left() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        for _ in 0..2 {
            drop(unix(&path).unwrap());
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let error = unix(&directory.path().join("none/socket")).unwrap_err();
        assert!(error.to_string().contains("none/socket"), "{error}");
    }
}
