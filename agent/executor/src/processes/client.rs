//! The executor's end of its launcher.

use super::adoption::{Reading, kill_strays};
use crate::{
    driver::Event,
    isolation::Choice,
    launcher::{Frames, SOCKET, read_records},
};
use executor_core::{Exit, Input};
use proffer_proto::storage::v1::{
    LauncherEnd, LauncherRecord, LauncherRequest, ProcessExited, ProcessFailed, ProcessForgotten, ProcessSignal,
    ProcessSpec, ProcessStarted, launcher_record::Record, launcher_request::Request,
};
use proto_types::{TaskId, status::ContainerStatus};
use std::{
    collections::BTreeMap,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{mpsc, watch},
    task::JoinHandle,
};

/// Requests that may wait for the launcher.
const REQUESTS_MAX: usize = 4096;

/// Requests written together.
const BATCH_MAX: usize = 256;

/// Tries to reach a launcher that was just started, and the pause between them.
const TRIES: u32 = 500;
const PAUSE: Duration = Duration::from_millis(10);

/// Between tries to start a launcher that is needed for tasks that run.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// This very program, also after an upgrade has put another one in its place.
const OWN_PROGRAM: &str = "/proc/self/exe";

/// Starts that were asked for and have no answer yet: the sandbox by task.
type Unanswered = Arc<Mutex<BTreeMap<String, PathBuf>>>;

/// The executor's end of its launcher.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    requests: mpsc::Sender<Request>,
    pub(super) reading: Arc<Reading>,
    settled: watch::Receiver<bool>,
}

/// What keeps a launcher at hand.
struct Keeper {
    isolation: Choice,
    requests: mpsc::Receiver<Request>,
    events: mpsc::Sender<Event>,
    unanswered: Unanswered,
}

/// How a connection came to its end.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// The launcher was told to end.
    Told,
    /// The launcher is gone, or has given the connection up.
    Lost,
}

impl Client {
    /// Finds the launcher of an earlier executor, or starts one when the first task needs it.
    pub(crate) fn new(isolation: Choice, events: mpsc::Sender<Event>) -> Self {
        let (sender, requests) = mpsc::channel(REQUESTS_MAX);
        let (settle, settled) = watch::channel(false);
        let keeper = Keeper { isolation, requests, events, unanswered: Unanswered::default() };
        tokio::spawn(keeper.keep(settle));
        Self { requests: sender, reading: Arc::default(), settled }
    }

    /// Returns when a launcher looks after the tasks of an earlier executor, if there are any: from then on its file says
    /// what became of each, and whatever comes later is told.
    pub(super) async fn settled(&self) {
        let mut settled = self.settled.clone();
        let _ = settled.wait_for(|settled| *settled).await;
    }

    pub(crate) async fn start(&self, spec: ProcessSpec) {
        let _ = self.requests.send(Request::Start(spec)).await;
    }

    pub(crate) async fn signal(&self, task: &TaskId, signal: i32) {
        let _ = self.requests.send(Request::Signal(ProcessSignal { task_id: task.to_string(), signal })).await;
    }

    pub(crate) async fn forget(&self, task: &TaskId) {
        let _ = self.requests.send(Request::Forget(ProcessForgotten { task_id: task.to_string() })).await;
    }

    pub(crate) async fn end(&self) {
        let _ = self.requests.send(Request::End(LauncherEnd {})).await;
        // It has taken the request when the queue is gone.
        let _ = tokio::time::timeout(Duration::from_secs(1), self.requests.closed()).await;
    }
}

impl Keeper {
    /// Keeps a launcher at hand and passes on requests and records.
    async fn keep(mut self, settle: watch::Sender<bool>) {
        let mut found = self.find().await;
        let _ = settle.send(true);
        loop {
            let (stream, first) = match found.take() {
                Some(stream) => (stream, None),
                None => match self.begin_for_next().await {
                    Some((stream, request)) => (stream, Some(request)),
                    None => return,
                },
            };
            if self.serve(stream, first).await == End::Told {
                return;
            }
            tracing::warn!("the launcher is gone; its tasks run on");
            found = self.find().await;
            self.give_up_unanswered().await;
        }
    }

    /// The launcher that runs, or one for the tasks that one left; none if nothing needs one.
    async fn find(&mut self) -> Option<UnixStream> {
        loop {
            if let Ok(stream) = UnixStream::connect(SOCKET).await {
                return Some(stream);
            }
            if read_records(Path::new(".")).tasks.is_empty() {
                return None;
            }
            match begin(self.isolation).await {
                Ok(stream) => return Some(stream),
                Err(error) => {
                    tracing::error!(error, "no launcher looks after the tasks that run");
                    tokio::select! {
                        request = self.requests.recv() => self.fail(request?, &error).await,
                        () = tokio::time::sleep(RETRY_PAUSE) => {}
                    }
                }
            }
        }
    }

    /// Starts a launcher when a request comes; none: nobody will ask any more.
    async fn begin_for_next(&mut self) -> Option<(UnixStream, Request)> {
        loop {
            let request = self.requests.recv().await?;
            match request {
                Request::End(_) => return None,
                // There is nothing to be signalled or forgotten without a launcher.
                Request::Signal(_) | Request::Forget(_) => continue,
                Request::Start(_) => {}
            }
            match begin(self.isolation).await {
                Ok(stream) => return Some((stream, request)),
                Err(error) => self.fail(request, &error).await,
            }
        }
    }

    async fn fail(&self, request: Request, error: &str) {
        if let Request::Start(spec) = request {
            let message = error.to_owned();
            report(&self.events, &spec.task_id, |task| Input::StartFailed { task, message }).await;
        }
    }

