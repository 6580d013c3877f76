//! Follows the engine's log of a container into its sandbox, however often engine or executor start anew.

use super::{
    ending,
    error::{Error, status},
    logs::{Batch, Output, Place, Rotation},
    stamp,
};
use bollard::{Docker, container::LogOutput, query_parameters::LogsOptionsBuilder};
use futures::StreamExt;
use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::{sync::watch, task::AbortHandle, time::sleep};

/// Messages written together, if they are there.
const TOGETHER: usize = 256;
/// Bytes written together at most, but for the last message: files are rotated between writes.
const LARGE: usize = 64 << 10;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LAST_PAUSE: Duration = Duration::from_secs(5);

/// A container whose output is followed.
#[derive(Debug)]
pub(super) struct Follow {
    complete: watch::Receiver<bool>,
    task: AbortHandle,
}

/// Where one pass over the log leaves out what is written already.
struct Resume {
    from: [Place; 2],
    seen: [u64; 2],
    caught_up: [bool; 2],
}

/// Why a pass ended early.
enum Interrupted {
    /// By the engine.
    Engine(bollard::errors::Error),
    /// By the files.
    Files(io::Error),
}

impl Follow {
    /// Follows from where the output stands.
    pub(super) fn new(docker: Docker, id: String, sandbox: PathBuf, rotation: Rotation) -> Self {
        let (done, complete) = watch::channel(false);
        let task = tokio::spawn(async move {
            follow(&docker, &id, &sandbox, rotation).await;
            // Nobody may wait.
            let _ = done.send(true);
        });
        Self { complete, task: task.abort_handle() }
    }

    /// Becomes true when all output is in the files.
    pub(super) fn complete(&self) -> watch::Receiver<bool> {
        self.complete.clone()
    }
}

impl Drop for Follow {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Resume {
    fn new(from: [Place; 2]) -> Self {
        Self { from, seen: [0; 2], caught_up: from.map(|place| place.count == 0) }
    }

