//! One session's client.

use super::SESSION_TIMEOUT;
use crate::Address;
use coordination_core::{Answer, Mode, Paths, Request};
use rand::seq::SliceRandom;
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::TcpStream,
    runtime::{Builder, Runtime},
    sync::mpsc,
    time::timeout,
};
use zookeeper_async::{Acl, CreateMode, WatchedEvent, ZkError, ZkState, ZooKeeper};

/// How long a server may take to accept a connection. The library itself would wait for minutes.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// How long the first request of a session may take.
const BEGIN_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the end of a session may take to be told.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Between attempts of the library to connect again.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// What happens to a session without being asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    Connected,
    Disconnected,
    /// The session is over.
    Expired,
    /// A watched node changed.
    Changed(String),
}

/// Why there is no session.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoSession {
    #[error("no ZooKeeper server of {servers} answers: {why}")]
    Unreachable { servers: String, why: String },
    #[error("{path}: {why}")]
    Refused { path: String, why: String },
}

/// A session of ZooKeeper and what it is served by.
pub(super) struct Client {
    zookeeper: Arc<ZooKeeper>,
    acl: Vec<Acl>,
    credentials: Option<Vec<u8>>,
    /// None once it is given away to end on its own.
    runtime: Option<Runtime>,
    /// Filled by requests of this client alone: one for each watch and for each connection.
    events: mpsc::UnboundedReceiver<Event>,
}

impl Client {
    /// Begins a session with one of the servers that answer.
    pub(super) async fn begin(address: &Address, session_timeout: Duration) -> Result<Self, NoSession> {
        let unreachable = |why: String| NoSession::Unreachable { servers: address.servers().join(", "), why };
        let servers = reachable(address.servers()).await.map_err(unreachable)?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("zookeeper")
            .enable_all()
            .build()
            .map_err(|error| unreachable(error.to_string()))?;
        let (sender, events) = mpsc::unbounded_channel();
        let watched = sender.clone();
        let connecting = runtime.spawn(async move {
            let watcher = move |event: WatchedEvent| drop(event.path.map(|path| watched.send(Event::Changed(path))));
            let zookeeper = ZooKeeper::connect_with_retry_time(&servers, session_timeout, watcher, RETRY_PAUSE).await?;
            zookeeper.add_listener(move |state| drop(event(state).map(|event| sender.send(event))));
            Ok::<_, ZkError>(zookeeper)
        });
        let credentials = address.credentials().map(|credentials| credentials.as_bytes().to_vec());
        let acl = if credentials.is_some() { Acl::creator_all().clone() } else { Acl::open_unsafe().clone() };
        let mut begun = Some(runtime);
        let connected = timeout(BEGIN_TIMEOUT, connecting).await;
        let zookeeper = match connected {
            Ok(Ok(Ok(zookeeper))) => Arc::new(zookeeper),
            failed => {
                abandon(begun.take());
                let why = match failed {
                    Ok(Ok(Err(error))) => error.to_string(),
                    Ok(Err(error)) => error.to_string(),
                    _ => "no answer in time".to_owned(),
                };
                return Err(unreachable(why));
            }
        };
        let client = Self { zookeeper, acl, credentials, runtime: begun, events };
        client.authenticate().await;
        let root = Request::Get { path: "/".to_owned(), watch: false };
        match timeout(BEGIN_TIMEOUT, client.ask(root)).await {
            Ok(Answer::Lost) | Err(_) => Err(unreachable("no answer in time".to_owned())),
            Ok(_) => Ok(client),
        }
    }

