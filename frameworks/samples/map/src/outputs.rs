//! Fetching what tasks wrote.

use proffer_framework::{
    Handle, MasterAddress,
    operator::{FileWanted, Operator, OperatorError},
};
use std::{
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};
use tokio::{
    sync::{Semaphore, mpsc},
    time::sleep,
};

/// Outputs fetched at once. Each is two streams through the master; more would only share the same bandwidth.
const FETCHES_MAX: usize = 16;
/// The longest output that is gathered of one task, in bytes.
const OUTPUT_BYTES_MAX: usize = 256 << 20;

/// How long it is tried while the agent or the master is away, and how often.
const PATIENCE: Duration = Duration::from_secs(60);
const RETRY: Duration = Duration::from_millis(200);

/// What a task wrote.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

/// News for the scheduler from tasks beside it.
#[derive(Debug)]
pub(crate) enum News<T> {
    /// A task's output, or why it could not be had.
    Output(T, Result<Output, String>),
    /// Why no offer fits.
    Stalled(proffer_framework::Explanation),
}

/// Fetches outputs beside the scheduler and wakes it when they are there.
#[derive(Debug)]
pub(crate) struct Outputs<T> {
    operator: Operator,
    room: Arc<Semaphore>,
    news: mpsc::Sender<News<T>>,
    handle: Arc<OnceLock<Handle>>,
}

/// Where the scheduler is woken, which is known only after it is built.
#[derive(Debug, Clone)]
pub(crate) struct Waker(Arc<OnceLock<Handle>>);

impl Waker {
    pub(crate) fn wake(&mut self, handle: Handle) {
        let _ = self.0.set(handle);
    }
}

impl<T: Send + 'static> Outputs<T> {
    pub(crate) fn new(masters: Vec<MasterAddress>) -> (Self, Waker, mpsc::Receiver<News<T>>) {
        let (news, received) = mpsc::channel(FETCHES_MAX);
        let handle = Arc::new(OnceLock::new());
        let room = Arc::new(Semaphore::new(FETCHES_MAX));
        let operator = Operator::of(masters);
        (Self { operator, room, news, handle: Arc::clone(&handle) }, Waker(handle), received)
    }

    /// Fetches what a task wrote.
    pub(crate) fn fetch(&self, what: T, framework: String, task: String, agent: String) {
        let (mut operator, room) = (self.operator.clone(), Arc::clone(&self.room));
        let (news, handle) = (self.news.clone(), Arc::clone(&self.handle));
        tokio::spawn(async move {
            let Ok(_place) = room.acquire().await else { return };
            let output = read_both(&mut operator, framework, task, agent).await;
            tell(&news, &handle, News::Output(what, output)).await;
        });
    }

    /// Hands on an explanation.
    pub(crate) fn stalled(&self, asked: impl Future<Output = Option<proffer_framework::Explanation>> + Send + 'static) {
        let (news, handle) = (self.news.clone(), Arc::clone(&self.handle));
        tokio::spawn(async move {
            if let Some(explanation) = asked.await {
                tell(&news, &handle, News::Stalled(explanation)).await;
            }
        });
    }
}

async fn tell<T>(news: &mpsc::Sender<News<T>>, handle: &OnceLock<Handle>, what: News<T>) {
    if news.send(what).await.is_ok()
        && let Some(handle) = handle.get()
    {
        handle.wake();
    }
}

async fn read_both(operator: &mut Operator, framework: String, task: String, agent: String) -> Result<Output, String> {
    let wanted = |path: &str| FileWanted {
        framework: framework.clone(),
        task: task.clone(),
        agent: agent.clone(),
        path: path.to_owned(),
        offset: 0,
    };
    let stdout = read(operator, &wanted("stdout")).await?;
    let stderr = read(operator, &wanted("stderr")).await?;
    Ok(Output { stdout, stderr })
}

/// Reads a file, again and again while the agent or the master may come back.
async fn read(operator: &mut Operator, wanted: &FileWanted) -> Result<Vec<u8>, String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match read_once(operator, wanted).await {
            Err(error) if error.is_passing() && Instant::now() < deadline => sleep(RETRY).await,
            Ok(content) if content.len() > OUTPUT_BYTES_MAX => {
                return Err(format!("{}: more than {OUTPUT_BYTES_MAX} bytes", wanted.path));
            }
            Ok(content) => return Ok(content),
            Err(error) => return Err(format!("{}: {error}", wanted.path)),
        }
    }
}

/// Reads a file, up to a little more than may be gathered.
async fn read_once(operator: &mut Operator, wanted: &FileWanted) -> Result<Vec<u8>, OperatorError> {
    let mut file = operator.read_file(wanted).await?;
    let mut content = Vec::new();
    while let Some(chunk) = file.next().await? {
        content.extend_from_slice(&chunk.bytes);
        if content.len() > OUTPUT_BYTES_MAX {
            break;
        }
    }
    Ok(content)
}
