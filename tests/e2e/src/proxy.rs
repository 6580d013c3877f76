//! A TCP proxy in front of a process, to break the link between two processes without harming either.

use anyhow::{Context, Result};
use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::{mpsc, watch},
    task::{JoinHandle, JoinSet},
    time::{Instant, sleep_until},
};

/// How much is read at once.
const PIECE: usize = 16 << 10;

/// Pieces that may be under way in one direction of a connection; whoever sends more waits, as in a full network.
const PIECES_MAX: usize = 1024;

/// What becomes of bytes in one direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Way {
    /// They arrive.
    #[default]
    Open,
    /// They arrive so much later, in order.
    Delayed(Duration),
    /// They wait, and arrive once it is healed: a network that fails for a short time.
    Held,
    /// They are lost, and so is the end of a connection. A connection that lost bytes is closed once it is healed, since
    /// what came after a gap would mean something else.
    Cut,
}

impl Way {
    fn is_silent(self) -> bool {
        matches!(self, Self::Held | Self::Cut)
    }
}

/// The state of a link, for present and for new connections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Link {
    /// From who connects to the process behind the proxy.
    pub to_server: Way,
    /// Back.
    pub to_client: Way,
    /// Whether connections are closed at once.
    pub dropping: bool,
}

/// A direction of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    ToServer,
    ToClient,
}

