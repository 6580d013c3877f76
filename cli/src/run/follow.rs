//! Showing what a task writes while it writes it.

use proffer_framework::operator::{FileWanted, Operator, OperatorError};
use std::{
    io::{self, Write},
    time::{Duration, Instant},
};
use tokio::{sync::watch, time::sleep};

/// How long it takes until a file that is not there yet is looked for again.
const RETRY: Duration = Duration::from_millis(50);
/// How long it is tried after the task is over, while the agent or the master may come back, and while it may only be
/// that the file is not there yet.
const PATIENCE: Duration = Duration::from_secs(30);
const PATIENCE_MISSING: Duration = Duration::from_millis(500);

/// Where a line goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sink {
    Stdout,
    Stderr,
}

/// How far a task is.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Progress {
    /// It ran, or runs.
    pub(super) ran: bool,
    /// It is over.
    pub(super) over: bool,
}

/// Shows one file of one task, each byte once.
pub(super) struct Follower {
    pub(super) operator: Operator,
    pub(super) framework: String,
    pub(super) task: String,
    pub(super) sink: Sink,
    /// The agent that runs it.
    pub(super) agent: String,
    /// Stands before each line.
    pub(super) prefix: String,
    /// How far the task is.
    pub(super) progress: watch::Receiver<Progress>,
}

impl Follower {
    /// Shows everything until the task is over; what could not be read is said, unless it never ran.
    ///
    /// # Errors
    /// It cannot be shown: nobody reads any more, or there is no room.
    pub(super) async fn run(mut self) -> io::Result<()> {
        let mut lines = Lines { sink: self.sink, prefix: self.prefix.clone(), begun: false };
        let mut offset = 0;
        let mut over_since = None;
        loop {
            // What is written before the task is over is seen by whoever begins to read after.
            let Progress { ran, over } = *self.progress.borrow();
            let waited = if over { over_since.get_or_insert_with(Instant::now).elapsed() } else { Duration::ZERO };
            match self.read(over, &mut offset, &mut lines).await {
                Ok(()) if over => break,
                Ok(()) => {}
                Err(Trouble::Show(error)) => return Err(error),
                Err(Trouble::Read(error)) if waited > patience(&error) => {
                    if ran {
                        eprintln!("proffer: {}: {error}", self.task);
                    }
                    break;
                }
                Err(Trouble::Read(_)) => {}
            }
            tokio::select! {
                () = sleep(RETRY) => {}
                _ = self.progress.changed(), if !over => {}
            }
        }
        lines.end()
    }

    async fn read(&mut self, over: bool, offset: &mut u64, lines: &mut Lines) -> Result<(), Trouble> {
        let wanted = FileWanted {
            framework: self.framework.clone(),
            task: self.task.clone(),
            agent: self.agent.clone(),
            path: if self.sink == Sink::Stdout { "stdout" } else { "stderr" }.to_owned(),
            offset: i64::try_from(*offset).unwrap_or(i64::MAX),
        };
        let opened = match over {
            true => self.operator.read_file(&wanted).await,
            false => self.operator.follow_file(&wanted).await,
        };
        let mut file = opened?;
        while let Some(chunk) = file.next().await? {
            lines.write(&chunk.bytes)?;
            *offset = chunk.offset;
        }
        Ok(())
    }
}

/// Why a file is not shown.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    /// It cannot be read, now.
    #[error(transparent)]
    Read(#[from] OperatorError),
    /// It cannot be written where people see it, nor will it be.
    #[error(transparent)]
    Show(#[from] io::Error),
}

/// How long a file may be unreadable after its task is over.
fn patience(error: &OperatorError) -> Duration {
    if error.is_passing() { PATIENCE } else { PATIENCE_MISSING }
}

/// Bytes as lines with a prefix; without one they pass as they are.
struct Lines {
    sink: Sink,
    prefix: String,
    /// Whether a line has begun and not ended.
    begun: bool,
}

impl Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let mut text = Vec::with_capacity(bytes.len() + self.prefix.len());
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            if !self.begun {
                text.extend_from_slice(self.prefix.as_bytes());
            }
            text.extend_from_slice(line);
            self.begun = !line.ends_with(b"\n");
        }
        self.emit(&text)
    }

    /// Ends a line that the task did not end, where another task's may follow.
    fn end(&mut self) -> io::Result<()> {
        if self.begun && !self.prefix.is_empty() { self.emit(b"\n") } else { Ok(()) }
    }

    fn emit(&self, text: &[u8]) -> io::Result<()> {
        match self.sink {
            Sink::Stdout => {
                let mut out = io::stdout().lock();
                out.write_all(text)?;
                out.flush()
            }
            Sink::Stderr => io::stderr().lock().write_all(text),
        }
    }
}
