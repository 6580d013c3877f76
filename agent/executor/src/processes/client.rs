//! The executor's end of its launcher.

use crate::{
    driver::Event,
    isolation::Choice,
    launcher::{Frames, Recorded, SOCKET, read_records},
    processes::adoption,
};
use executor_core::{Exit, Input};
use proffer_proto::storage::v1::{
    LauncherEnd, LauncherRecord, LauncherRequest, ProcessExited, ProcessForgotten, ProcessSignal, ProcessSpec,
    launcher_record::Record, launcher_request::Request,
};
use proto_types::{TaskId, status::ContainerStatus};
use std::{
    collections::BTreeMap,
    path::Path,
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
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

/// Tries to reach a launcher that was just started, and the pause between them.
const TRIES: u32 = 500;
const PAUSE: Duration = Duration::from_millis(10);

/// What is known of processes whose launcher is gone, by task.
pub(crate) type Orphans = Arc<Mutex<BTreeMap<String, Recorded>>>;

/// The executor's end of its launcher.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    requests: mpsc::Sender<Request>,
    pub(super) orphans: Orphans,
    found: watch::Receiver<Option<bool>>,
}

impl Client {
    /// Finds the launcher of an earlier executor, or starts one when the first task needs it.
    pub(crate) fn new(isolation: Choice, events: mpsc::Sender<Event>) -> Self {
        let (requests, queue) = mpsc::channel(REQUESTS_MAX);
        let orphans = Orphans::default();
        let (find, found) = watch::channel(None);
        tokio::spawn(keep(isolation, queue, events, Arc::clone(&orphans), find));
        Self { requests, orphans, found }
    }

    /// Whether an earlier executor's launcher was found alive.
    pub(super) async fn found_alive(&self) -> bool {
        let mut found = self.found.clone();
        found.wait_for(Option::is_some).await.is_ok_and(|found| *found == Some(true))
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

/// Keeps a launcher at hand and passes on requests and records.
async fn keep(
    isolation: Choice,
    mut requests: mpsc::Receiver<Request>,
    events: mpsc::Sender<Event>,
    orphans: Orphans,
    find: watch::Sender<Option<bool>>,
) {
    let mut earlier = UnixStream::connect(SOCKET).await.ok();
    if earlier.is_none() {
        *orphans.lock().unwrap_or_else(PoisonError::into_inner) = read_records(Path::new("."));
    }
    let _ = find.send(Some(earlier.is_some()));
    while let Some(request) = next(&mut requests, earlier.is_some()).await {
        let ends = matches!(request, Some(Request::End(_)));
        let stream = match earlier.take() {
            Some(stream) => stream,
            None if ends => return,
            None => match begin(isolation).await {
                Ok(stream) => stream,
                Err(error) => {
                    fail(request, &error, &events).await;
                    continue;
                }
            },
        };
        let (reader, writer) = stream.into_split();
        let mut reading = tokio::spawn(read(reader, events.clone()));
        let ended = write(writer, request, &mut requests, &mut reading).await;
        if ended {
            return;
        }
        adopt_orphans(&events, &orphans).await;
    }
}

/// The next request; at once without one if there is a launcher to listen to.
async fn next(requests: &mut mpsc::Receiver<Request>, connected: bool) -> Option<Option<Request>> {
    if connected { Some(None) } else { requests.recv().await.map(Some) }
}

async fn begin(isolation: Choice) -> Result<UnixStream, String> {
    let program = std::env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?;
    let mut command = std::process::Command::new(program);
    command
        .args(["launcher", "--directory", ".", "--isolation", &isolation.to_string()])
        .stdin(Stdio::null())
        .env_clear();
    // SAFETY: setsid is async-signal-safe and touches nothing but the new process.
    #[expect(unsafe_code, reason = "a session of its own has no safe form")]
    unsafe {
        use std::os::unix::process::CommandExt;
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

async fn fail(request: Option<Request>, error: &str, events: &mpsc::Sender<Event>) {
    tracing::error!(error, "no launcher");
    if let Some(Request::Start(spec)) = request {
        report(events, &spec.task_id, |task| Input::StartFailed { task, message: error.to_owned() }).await;
    }
}

/// Writes requests until the launcher is gone (false) or told to end (true). Reading ends when the launcher does.
async fn write(
    mut writer: OwnedWriteHalf,
    first: Option<Request>,
    requests: &mut mpsc::Receiver<Request>,
    reading: &mut JoinHandle<()>,
) -> bool {
    let mut batch: Vec<Request> = first.into_iter().collect();
    loop {
        let mut bytes = Vec::new();
        let mut ends = false;
        for request in batch.drain(..) {
            ends |= matches!(request, Request::End(_));
            Frames::write(&LauncherRequest { request: Some(request) }, &mut bytes);
        }
        if writer.write_all(&bytes).await.is_err() {
            return false;
        }
        if ends {
            return true;
        }
        tokio::select! {
            count = requests.recv_many(&mut batch, 256) => {
                if count == 0 {
                    return true;
                }
            }
            _ = &mut *reading => return false,
        }
    }
}

async fn read(mut reader: OwnedReadHalf, events: mpsc::Sender<Event>) {
    let mut frames = Frames::default();
    let mut bytes = vec![0_u8; 65536];
    while let Ok(count @ 1..) = reader.read(&mut bytes).await {
        frames.push(&bytes[..count]);
        while let Ok(Some(LauncherRecord { record: Some(record) })) = frames.next() {
            on_record(record, &events).await;
        }
    }
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

/// The launcher is gone: its processes run on, but nobody will ever see how they end.
async fn adopt_orphans(events: &mpsc::Sender<Event>, orphans: &Orphans) {
    let records = read_records(Path::new("."));
    tracing::warn!(tasks = records.len(), "the launcher is gone; its tasks run on");
    for (task, recorded) in &records {
        match recorded {
            Recorded::Started { pid, start_ticks } => {
                if let Ok(task) = TaskId::new(task) {
                    adoption::watch(task, *pid, *start_ticks, events.clone());
                }
            }
            Recorded::Exited(exited) => {
                let exit = exit(exited);
                report(events, task, |task| Input::Exited { task, exit }).await;
            }
            Recorded::Failed { message } => {
                let message = message.clone();
                report(events, task, |task| Input::StartFailed { task, message }).await;
            }
        }
    }
    orphans.lock().unwrap_or_else(PoisonError::into_inner).extend(records);
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
        (None, None) => Exit::Unknown("nobody saw how it ended".to_owned()),
    }
}
