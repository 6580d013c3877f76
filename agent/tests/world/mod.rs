//! A master and executors as the agent sees them: real gRPC, nothing behind it.

use agent::{Options, Running};
use clap::Parser;
use kit::shutdown::CancellationToken;
use proffer_proto::{
    convert::status,
    v1::{
        AgentData, AgentMessage, Command, ExecutorCall, ExecutorEvent, ExecutorInfo, MasterData, MasterMessage,
        Register, Registered, TaskInfo, Uri,
        agent_data::Data,
        agent_message,
        agent_service_server::{AgentService, AgentServiceServer},
        executor_call, executor_event,
        executor_service_client::ExecutorServiceClient,
        master_message,
    },
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

/// Nothing takes so long unless it never happens.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

type ToAgent = mpsc::Sender<Result<MasterMessage, Status>>;

/// The service behind a fake master.
#[derive(Clone)]
struct Service {
    links: mpsc::UnboundedSender<(ToAgent, mpsc::UnboundedReceiver<AgentMessage>)>,
    data: mpsc::UnboundedSender<AgentData>,
    leader: Option<String>,
}

#[tonic::async_trait]
impl AgentService for Service {
    type LinkStream = ReceiverStream<Result<MasterMessage, Status>>;
    type DataStream = ReceiverStream<Result<MasterData, Status>>;

    async fn link(&self, request: Request<Streaming<AgentMessage>>) -> Result<Response<Self::LinkStream>, Status> {
        if let Some(leader) = &self.leader {
            return Err(status::not_leader(Some(leader)));
        }
        let (sender, receiver) = mpsc::channel(64);
        let (said, hear) = mpsc::unbounded_channel();
        let _ = self.links.send((sender, hear));
        let mut messages = request.into_inner();
        tokio::spawn(async move {
            while let Ok(Some(message)) = messages.message().await {
                let _ = said.send(message);
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn data(&self, request: Request<Streaming<AgentData>>) -> Result<Response<Self::DataStream>, Status> {
        let (sender, receiver) = mpsc::channel(1);
        let mut chunks = request.into_inner();
        let data = self.data.clone();
        tokio::spawn(async move {
            while let Ok(Some(chunk)) = chunks.message().await {
                let _ = data.send(chunk);
            }
            drop(sender);
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}

/// A master that says what the test wants.
pub(crate) struct Master {
    pub(crate) address: String,
    links: mpsc::UnboundedReceiver<(ToAgent, mpsc::UnboundedReceiver<AgentMessage>)>,
    data: mpsc::UnboundedReceiver<AgentData>,
    stop: CancellationToken,
}

/// A link that an agent opened.
pub(crate) struct Link {
    to_agent: ToAgent,
    said: mpsc::UnboundedReceiver<AgentMessage>,
}

impl Master {
    pub(crate) async fn start() -> Self {
        Self::start_as(None).await
    }

    /// A master that does not lead.
    pub(crate) async fn standby(leader: &str) -> Self {
        Self::start_as(Some(leader.to_owned())).await
    }

    async fn start_as(leader: Option<String>) -> Self {
        let (listener, address) = kit::listen::tcp(([127, 0, 0, 1], 0).into(), false).await.unwrap();
        let ((links, opened), (data, chunks)) = (mpsc::unbounded_channel(), mpsc::unbounded_channel());
        let service = AgentServiceServer::new(Service { links, data, leader });
        let router = tonic::service::Routes::new(service).prepare().into_axum_router();
        let stop = CancellationToken::new();
        tokio::spawn(kit::serve::serve(listener, router, stop.clone()));
        Self { address: address.to_string(), links: opened, data: chunks, stop }
    }

    /// The next link and what the agent registered with.
    pub(crate) async fn link(&mut self) -> (Link, Register) {
        let (to_agent, said) = within("a link", self.links.recv()).await.unwrap();
        let mut link = Link { to_agent, said };
        let agent_message::Message::Register(register) = link.hear().await else { panic!("it did not register first") };
        (link, register)
    }

    /// The next link, admitted in an epoch.
    pub(crate) async fn admit(&mut self, epoch: u64) -> (Link, Register) {
        let (link, register) = self.link().await;
        link.say(
            epoch,
            master_message::Message::Registered(Registered {
                agent_id: "agent-1".to_owned(),
                cluster_id: "cluster-1".to_owned(),
                ping_interval_ms: 5000,
                ping_misses: 6,
                reconnect_within_ms: 0,
            }),
        )
        .await;
        (link, register)
    }

    /// Whether an agent has opened a link that nobody looked at.
    pub(crate) fn has_link(&mut self) -> bool {
        self.links.try_recv().is_ok()
    }

    pub(crate) async fn data(&mut self) -> Data {
        within("data", self.data.recv()).await.unwrap().data.unwrap()
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Link {
    pub(crate) async fn say(&self, epoch: u64, message: master_message::Message) {
        self.to_agent.send(Ok(MasterMessage { epoch, message: Some(message) })).await.unwrap();
    }

    pub(crate) async fn hear(&mut self) -> agent_message::Message {
        within("a message of the agent", self.said.recv()).await.unwrap().message.unwrap()
    }

    /// The agent ends the link.
    pub(crate) async fn ends(&mut self) {
        within("the end of the link", self.to_agent.closed()).await;
    }

    /// The next updates, as `task#sequence state`.
    pub(crate) async fn updates(&mut self) -> Vec<String> {
        let agent_message::Message::Updates(updates) = self.hear().await else { panic!("these are no updates") };
        let statuses = updates.updates.into_iter().filter_map(|update| update.status);
        statuses
            .map(|status| format!("{}#{} {}", status.task_id, status.sequence, status.state().as_str_name()))
            .collect()
    }
}

/// An executor that says what the test wants. Its process is a shell that notes its environment and sleeps.
pub(crate) struct Executor {
    pub(crate) calls: mpsc::Sender<ExecutorCall>,
    events: Streaming<ExecutorEvent>,
}

/// What stands in for the built-in executor.
pub(crate) fn program() -> Vec<String> {
    let script = "env > environment.draft; mv environment.draft environment; exec sleep 1000";
    ["/bin/sh", "-c", script].map(str::to_owned).to_vec()
}

impl Executor {
    /// Waits until the agent has started the executor anew, that is with another token than `before`.
    pub(crate) async fn environment(directory: &Path, before: Option<&str>) -> BTreeMap<String, String> {
        let file = directory.join("run/f/built-in/environment");
        within("the start of the executor", async {
            let mut look = tokio::time::interval(Duration::from_millis(10));
            loop {
                look.tick().await;
                let text = std::fs::read_to_string(&file).unwrap_or_default();
                let lines = text.lines().filter_map(|line| line.split_once('='));
                let found: BTreeMap<_, _> = lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
                if found.get("PROFFER_EXECUTOR_TOKEN").is_some_and(|token| Some(&**token) != before) {
                    return found;
                }
            }
        })
        .await
    }

    /// Connects as the executor with this environment.
    pub(crate) async fn attach(environment: &BTreeMap<String, String>, has: &[&str]) -> Self {
        let socket = PathBuf::from(&environment["PROFFER_AGENT_SOCKET"]);
        let channel = within("the socket", async {
            let mut look = tokio::time::interval(Duration::from_millis(10));
            loop {
                look.tick().await;
                if let Ok(channel) = kit::channel::unix(socket.clone()).await {
                    return channel;
                }
            }
        })
        .await;
        let (calls, receiver) = mpsc::channel(64);
        let subscribe = proffer_proto::v1::ExecutorSubscribe {
            framework_id: environment["PROFFER_FRAMEWORK_ID"].clone(),
            executor_id: environment["PROFFER_EXECUTOR_ID"].clone(),
            token: environment["PROFFER_EXECUTOR_TOKEN"].clone(),
            task_ids: has.iter().map(|task| (*task).to_owned()).collect(),
            unacknowledged: Vec::new(),
            pid: 1,
        };
        calls.send(ExecutorCall { call: Some(executor_call::Call::Subscribe(subscribe)) }).await.unwrap();
        let mut client = ExecutorServiceClient::new(channel);
        let events = client.attach(ReceiverStream::new(receiver)).await.unwrap().into_inner();
        Self { calls, events }
    }

    pub(crate) async fn hear(&mut self) -> Result<executor_event::Event, Status> {
        Ok(within("an event", self.events.message()).await?.expect("the stream goes on").event.unwrap())
    }

    pub(crate) async fn report(&self, number: u64, task: &str, state: proffer_proto::v1::TaskState) {
        let status = proffer_proto::v1::TaskStatus {
            task_id: task.to_owned(),
            state: state.into(),
            timestamp_ms: 5,
            ..Default::default()
        };
        let update = proffer_proto::v1::ExecutorUpdate { number, status: Some(status) };
        let updates = proffer_proto::v1::ExecutorUpdates { updates: vec![update] };
        self.calls.send(ExecutorCall { call: Some(executor_call::Call::Updates(updates)) }).await.unwrap();
    }
}

/// The options of an agent on a free port with 4 cpus.
pub(crate) fn options(directory: &Path, masters: &[&str]) -> Options {
    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }
    let mut options = Line::parse_from(["agent", "--listen", "127.0.0.1:0", "--resources", "cpus:4;mem:1024"]).options;
    options.dir = directory.to_owned();
    options.masters = coordination::Masters::Listed(masters.iter().map(|master| (*master).to_owned()).collect());
    // A machine whose disk is nearly full removes sandboxes early.
    options.gc_disk_headroom = 0.0;
    options.hostname = Some("host-1".to_owned());
    options.executor_program = program();
    options
}

/// The process ids of executors to end when the test does.
#[derive(Default, Clone)]
pub(crate) struct Strays(Arc<Mutex<Vec<PathBuf>>>);

impl Strays {
    pub(crate) fn of(directory: &Path) -> Self {
        Self(Arc::new(Mutex::new(vec![directory.join("run")])))
    }
}

impl Drop for Strays {
    fn drop(&mut self) {
        for run in self.0.lock().unwrap().iter() {
            for pid in pids(run) {
                let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL);
            }
        }
    }
}

/// The processes of executors noted under a directory.
pub(crate) fn pids(run: &Path) -> Vec<i32> {
    let mut pids = Vec::new();
    for framework in std::fs::read_dir(run).into_iter().flatten().flatten() {
        for executor in std::fs::read_dir(framework.path()).into_iter().flatten().flatten() {
            let text = std::fs::read_to_string(executor.path().join("process")).unwrap_or_default();
            pids.extend(text.split_whitespace().next().and_then(|pid| pid.parse::<i32>().ok()));
        }
    }
    pids
}

/// A launch of tasks with one cpu each, by the built-in executor.
pub(crate) fn launch(tasks: &[&str]) -> master_message::Message {
    launch_on(None, tasks)
}

/// The same by a custom executor that this line of shell starts.
pub(crate) fn launch_custom(line: &str, tasks: &[&str]) -> master_message::Message {
    launch_command(Command { value: line.to_owned(), shell: true, ..Command::default() }, tasks)
}

/// The same where something is fetched first.
pub(crate) fn launch_fetched(line: &str, uri: &str, tasks: &[&str]) -> master_message::Message {
    let uris = vec![Uri { value: uri.to_owned(), ..Uri::default() }];
    launch_command(Command { value: line.to_owned(), shell: true, uris, ..Command::default() }, tasks)
}

fn launch_command(command: Command, tasks: &[&str]) -> master_message::Message {
    launch_on(Some(ExecutorInfo { id: "mine".to_owned(), command: Some(command), ..ExecutorInfo::default() }), tasks)
}

fn launch_on(executor: Option<ExecutorInfo>, tasks: &[&str]) -> master_message::Message {
    let task = |name: &&str| TaskInfo {
        id: (*name).to_owned(),
        name: (*name).to_owned(),
        resources: proffer_proto::convert::resources_to_wire(&"cpus:1".parse().unwrap()),
        command: Some(Command { value: "true".to_owned(), shell: true, ..Command::default() }),
        ..TaskInfo::default()
    };
    master_message::Message::Launch(proffer_proto::v1::AgentLaunch {
        framework_id: "f".to_owned(),
        user: String::new(),
        role: "*".to_owned(),
        launch: Some(proffer_proto::v1::Launch { executor, tasks: tasks.iter().map(task).collect() }),
        group: false,
    })
}

/// Waits for what must happen.
pub(crate) async fn within<T>(what: &str, happens: impl Future<Output = T>) -> T {
    match tokio::time::timeout(LIMIT, happens).await {
        Ok(value) => value,
        Err(_) => panic!("{what} did not come within {LIMIT:?}"),
    }
}

/// Asks the agent's HTTP for a path; the status and the body.
pub(crate) async fn get(running: &Running, path: &str) -> (u16, String) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(running.address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    within("an answer", stream.read_to_string(&mut text)).await.unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}