    /// Whether a message is new.
    fn admits(&mut self, stream: usize, stamp: i64) -> bool {
        if self.caught_up[stream] {
            return true;
        }
        let from = self.from[stream];
        if stamp < from.stamp {
            return false;
        }
        if stamp == from.stamp && self.seen[stream] < from.count {
            self.seen[stream] += 1;
            return false;
        }
        self.caught_up[stream] = true;
        true
    }
}

async fn follow(docker: &Docker, id: &str, sandbox: &Path, rotation: Rotation) {
    let mut pause = FIRST_PAUSE;
    let mut output = None;
    loop {
        match attempt(docker, id, sandbox, rotation, &mut output).await {
            Ok(true) => return,
            Ok(false) => pause = FIRST_PAUSE,
            Err(Interrupted::Engine(error)) if status(&error) == Some(404) => return,
            Err(Interrupted::Engine(error)) => tracing::debug!(container = id, %error, "log interrupted"),
            Err(Interrupted::Files(error)) => {
                tracing::warn!(container = id, sandbox = %sandbox.display(), %error, "output cannot be written");
            }
        }
        sleep(pause).await;
        pause = (pause * 2).min(LAST_PAUSE);
    }
}

/// One connection to the log. True: the container has ended, and all it said is written.
async fn attempt(
    docker: &Docker,
    id: &str,
    sandbox: &Path,
    rotation: Rotation,
    kept: &mut Option<Output>,
) -> Result<bool, Interrupted> {
    let mut output = match kept.take() {
        Some(output) => output,
        None => {
            let sandbox = sandbox.to_owned();
            blocking(move || Output::open(&sandbox, rotation)).await?
        }
    };
    output = pass(docker, id, output, true).await?;
    let running = match ending::state(docker, id).await {
        Ok(state) => state.running,
        Err(Error::Gone(_)) => return Ok(true),
        Err(_) => true,
    };
    if running {
        *kept = Some(output);
        return Ok(false);
    }
    // The engine may end a followed log before its last messages are in it; a plain reading has them all.
    pass(docker, id, output, false).await?;
    Ok(true)
}

async fn pass(docker: &Docker, id: &str, mut output: Output, follow: bool) -> Result<Output, Interrupted> {
    let places = output.places();
    let last = places.iter().map(|place| place.stamp).max().unwrap_or_default();
    // A second earlier: the two streams are stamped apart and may be out of order between them.
    let since = i32::try_from(last / 1_000_000_000).map_or(0, |seconds| (seconds - 1).max(0));
    let options =
        LogsOptionsBuilder::default().follow(follow).stdout(true).stderr(true).timestamps(true).since(since).build();
    let mut resume = Resume::new(places);
    let mut batches = Box::pin(docker.logs(id, Some(options)).ready_chunks(TOGETHER));
    while let Some(messages) = batches.next().await {
        let mut batch = Batch { places: output.places(), ..Batch::default() };
        let mut interrupted = None;
        for message in messages {
            match message {
                Ok(message) => add(&mut batch, &mut resume, &message),
                Err(error) => interrupted = Some(Interrupted::Engine(error)),
            }
            if batch.bytes.iter().any(|bytes| bytes.len() >= LARGE) {
                (output, batch) = write(output, batch).await?;
            }
        }
        output = write(output, batch).await?.0;
        if let Some(interrupted) = interrupted {
            return Err(interrupted);
        }
    }
    Ok(output)
}

/// Writes what there is; then there is an empty batch.
async fn write(mut output: Output, mut batch: Batch) -> Result<(Output, Batch), Interrupted> {
    if batch.places == output.places() {
        return Ok((output, batch));
    }
    let work = move || {
        output.append(&batch)?;
        batch.bytes.iter_mut().for_each(Vec::clear);
        Ok((output, batch))
    };
    blocking(work).await
}

fn add(batch: &mut Batch, resume: &mut Resume, message: &LogOutput) {
    let (stream, bytes) = match message {
        LogOutput::StdOut { message } => (0, message),
        LogOutput::StdErr { message } => (1, message),
        // The rest of a message that was cut off; it comes again.
        LogOutput::StdIn { .. } | LogOutput::Console { .. } => return,
    };
    let Some((stamp, text)) = stamp::split(bytes) else {
        tracing::warn!("a message of the log has no time");
        return;
    };
    if !resume.admits(stream, stamp) {
        return;
    }
    let place = &mut batch.places[stream];
    // The parts of a long line have one time, and some engines lose the line's end with the last part.
    if place.open && place.stamp != stamp {
        batch.bytes[stream].push(b'\n');
    }
    batch.bytes[stream].extend_from_slice(text);
    let count = if place.stamp == stamp { place.count + 1 } else { 1 };
    *place = Place { stamp, count, open: !text.ends_with(b"\n") };
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T, Interrupted> {
    let result = tokio::task::spawn_blocking(work).await;
    result.map_err(io::Error::other).and_then(|result| result).map_err(Interrupted::Files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_reading_adds_only_what_is_new() {
        let log = [(0, 5), (0, 7), (1, 6), (0, 7), (0, 7), (1, 9), (0, 8)];
        for written in 0..=log.len() {
            let mut places = [Place::default(); 2];
            for (stream, stamp) in &log[..written] {
                let place: &mut Place = &mut places[*stream];
                let count = if place.stamp == *stamp { place.count + 1 } else { 1 };
                *place = Place { stamp: *stamp, count, open: false };
            }
            let mut resume = Resume::new(places);
            let new: Vec<_> = log.into_iter().filter(|(stream, stamp)| resume.admits(*stream, *stamp)).collect();
            assert_eq!(new, log[written..]);
        }
    }

    #[test]
    fn the_end_of_a_line_in_parts_is_put_back() {
        let mut batch = Batch::default();
        let mut resume = Resume::new(batch.places);
        for (second, text) in [(1, "one\n"), (2, "two "), (2, "parts"), (3, "three\n"), (4, "in parts\n"), (5, "open")]
        {
            let message = format!("1970-01-01T00:00:0{second}Z {text}").into();
            add(&mut batch, &mut resume, &LogOutput::StdOut { message });
        }
        assert_eq!(batch.bytes[0], b"one\ntwo parts\nthree\nin parts\nopen");
        assert_eq!(batch.places[0], Place { stamp: 5_000_000_000, count: 1, open: true });
    }
}
