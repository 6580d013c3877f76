//! Files of sandboxes, on connections of their own: a slow reader hurts nobody else.

use crate::{files, model::Model};
use agent_executor::layout::Layout;
use proffer_proto::v1::{AgentData, DataHeader, FileError, agent_data::Data, agent_service_client::AgentServiceClient};
use proto_types::files::OpenData;
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tracing::{debug, warn};

/// Streams at once at most. More readers than this wait for the next try.
const STREAMS_MAX: usize = 64;

/// Chunks that wait for a slow reader: the file is read no faster than that.
const CHUNKS_MAX: usize = 4;

/// Serves files.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    layout: Layout,
    model: Model,
    streams: Arc<Semaphore>,
}

impl Files {
    pub(crate) fn new(layout: Layout, model: Model) -> Self {
        Self { layout, model, streams: Arc::new(Semaphore::new(STREAMS_MAX)) }
    }

    /// Opens a stream to the master and serves what it asked for.
    pub(crate) fn open(&self, address: &str, open: OpenData) {
        let Ok(permit) = Arc::clone(&self.streams).try_acquire_owned() else {
            warn!("{STREAMS_MAX} streams of files are open already; another one is refused");
            return;
        };
        let (this, address) = (self.clone(), address.to_owned());
        tokio::spawn(async move {
            if let Err(why) = this.serve(&address, open).await {
                debug!(%address, "a stream of files broke: {why}");
            }
            drop(permit);
        });
    }

    async fn serve(&self, address: &str, open: OpenData) -> Result<(), String> {
        let channel = kit::channel::tcp(address).await.map_err(|error| kit::exit::chain(&error))?;
        let (sender, receiver) = mpsc::channel(CHUNKS_MAX);
        let header = Data::Header(DataHeader { token: open.token });
        sender.send(AgentData { data: Some(header) }).await.map_err(|_| "the stream is closed")?;
        let root = self.layout.sandbox(&open.request.key.framework, &open.request.key.task);
        let (request, model) = (open.request, self.model.clone());
        let producing = async move {
            if let Err(error) = files::send(&root, &request, &model, &sender).await {
                let error = FileError { not_found: error.is_not_found(), message: error.to_string() };
                let _ = sender.send(AgentData { data: Some(Data::Error(error)) }).await;
            }
        };
        let mut client = AgentServiceClient::new(channel);
        let reading = async move {
            let response = client.data(ReceiverStream::new(receiver)).await.map_err(|status| status.to_string())?;
            let mut incoming = response.into_inner();
            while incoming.message().await.map_err(|status| status.to_string())?.is_some() {}
            Ok::<(), String>(())
        };
        tokio::pin!(producing, reading);
        tokio::select! {
            // All is sent once the stream of chunks has ended; then the master ends its side.
            () = &mut producing => reading.await,
            read = &mut reading => read,
        }
    }
}
