//! Streams that tell the driver when nobody reads them any more.

use crate::{driver::Message, queue::Reader};
use futures::{Stream, StreamExt};
use master_core::Input;
use tokio::{runtime::Handle, sync::mpsc};
use tonic::Status;

/// What the driver is told when this is dropped.
#[derive(Debug)]
struct Farewell {
    inputs: mpsc::Sender<Message>,
    input: Option<Input>,
}

/// A stream at whose end, or when it is dropped before, the driver gets the input.
pub(super) fn watched<T: Unpin>(
    reader: Reader<T>,
    inputs: mpsc::Sender<Message>,
    input: Input,
) -> impl Stream<Item = Result<T, Status>> {
    let farewell = Farewell { inputs, input: Some(input) };
    reader.inspect(move |_| {
        let _: &Farewell = &farewell;
    })
}

impl Drop for Farewell {
    fn drop(&mut self) {
        let Some(input) = self.input.take() else { return };
        let sent = self.inputs.try_send(Message::Input(input));
        // Dropping cannot wait. Whoever does in its place is gone once there is room, or with the term.
        if let Err(mpsc::error::TrySendError::Full(message)) = sent
            && let Ok(runtime) = Handle::try_current()
        {
            let inputs = self.inputs.clone();
            runtime.spawn(async move { drop(inputs.send(message).await) });
        }
    }
}