    /// Passes on requests and records until the connection ends.
    async fn serve(&mut self, stream: UnixStream, first: Option<Request>) -> End {
        let (reader, writer) = stream.into_split();
        let mut reading = tokio::spawn(read(reader, self.events.clone(), Arc::clone(&self.unanswered)));
        let end = self.write(writer, first, &mut reading).await;
        if end == End::Lost && !reading.is_finished() {
            let _ = reading.await;
        }
        end
    }

    async fn write(&mut self, mut writer: OwnedWriteHalf, first: Option<Request>, reading: &mut JoinHandle<()>) -> End {
        let mut batch: Vec<Request> = first.into_iter().collect();
        loop {
            let mut bytes = Vec::new();
            let mut ends = false;
            for request in batch.drain(..) {
                if let Request::Start(spec) = &request {
                    lock(&self.unanswered).insert(spec.task_id.clone(), PathBuf::from(&spec.sandbox));
                }
                ends |= matches!(request, Request::End(_));
                Frames::write(&LauncherRequest { request: Some(request) }, &mut bytes);
            }
            if writer.write_all(&bytes).await.is_err() {
                return End::Lost;
            }
            if ends {
                return End::Told;
            }
            tokio::select! {
                count = self.requests.recv_many(&mut batch, BATCH_MAX) => {
                    if count == 0 {
                        return End::Told;
                    }
                }
                _ = &mut *reading => return End::Lost,
            }
        }
    }

    /// Starts that the launcher took with it: of those that were written down, its successor tells.
    async fn give_up_unanswered(&self) {
        let unanswered = std::mem::take(&mut *lock(&self.unanswered));
        if unanswered.is_empty() {
            return;
        }
        let recorded = read_records(Path::new(".")).tasks;
        for (task, sandbox) in unanswered.into_iter().filter(|(task, _)| !recorded.contains_key(task)) {
            kill_strays(&sandbox);
            let message = "its launcher ended before it was known to be started".to_owned();
            report(&self.events, &task, |task| Input::StartFailed { task, message }).await;
        }
    }
}

async fn begin(isolation: Choice) -> Result<UnixStream, String> {
    let mut command = std::process::Command::new(OWN_PROGRAM);
    command
        .arg0(std::env::args_os().next().unwrap_or_default())
        .args(["launcher", "--directory", ".", "--isolation", &isolation.to_string()])
        .stdin(Stdio::null())
        .env_clear();
    // SAFETY: setsid is async-signal-safe and touches nothing but the new process.
    #[expect(unsafe_code, reason = "a session of its own has no safe form")]
    unsafe {
        command.pre_exec(|| nix::unistd::setsid().map(drop).map_err(std::io::Error::from));
    }
    let mut child = command.spawn().map_err(|error| format!("cannot start the launcher: {error}"))?;
    for _ in 0..TRIES {
        if let Ok(stream) = UnixStream::connect(SOCKET).await {
            // Nobody waits for it but the kernel's table; it is collected when it ends.
            std::thread::spawn(move || drop(child.wait()));
            return Ok(stream);
        }
        if let Ok(Some(status)) = child.try_wait() {
            return Err(format!("the launcher ended at once: {status}; its words are in the executor's stderr"));
        }
        tokio::time::sleep(PAUSE).await;
    }
    let _ = child.kill();
    let _ = child.wait();
    Err("the launcher does not answer".to_owned())
}

async fn read(mut reader: OwnedReadHalf, events: mpsc::Sender<Event>, unanswered: Unanswered) {
    let mut frames = Frames::default();
    let mut bytes = vec![0_u8; 65536];
    while let Ok(count @ 1..) = reader.read(&mut bytes).await {
        frames.push(&bytes[..count]);
        while let Ok(Some(LauncherRecord { record: Some(record) })) = frames.next() {
            if let Record::Started(ProcessStarted { task_id, .. }) | Record::Failed(ProcessFailed { task_id, .. }) =
                &record
            {
                lock(&unanswered).remove(task_id);
            }
            on_record(record, &events).await;
        }
    }
}

fn lock(unanswered: &Unanswered) -> MutexGuard<'_, BTreeMap<String, PathBuf>> {
    unanswered.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn on_record(record: Record, events: &mpsc::Sender<Event>) {
    match record {
        Record::Started(started) => {
            let container = container(started.pid);
            report(events, &started.task_id, |task| Input::Started { task, container }).await;
        }
        Record::Failed(failed) => {
            let message = failed.message;
            report(events, &failed.task_id, |task| Input::StartFailed { task, message }).await;
        }
        Record::Exited(exited) => {
            let exit = exit(&exited);
            report(events, &exited.task_id, |task| Input::Exited { task, exit }).await;
        }
        Record::Begun(_) | Record::Forgotten(_) => {}
    }
}

async fn report(events: &mpsc::Sender<Event>, task: &str, input: impl FnOnce(TaskId) -> Input) {
    if let Ok(task) = TaskId::new(task) {
        let _ = events.send(Event::Input(input(task))).await;
    }
}

pub(super) fn container(pid: i32) -> ContainerStatus {
    ContainerStatus { pid: u32::try_from(pid).unwrap_or(0), ..ContainerStatus::default() }
}

pub(super) fn exit(exited: &ProcessExited) -> Exit {
    if !exited.out_of_memory.is_empty() {
        return Exit::OutOfMemory(exited.out_of_memory.clone());
    }
    match (exited.code, exited.signal) {
        (Some(code), _) => Exit::Code(code),
        (None, Some(signal)) => Exit::Signal(signal),
        (None, None) => Exit::Unknown("exit code unknown: it ended while nobody could wait for it".to_owned()),
    }
}
