//! Streams that tell the driver when nobody reads them any more.

use crate::driver::Message;
use futures::Stream;
use master_core::Input;
use std::{
    pin::Pin,
    task::{Context, Poll},
};
use tokio::sync::mpsc;

/// A receiver that says goodbye: when it is dropped, the driver gets an input.
#[derive(Debug)]
pub(crate) struct Watched<T> {
    first: Option<T>,
    receiver: mpsc::Receiver<T>,
    farewell: Farewell,
}

/// What the driver is told in the end.
#[derive(Debug)]
pub(crate) struct Farewell {
    inputs: mpsc::Sender<Message>,
    input: Option<Input>,
}

impl Farewell {
    pub(crate) fn new(inputs: mpsc::Sender<Message>, input: Input) -> Self {
        Self { inputs, input: Some(input) }
    }
}

impl Drop for Farewell {
    fn drop(&mut self) {
        let Some(input) = self.input.take() else { return };
        let inputs = self.inputs.clone();
        tokio::spawn(async move { drop(inputs.send(Message::Input(input)).await) });
    }
}

impl<T> Watched<T> {
    pub(crate) fn new(first: Option<T>, receiver: mpsc::Receiver<T>, farewell: Farewell) -> Self {
        Self { first, receiver, farewell }
    }
}

impl<T: Unpin> Stream for Watched<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let _: &Farewell = &self.farewell;
        match self.first.take() {
            Some(first) => Poll::Ready(Some(first)),
            None => self.receiver.poll_recv(context),
        }
    }
}