    /// Makes the nodes that everything is below.
    pub(super) async fn lay_foundations(&self, paths: &Paths) -> Result<(), NoSession> {
        for path in paths.foundations() {
            // What is above the cluster's own node belongs to nobody.
            let own = path.len() >= paths.root().len();
            let request = Request::Create { path: path.clone(), data: Vec::new(), mode: Mode::Persistent };
            let acl = if own { self.acl.clone() } else { Acl::open_unsafe().clone() };
            match timeout(BEGIN_TIMEOUT, self.ask_as(request, acl)).await.unwrap_or(Answer::Lost) {
                Answer::Refused(why) => return Err(NoSession::Refused { path, why }),
                Answer::Lost => {
                    let (servers, why) = (String::from("the ensemble"), "the connection broke".to_owned());
                    return Err(NoSession::Unreachable { servers, why });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Has a node keep this; it and what is above it are made if they are not there.
    pub(super) async fn keep(&self, path: &str, data: &[u8]) -> Answer {
        let Some(runtime) = &self.runtime else { return Answer::Lost };
        let (zookeeper, node, bytes) = (Arc::clone(&self.zookeeper), path.to_owned(), data.to_vec());
        let set = runtime.spawn(async move { zookeeper.set_data(&node, bytes, None).await.map(|_| Answer::Found) });
        let set = timeout(BEGIN_TIMEOUT, set).await.ok().and_then(Result::ok);
        let answer = set.map_or(Answer::Lost, |set| set.unwrap_or_else(refused));
        if answer != Answer::Missing {
            return answer;
        }
        let above = path.match_indices('/').skip(1).map(|(at, _)| &path[..at]);
        for (path, data) in above.map(|path| (path, Vec::new())).chain([(path, data.to_vec())]) {
            let request = Request::Create { path: path.to_owned(), data, mode: Mode::Persistent };
            match timeout(BEGIN_TIMEOUT, self.ask(request)).await.unwrap_or(Answer::Lost) {
                Answer::Created(_) | Answer::Taken => {}
                other => return other,
            }
        }
        Answer::Found
    }

    /// The next thing that happens. Identifies itself anew on a new connection, before anything is asked over it.
    pub(super) async fn next_event(&mut self) -> Event {
        let event = self.events.recv().await.unwrap_or(Event::Expired);
        if event == Event::Connected {
            self.authenticate().await;
        }
        event
    }

    /// Asks; the answer may take as long as the connection lives.
    pub(super) fn ask(&self, request: Request) -> impl Future<Output = Answer> + Send + 'static {
        self.ask_as(request, self.acl.clone())
    }

    fn ask_as(&self, request: Request, acl: Vec<Acl>) -> impl Future<Output = Answer> + Send + 'static {
        let zookeeper = Arc::clone(&self.zookeeper);
        let asked = self.runtime.as_ref().map(|runtime| runtime.spawn(ask(zookeeper, request, acl)));
        async move {
            match asked {
                Some(asked) => asked.await.unwrap_or(Answer::Lost),
                None => Answer::Lost,
            }
        }
    }

    /// The library forgets on each new connection as whom it asks.
    async fn authenticate(&self) {
        let (Some(credentials), Some(runtime)) = (self.credentials.clone(), &self.runtime) else { return };
        let zookeeper = Arc::clone(&self.zookeeper);
        let added = runtime.spawn(async move { zookeeper.add_auth("digest", credentials).await });
        // Where it did not work, what is asked next is refused or lost, and says so.
        let _ = timeout(SESSION_TIMEOUT, added).await;
    }

    /// Ends the session, so that what lives with it goes at once.
    pub(super) async fn close(mut self) {
        let runtime = self.runtime.take();
        if let Some(runtime) = &runtime {
            let zookeeper = Arc::clone(&self.zookeeper);
            let closed = runtime.spawn(async move { zookeeper.close().await });
            // A session that cannot be ended ends by itself, later.
            let _ = timeout(CLOSE_TIMEOUT, closed).await;
        }
        abandon(runtime);
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.take() else { return };
        let zookeeper = Arc::clone(&self.zookeeper);
        // Its own thread is told to end the session; nobody waits for it.
        std::thread::spawn(move || {
            let _ = runtime.block_on(async { timeout(CLOSE_TIMEOUT, zookeeper.close()).await });
            runtime.shutdown_background();
        });
    }
}

/// Ends all that a client does, wherever it hangs.
fn abandon(runtime: Option<Runtime>) {
    if let Some(runtime) = runtime {
        runtime.shutdown_background();
    }
}

#[expect(deprecated, reason = "the library still says so when a session has expired")]
fn event(state: ZkState) -> Option<Event> {
    match state {
        ZkState::Connected => Some(Event::Connected),
        ZkState::Connecting | ZkState::ConnectedReadOnly => Some(Event::Disconnected),
        ZkState::NotConnected | ZkState::Closed | ZkState::AuthFailed => Some(Event::Expired),
        ZkState::Associating => None,
    }
}

async fn ask(zookeeper: Arc<ZooKeeper>, request: Request, acl: Vec<Acl>) -> Answer {
    let answered = match request {
        Request::Create { path, data, mode } => {
            let mode = match mode {
                Mode::Persistent => CreateMode::Persistent,
                Mode::Ephemeral => CreateMode::Ephemeral,
                Mode::EphemeralSequential => CreateMode::EphemeralSequential,
            };
            zookeeper.create(&path, data, acl, mode).await.map(Answer::Created)
        }
        Request::Get { path, watch } => zookeeper.get_data(&path, watch).await.map(|(data, _)| Answer::Data(data)),
        Request::Watch { path } => zookeeper
            .exists(&path, true)
            .await
            .map(|found| if found.is_some() { Answer::Found } else { Answer::Missing }),
        Request::List { path } => zookeeper.get_children(&path, false).await.map(Answer::Names),
        Request::Delete { path } => zookeeper.delete(&path, None).await.map(|()| Answer::Deleted),
    };
    answered.unwrap_or_else(refused)
}

fn refused(error: ZkError) -> Answer {
    match error {
        ZkError::NodeExists => Answer::Taken,
        ZkError::NoNode => Answer::Missing,
        ZkError::BadArguments | ZkError::NoChildrenForEphemerals | ZkError::Unimplemented => {
            Answer::Refused(error.to_string())
        }
        ZkError::NoAuth | ZkError::InvalidACL | ZkError::AuthFailed => Answer::Refused(
            "no permission; name the user who made the path, zk://USER:PASSWORD@..., or choose another path".to_owned(),
        ),
        // A server in trouble: another attempt may find it, or another one, well.
        _ => Answer::Lost,
    }
}

/// The servers that accept connections, in any order, as the library wants them.
async fn reachable(servers: &[String]) -> Result<String, String> {
    let probes = servers.iter().cloned().map(|server| tokio::spawn(probe(server)));
    let (mut found, mut trouble) = (Vec::new(), Vec::new());
    for probe in probes.collect::<Vec<_>>() {
        match probe.await {
            Ok(Ok(address)) => found.push(address.to_string()),
            Ok(Err(why)) => trouble.push(why),
            Err(_) => {}
        }
    }
    if found.is_empty() {
        return Err(trouble.join("; "));
    }
    found.shuffle(&mut rand::rng());
    Ok(found.join(","))
}

async fn probe(server: String) -> Result<SocketAddr, String> {
    let attempt = async {
        let mut trouble = "the name has no address".to_owned();
        let addresses = tokio::net::lookup_host(&server).await.map_err(|error| format!("{server}: {error}"))?;
        for address in addresses {
            match TcpStream::connect(address).await {
                Ok(_) => return Ok(address),
                Err(error) => trouble = error.to_string(),
            }
        }
        Err(format!("{server}: {trouble}"))
    };
    timeout(PROBE_TIMEOUT, attempt).await.unwrap_or_else(|_| Err(format!("{server}: no answer in time")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn servers_that_do_not_answer_are_named() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let open = listener.local_addr().unwrap().to_string();
        let closed = {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            listener.local_addr().unwrap().to_string()
        };
        assert_eq!(reachable(&[closed.clone(), open.clone()]).await, Ok(open));
        let why = reachable(std::slice::from_ref(&closed)).await.unwrap_err();
        assert!(why.starts_with(&closed), "{why}");
    }
}