/// A proxy. It ends, with all its connections, when this is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    link: watch::Sender<Link>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Listens on a free loopback port, in front of an address such as `127.0.0.1:5050`.
    ///
    /// # Errors
    /// If no port is free.
    pub async fn start(server: &str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("listen as a proxy")?;
        let address = listener.local_addr().context("read a port")?;
        let link = watch::Sender::new(Link::default());
        let task = tokio::spawn(listen(listener, server.to_owned(), link.subscribe()));
        Ok(Self { address, link, task })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Brings the link into this state.
    pub fn set(&self, link: Link) {
        self.link.send_replace(link);
    }

    /// Loses everything in both directions.
    pub fn cut(&self) {
        self.set(Link { to_server: Way::Cut, to_client: Way::Cut, dropping: false });
    }

    /// Loses everything on the way to the process behind it.
    pub fn cut_to_server(&self) {
        self.set(Link { to_server: Way::Cut, ..Link::default() });
    }

    /// Loses everything on the way back.
    pub fn cut_to_client(&self) {
        self.set(Link { to_client: Way::Cut, ..Link::default() });
    }

    /// Delays everything in both directions.
    pub fn delay(&self, time: Duration) {
        self.set(Link { to_server: Way::Delayed(time), to_client: Way::Delayed(time), dropping: false });
    }

    /// Closes present connections, and new ones at once, until it is healed.
    pub fn drop_connections(&self) {
        self.set(Link { dropping: true, ..Link::default() });
    }

    /// Everything arrives again.
    pub fn heal(&self) {
        self.set(Link::default());
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Link {
    fn way(&self, direction: Direction) -> Way {
        match direction {
            Direction::ToServer => self.to_server,
            Direction::ToClient => self.to_client,
        }
    }

    fn is_silent(&self) -> bool {
        self.to_server.is_silent() || self.to_client.is_silent()
    }
}

async fn listen(listener: TcpListener, server: String, link: watch::Receiver<Link>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { continue };
                connections.spawn(connection(client, server.clone(), link.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(mut client: TcpStream, server: String, mut link: watch::Receiver<Link>) {
    let mut dropping = link.clone();
    let work = async {
        let Ok(mut server) = TcpStream::connect(&server).await else {
            // While nothing gets through, nobody learns that nobody listens either.
            let _ = link.wait_for(|link| !link.is_silent()).await;
            return;
        };
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let _ = tokio::try_join!(
            pump(from_client, to_server, link.clone(), Direction::ToServer),
            pump(from_server, to_client, link.clone(), Direction::ToClient),
        );
        // Nor that the other side is gone.
        let _ = link.wait_for(|link| !link.is_silent()).await;
    };
    tokio::select! {
        () = work => {}
        _ = dropping.wait_for(|link| link.dropping) => {}
    }
}

/// The connection is of no use any more.
#[derive(Debug)]
struct Broken;

async fn pump(
    from: ReadHalf<'_>,
    to: WriteHalf<'_>,
    link: watch::Receiver<Link>,
    direction: Direction,
) -> Result<(), Broken> {
    let (queue, pieces) = mpsc::channel(PIECES_MAX);
    tokio::try_join!(read(from, queue, link.clone(), direction), write(to, pieces, link, direction)).map(|_| ())
}

async fn read(
    mut from: ReadHalf<'_>,
    queue: mpsc::Sender<(Instant, Vec<u8>)>,
    mut link: watch::Receiver<Link>,
    direction: Direction,
) -> Result<(), Broken> {
    let mut lost = false;
    loop {
        let mut piece = vec![0; PIECE];
        let taken = tokio::select! {
            taken = from.read(&mut piece) => taken.map_err(|_| Broken)?,
            changed = link.changed() => {
                changed.map_err(|_| Broken)?;
                if lost && link.borrow().way(direction) != Way::Cut {
                    return Err(Broken);
                }
                continue;
            }
        };
        let way = link.borrow().way(direction);
        match way {
            Way::Cut if taken == 0 => {
                let _ = link.wait_for(|link| link.way(direction) != Way::Cut).await;
                return Err(Broken);
            }
            Way::Cut => lost = true,
            _ if lost => return Err(Broken),
            _ if taken == 0 => return Ok(()),
            Way::Open | Way::Held | Way::Delayed(_) => {
                let delay = if let Way::Delayed(delay) = way { delay } else { Duration::ZERO };
                piece.truncate(taken);
                queue.send((Instant::now() + delay, piece)).await.map_err(|_| Broken)?;
            }
        }
    }
}

async fn write(
    mut to: WriteHalf<'_>,
    mut pieces: mpsc::Receiver<(Instant, Vec<u8>)>,
    mut link: watch::Receiver<Link>,
    direction: Direction,
) -> Result<(), Broken> {
    while let Some((due, piece)) = pieces.recv().await {
        sleep_until(due).await;
        link.wait_for(|link| link.way(direction) != Way::Held).await.map_err(|_| Broken)?;
        to.write_all(&piece).await.map_err(|_| Broken)?;
    }
    to.shutdown().await.map_err(|_| Broken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wait::PATIENCE;
    use tokio::time::timeout;

    /// What comes in at a server, of all its connections, and what it answers: the same.
    async fn echo() -> Result<(SocketAddr, mpsc::UnboundedReceiver<u8>)> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (seen, arrived) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let seen = seen.clone();
                tokio::spawn(async move {
                    while let Ok(byte) = stream.read_u8().await {
                        let _ = seen.send(byte);
                        if stream.write_u8(byte).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Ok((address, arrived))
    }

    struct World {
        proxy: Proxy,
        arrived: mpsc::UnboundedReceiver<u8>,
    }

    impl World {
        async fn start() -> Result<Self> {
            let (server, arrived) = echo().await?;
            Ok(Self { proxy: Proxy::start(&server.to_string()).await?, arrived })
        }

        async fn connect(&self) -> Result<TcpStream> {
            Ok(TcpStream::connect(self.proxy.address()).await?)
        }

        async fn arrives(&mut self) -> Result<u8> {
            timeout(PATIENCE, self.arrived.recv()).await?.context("the server is there")
        }
    }

    async fn answers(stream: &mut TcpStream, byte: u8) -> Result<()> {
        stream.write_u8(byte).await?;
        assert_eq!(timeout(PATIENCE, stream.read_u8()).await??, byte);
        Ok(())
    }

    async fn is_closed(stream: &mut TcpStream) -> Result<()> {
        assert!(timeout(PATIENCE, stream.read_u8()).await?.is_err());
        Ok(())
    }

    #[tokio::test]
    async fn what_is_sent_arrives_and_so_does_its_end() -> Result<()> {
        let mut world = World::start().await?;
        let mut stream = world.connect().await?;
        answers(&mut stream, 1).await?;
        stream.shutdown().await?;
        is_closed(&mut stream).await?;
        assert_eq!(world.arrives().await?, 1);
        Ok(())
    }

    #[tokio::test]
    async fn a_cut_way_there_loses_what_is_sent_and_its_connection_in_the_end() -> Result<()> {
        let mut world = World::start().await?;
        let (mut stream, mut other) = (world.connect().await?, world.connect().await?);
        answers(&mut stream, 1).await?;
        answers(&mut other, 2).await?;
        world.proxy.cut_to_server();
        stream.write_u8(3).await?;
        // What was sent is under way to the proxy until it has read it.
        let waiting = timeout(Duration::from_millis(200), stream.read_u8()).await;
        assert!(waiting.is_err(), "{waiting:?}");
        world.proxy.heal();
        is_closed(&mut stream).await?;
        answers(&mut other, 4).await?;
        answers(&mut world.connect().await?, 5).await?;
        let arrived = [world.arrives().await?, world.arrives().await?, world.arrives().await?, world.arrives().await?];
        assert_eq!(arrived, [1, 2, 4, 5]);
        Ok(())
    }

    #[tokio::test]
    async fn a_cut_way_back_lets_everything_arrive_that_is_never_answered() -> Result<()> {
        let mut world = World::start().await?;
        world.proxy.cut_to_client();
        let mut stream = world.connect().await?;
        stream.write_u8(1).await?;
        assert_eq!(world.arrives().await?, 1);
        let waiting = timeout(Duration::from_millis(200), stream.read_u8()).await;
        assert!(waiting.is_err(), "{waiting:?}");
        world.proxy.heal();
        is_closed(&mut stream).await
    }

    #[tokio::test]
    async fn what_is_held_arrives_once_healed() -> Result<()> {
        let mut world = World::start().await?;
        let mut stream = world.connect().await?;
        world.proxy.set(Link { to_server: Way::Held, ..Link::default() });
        stream.write_u8(1).await?;
        let waiting = timeout(Duration::from_millis(200), world.arrived.recv()).await;
        assert!(waiting.is_err(), "{waiting:?}");
        world.proxy.heal();
        assert_eq!(timeout(PATIENCE, stream.read_u8()).await??, 1);
        answers(&mut stream, 2).await
    }

    #[tokio::test]
    async fn what_is_delayed_arrives_in_order_and_not_before() -> Result<()> {
        let world = World::start().await?;
        let delay = Duration::from_millis(150);
        world.proxy.delay(delay);
        let mut stream = world.connect().await?;
        let start = Instant::now();
        stream.write_all(&[1, 2, 3]).await?;
        for byte in 1..=3 {
            assert_eq!(timeout(PATIENCE, stream.read_u8()).await??, byte);
        }
        assert!(start.elapsed() >= delay * 2, "it took {:?}", start.elapsed());
        Ok(())
    }

    #[tokio::test]
    async fn connections_are_dropped_until_it_is_healed() -> Result<()> {
        let world = World::start().await?;
        let mut stream = world.connect().await?;
        answers(&mut stream, 1).await?;
        world.proxy.drop_connections();
        is_closed(&mut stream).await?;
        is_closed(&mut world.connect().await?).await?;
        world.proxy.heal();
        answers(&mut world.connect().await?, 2).await
    }

    #[tokio::test]
    async fn it_ends_when_dropped() -> Result<()> {
        let world = World::start().await?;
        let mut stream = world.connect().await?;
        answers(&mut stream, 1).await?;
        let World { proxy, arrived: _arrived } = world;
        drop(proxy);
        is_closed(&mut stream).await
    }
}
