//! The link to the agent: opened again for ever, because an agent that is away comes back.

use crate::{driver::Event, hearing, options::Options};
use futures::StreamExt;
use proffer_proto::v1::{ExecutorCall, executor_service_client::ExecutorServiceClient};
use std::{os::unix::fs::MetadataExt, path::PathBuf, time::Duration};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

/// Messages that may wait for the agent. Fuller, and the connection is given up: everything is sent again.
const CALLS_MAX: usize = 1024;

/// The largest message that is heard: an agent may hand over many tasks at once. Smaller, and a message that is refused is
/// sent again and refused for ever.
const HEARD_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Before the first try again. An agent that restarts is back within a second.
const PAUSE_MIN: Duration = Duration::from_millis(50);

/// Between tries while the agent stays away.
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// Connects to the agent and passes on what it says, until the driver is gone.
pub(crate) async fn keep(options: Options, events: mpsc::Sender<Event>) {
    let mut pause = PAUSE_MIN;
    while !events.is_closed() {
        match converse(options.socket.clone(), &events).await {
            Ok(()) => pause = PAUSE_MIN,
            Err(error) if is_superseded(&error) => {
                tracing::warn!("another start of this executor has its tasks");
                let _ = events.send(Event::Superseded).await;
                return;
            }
            Err(error) => tracing::debug!(error = %kit::exit::chain(&*error), "the agent is away"),
        }
        if events.send(Event::Disconnected).await.is_err() {
            return;
        }
        if is_removed() {
            tracing::warn!("the agent's directory was removed; nobody will ask for these tasks any more");
            let _ = events.send(Event::Abandoned).await;
            return;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// Whether the executor's directory was removed: an agent that is only away, or moved, leaves it.
fn is_removed() -> bool {
    std::fs::metadata(".").is_ok_and(|directory| directory.nlink() == 0)
}

type Fault = Box<dyn std::error::Error + Send + Sync>;

/// Whether the agent says that a newer start of this executor has taken its tasks over.
fn is_superseded(error: &Fault) -> bool {
    let status = error.downcast_ref::<tonic::Status>();
    status.is_some_and(|status| status.code() == tonic::Code::FailedPrecondition)
}

async fn converse(socket: PathBuf, events: &mpsc::Sender<Event>) -> Result<(), Fault> {
    let channel = kit::channel::unix(socket).await?;
    let (calls, outgoing) = mpsc::channel::<ExecutorCall>(CALLS_MAX);
    // The driver says first who this is: the agent answers only then.
    events.send(Event::Connected(calls)).await?;
    let mut client = ExecutorServiceClient::new(channel).max_decoding_message_size(HEARD_BYTES_MAX);
    let mut incoming = client.attach(ReceiverStream::new(outgoing)).await?.into_inner();
    while let Some(message) = incoming.next().await {
        for event in hearing::events(message?)? {
            events.send(event).await?;
        }
    }
    Ok(())
}
