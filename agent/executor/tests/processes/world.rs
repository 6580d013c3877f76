//! An agent that starts a real executor and listens to it.

use agent_executor::{isolation::Choice, layout::Layout};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use proffer_proto::v1::{
    ExecutorCall, ExecutorEvent, ExecutorLaunch, executor_event,
    executor_service_server::{ExecutorService, ExecutorServiceServer},
};
use proto_types::{
    AgentId, ExecutorId, FrameworkId, TaskId, TaskInfo, TaskState, TaskStatus,
    executing::{FromExecutor, NumberedStatus, TaskLaunch, ToExecutor},
    task::Command,
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

/// Long enough for anything on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between looks at what nobody tells of.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);

type Events = mpsc::Sender<Result<ExecutorEvent, Status>>;

/// The agent's end of conversations.
#[derive(Clone)]
struct Service {
    calls: mpsc::Sender<FromExecutor>,
    events: Arc<Mutex<Option<Events>>>,
}

#[tonic::async_trait]
impl ExecutorService for Service {
    type AttachStream = ReceiverStream<Result<ExecutorEvent, Status>>;

    async fn attach(&self, request: Request<Streaming<ExecutorCall>>) -> Result<Response<Self::AttachStream>, Status> {
        let (events, outgoing) = mpsc::channel(64);
        *self.events.lock().unwrap() = Some(events);
        let (mut incoming, calls) = (request.into_inner(), self.calls.clone());
        tokio::spawn(async move {
            while let Ok(Some(call)) = incoming.message().await {
                if calls.send(FromExecutor::try_from(call).unwrap()).await.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(outgoing)))
    }
}

/// What the agent says, also what it should not.
pub(crate) struct Said(ExecutorEvent);

impl From<ToExecutor> for Said {
    fn from(message: ToExecutor) -> Self {
        Self(message.into())
    }
}

impl From<executor_event::Event> for Said {
    fn from(event: executor_event::Event) -> Self {
        Self(ExecutorEvent { event: Some(event) })
    }
}

/// An agent with one executor.
pub(crate) struct World {
    pub(crate) place: TempDir,
    layout: Layout,
    isolation: Choice,
    service: Service,
    calls: mpsc::Receiver<FromExecutor>,
    executor: Child,
    heard: Vec<TaskStatus>,
}

/// A task that the shell runs.
pub(crate) fn shell(name: &str, line: &str) -> TaskInfo {
    TaskInfo {
        id: TaskId::new(name).unwrap(),
        name: name.to_owned(),
        resources: "cpus:0.5;mem:64;ports:[31000-31001]".parse().unwrap(),
        command: Command { value: line.to_owned(), shell: true, ..Command::default() },
        container: None,
        health_check: None,
        kill_grace: Some(Duration::from_secs(60)),
        max_completion_time: None,
        labels: Default::default(),
        data: Vec::new(),
        discovery: None,
    }
}

/// A program without a shell.
pub(crate) fn program(name: &str, program: &str, arguments: &[&str]) -> TaskInfo {
    let mut task = shell(name, program);
    task.command.shell = false;
    task.command.arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
    task
}

impl World {
    /// An executor whose tasks are kept apart as well as this machine allows.
    pub(crate) async fn new() -> Self {
        Self::with_isolation(Choice::Auto).await
    }

    pub(crate) async fn with_isolation(isolation: Choice) -> Self {
        Self::with_program(isolation, &std::env::current_exe().unwrap()).await
    }

    /// An executor that is this program, wherever it lies.
    pub(crate) async fn with_program(isolation: Choice, program: &Path) -> Self {
        let place = tempfile::tempdir().unwrap();
        let layout = Layout::new(place.path());
        let (sender, calls) = mpsc::channel(64);
        let service = Service { calls: sender, events: Arc::default() };
        let listener = kit::listen::unix(&layout.socket()).unwrap();
        let routes = tonic::service::Routes::new(ExecutorServiceServer::new(service.clone()));
        let stop = kit::shutdown::CancellationToken::new();
        tokio::spawn(kit::serve::serve(listener, routes.prepare().into_axum_router(), stop));
        let executor = start(program, &layout, isolation);
        let mut world = Self { place, layout, isolation, service, calls, executor, heard: Vec::new() };
        world.welcome().await;
        world
    }

    async fn welcome(&mut self) {
        let agent = AgentId::new("agent").unwrap();
        let kill_grace = Duration::from_secs(60);
        let FromExecutor::Subscribe(subscription) = self.next().await else { panic!("it says first who it is") };
        self.tell(ToExecutor::Subscribed { agent, hostname: "host".to_owned(), kill_grace }).await;
        self.hear(subscription.unacknowledged).await;
    }

    /// Ends the executor as a crash would.
    pub(crate) fn kill_executor(&mut self) {
        self.executor.kill().unwrap();
        self.executor.wait().unwrap();
    }

    pub(crate) async fn start_executor(&mut self) {
        self.executor = start(&std::env::current_exe().unwrap(), &self.layout, self.isolation);
        self.welcome().await;
    }

    pub(crate) fn executor_pid(&self) -> i32 {
        i32::try_from(self.executor.id()).unwrap()
    }

    /// The executor's launcher.
    pub(crate) fn launcher_pid(&self) -> i32 {
        let mut children = children(self.executor_pid()).into_iter();
        children.find(|pid| command_line(*pid).contains("launcher")).expect("a launcher runs")
    }

    /// Goes away for good.
    pub(crate) fn leave(&self) {
        fs::remove_file(self.layout.socket()).unwrap();
        *self.service.events.lock().unwrap() = None;
    }

    /// Waits until the executor has ended by itself.
    pub(crate) async fn until_executor_ends(&mut self) {
        let executor = &mut self.executor;
        until("the executor ends", || executor.try_wait().unwrap().is_some()).await;
    }

    pub(crate) fn run_directory(&self) -> PathBuf {
        self.layout.run(&framework(), &ExecutorId::built_in())
    }

    pub(crate) fn sandbox(&self, task: &str) -> PathBuf {
        self.layout.sandbox(&framework(), &TaskId::new(task).unwrap())
    }

    /// What a file in the task's sandbox says.
    pub(crate) fn file(&self, task: &str, name: &str) -> String {
        fs::read_to_string(self.sandbox(task).join(name)).unwrap_or_default()
    }

    /// What a file in the task's sandbox says once it says something.
    pub(crate) async fn said(&self, task: &str, name: &str) -> String {
        until(name, || self.file(task, name).ends_with('\n')).await;
        self.file(task, name).trim().to_owned()
    }

    pub(crate) async fn launch(&mut self, task: TaskInfo) {
        self.launch_all(vec![task], false, false).await;
    }

    pub(crate) async fn launch_all(&mut self, tasks: Vec<TaskInfo>, group: bool, adopt: bool) {
        let tasks = tasks.into_iter().map(|task| TaskLaunch { adopt, ..self.new_launch(task) }).collect();
        self.tell(ToExecutor::Launch { tasks, group }).await;
    }

    /// A launch as it goes over the wire, to be spoilt.
    pub(crate) fn wire_launch(&self, tasks: Vec<TaskInfo>, group: bool) -> ExecutorLaunch {
        ExecutorLaunch { tasks: tasks.into_iter().map(|task| (&self.new_launch(task)).into()).collect(), group }
    }

    fn new_launch(&self, task: TaskInfo) -> TaskLaunch {
        TaskLaunch { sandbox: self.sandbox(task.id.as_str()), task: Arc::new(task), user: None, adopt: false }
    }

    pub(crate) async fn kill(&mut self, task: &str, grace: Duration) {
        self.tell(ToExecutor::Kill { tasks: vec![TaskId::new(task).unwrap()], grace: Some(grace) }).await;
    }

    /// Launches the task and gives its last report.
    pub(crate) async fn outcome(&mut self, task: TaskInfo) -> TaskStatus {
        let name = task.id.to_string();
        self.launch(task).await;
        self.end_of(&name).await
    }

    pub(crate) async fn running(&mut self, task: &str) -> TaskStatus {
        self.until_reported(task, |status| status.state == TaskState::Running).await
    }

    pub(crate) async fn end_of(&mut self, task: &str) -> TaskStatus {
        self.until_reported(task, |status| status.state.is_terminal()).await
    }

    pub(crate) async fn until_reported(&mut self, task: &str, wanted: impl Fn(&TaskStatus) -> bool) -> TaskStatus {
        let fits = |status: &&TaskStatus| status.task.as_str() == task && wanted(status);
        loop {
            if let Some(status) = self.heard.iter().rev().find(fits) {
                return status.clone();
            }
            match self.next().await {
                FromExecutor::Updates(updates) => self.hear(updates).await,
                other => panic!("an executor that is known does not say {other:?}"),
            }
        }
    }

    async fn hear(&mut self, updates: Vec<NumberedStatus>) {
        let numbers = updates.iter().map(|update| (update.status.task.clone(), update.number)).collect();
        self.heard.extend(updates.into_iter().map(|update| update.status));
        self.tell(ToExecutor::Acknowledged(numbers)).await;
    }

    /// Forgets what was heard, so that only news count.
    pub(crate) fn forget(&mut self) {
        self.heard.clear();
    }

    pub(crate) async fn tell(&self, message: impl Into<Said>) {
        let event = message.into().0;
        let events = self.service.events.lock().unwrap().clone().expect("the executor is there");
        events.send(Ok(event)).await.expect("the executor listens");
    }

    async fn next(&mut self) -> FromExecutor {
        let call = tokio::time::timeout(PATIENCE, self.calls.recv()).await;
        call.unwrap_or_else(|_| panic!("the executor is silent; so far {:#?}", self.heard)).unwrap()
    }

    /// Has the executor end everything and itself.
    pub(crate) async fn end(mut self) {
        self.tell(ToExecutor::Shutdown { grace: Some(Duration::ZERO) }).await;
        let end = Instant::now() + PATIENCE;
        while self.executor.try_wait().unwrap().is_none() {
            assert!(Instant::now() < end, "the executor does not end");
            if let Ok(Some(FromExecutor::Updates(updates))) =
                tokio::time::timeout(LOOK_INTERVAL, self.calls.recv()).await
            {
                self.hear_at_last(updates).await;
            }
        }
        // The launcher ends by itself, and removes its cgroups before.
        until("all that ran ends", || self.pids().is_empty()).await;
    }

    /// The executor, its launcher and its tasks.
    fn pids(&self) -> Vec<i32> {
        let lives_here = |pid: &i32| {
            let directory = fs::read_link(format!("/proc/{pid}/cwd")).unwrap_or_default();
            directory.starts_with(self.place.path())
        };
        pids().into_iter().filter(lives_here).collect()
    }

    async fn hear_at_last(&mut self, updates: Vec<NumberedStatus>) {
        let numbers = updates.iter().map(|update| (update.status.task.clone(), update.number)).collect();
        let events = self.service.events.lock().unwrap().clone();
        if let Some(events) = events {
            let _ = events.send(Ok(ToExecutor::Acknowledged(numbers).into())).await;
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // Only a test that failed leaves something.
        let _ = self.executor.kill();
        let _ = self.executor.wait();
        for pid in self.pids() {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

fn framework() -> FrameworkId {
    FrameworkId::new("framework").unwrap()
}

fn start(program: &Path, layout: &Layout, isolation: Choice) -> Child {
    let directory = layout.run(&framework(), &ExecutorId::built_in());
    fs::create_dir_all(&directory).unwrap();
    let output = || fs::File::options().create(true).append(true).open(directory.join("stderr")).unwrap();
    std::process::Command::new(program)
        .arg("executor")
        .env("PROFFER_AGENT_SOCKET", layout.socket())
        .env("PROFFER_FRAMEWORK_ID", framework().as_str())
        .env("PROFFER_EXECUTOR_ID", ExecutorId::built_in().as_str())
        .env("PROFFER_EXECUTOR_TOKEN", "token")
        .env("PROFFER_SANDBOX", &directory)
        .env(agent_executor::isolation::ISOLATION, isolation.to_string())
        .stdin(Stdio::null())
        .stdout(output())
        .stderr(output())
        .spawn()
        .unwrap()
}

/// Waits until something is so that nobody tells of.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "{what}: not within {} s", PATIENCE.as_secs());
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

/// Waits until a process is gone.
pub(crate) async fn until_gone(pid: i32) {
    until(&format!("process {pid} ends"), || !is_alive(pid)).await;
}

/// Whether a process is there and has not ended.
pub(crate) fn is_alive(pid: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("State:") && !line.contains('Z') && !line.contains('X'))
}

/// The homes of a launcher's cgroups.
pub(crate) fn cgroups_of(launcher: i32) -> Vec<PathBuf> {
    let prefix = format!("launcher-{launcher}-");
    let mut found = Vec::new();
    let mut unread = vec![PathBuf::from("/sys/fs/cgroup")];
    while let Some(directory) = unread.pop() {
        // What others make and remove meanwhile is not a launcher's.
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                continue;
            }
            match entry.file_name().to_string_lossy().starts_with(&prefix) {
                true => found.push(entry.path()),
                false => unread.push(entry.path()),
            }
        }
    }
    found
}

/// The children of a process.
pub(crate) fn children(parent: i32) -> Vec<i32> {
    pids().into_iter().filter(|pid| field(*pid, "PPid:") == Some(parent)).collect()
}

fn pids() -> Vec<i32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

fn field(pid: i32, name: &str) -> Option<i32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}

fn command_line(pid: i32) -> String {
    fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default()
}
