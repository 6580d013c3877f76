//! A term of leadership, as those see it who answer requests.

use crate::{
    api::Failure,
    callbacks::{Callbacks, Refusal},
    driver::{Message, Notice},
    events::Events,
};
use arc_swap::ArcSwap;
use kit::shutdown::CancellationToken;
use marathon_lite_core::scheduler::{Answer, Command, Input, View};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

/// Messages that may wait for the driver. Fuller, and whoever asks waits.
pub(crate) const MESSAGES_MAX: usize = 4096;

/// The way to the driver: a bounded queue, and a bell.
#[derive(Debug, Clone)]
pub(crate) struct Inbox {
    messages: mpsc::Sender<Message>,
    bell: proffer_framework::Handle,
}

impl Inbox {
    /// An inbox, and where the driver reads it.
    pub(crate) fn new(bell: proffer_framework::Handle) -> (Self, mpsc::Receiver<Message>) {
        let (messages, receiver) = mpsc::channel(MESSAGES_MAX);
        (Self { messages, bell }, receiver)
    }

    /// Puts a message in, waiting for room; whether the driver is still there.
    pub(crate) async fn put(&self, message: Message) -> bool {
        let put = self.messages.send(message).await.is_ok();
        self.bell.wake();
        put
    }

    /// Puts in what a probe found out; whether the driver is still there.
    pub(crate) async fn put_input(&self, input: Input) -> bool {
        self.put(Message::Input(input)).await
    }

    /// Rings the bell.
    pub(crate) fn wake(&self) {
        self.bell.wake();
    }

    /// Messages that wait.
    pub(crate) fn waiting(&self) -> usize {
        MESSAGES_MAX - self.messages.capacity()
    }
}

/// A term.
pub(crate) struct Term {
    view: ArcSwap<View>,
    inbox: Inbox,
    events: Arc<Events>,
    callbacks: Callbacks,
    /// One change of the callbacks at a time.
    changing_callbacks: tokio::sync::Mutex<()>,
    over: CancellationToken,
    abdicated: CancellationToken,
    /// How long an answer may take, with its being stored.
    patience: Duration,
}

impl Term {
    /// A term that begins with this view.
    pub(crate) fn new(view: View, inbox: Inbox, events: Arc<Events>, callbacks: Callbacks, patience: Duration) -> Self {
        Self {
            view: ArcSwap::from_pointee(view),
            inbox,
            events,
            callbacks,
            changing_callbacks: tokio::sync::Mutex::new(()),
            over: CancellationToken::new(),
            abdicated: CancellationToken::new(),
            patience,
        }
    }

    /// What is and what is wanted, as stored.
    pub(crate) fn view(&self) -> Arc<View> {
        self.view.load_full()
    }

    /// Shows this from now on.
    pub(crate) fn publish(&self, view: Arc<View>) {
        self.view.store(view);
    }

    /// The events of this term.
    pub(crate) const fn events(&self) -> &Arc<Events> {
        &self.events
    }

    /// The addresses that events are posted to.
    pub(crate) const fn callbacks(&self) -> &Callbacks {
        &self.callbacks
    }

    /// Messages that wait for the driver.
    pub(crate) fn waiting(&self) -> usize {
        self.inbox.waiting()
    }

    /// Puts a command to the core and waits until what came of it is stored. `notice` is told if it is done.
    ///
    /// # Errors
    /// Why it was not done; or that nobody knows yet.
    pub(crate) async fn ask(&self, command: Command, notice: Option<Notice>) -> Result<Answer, Failure> {
        let (answer, answered) = oneshot::channel();
        let ended =
            || Failure::unavailable("this instance stopped leading; whether it was done, the next leader knows");
        let asked = async {
            if !self.inbox.put(Message::Command { command: Box::new(command), notice, answer }).await {
                return Err(ended());
            }
            Ok(answered.await.map_err(|_| ended())??)
        };
        timeout(self.patience, asked).await.unwrap_or_else(|_| {
            let patience = humantime::format_duration(self.patience);
            Err(Failure::unavailable(format!("it was not stored within {patience}; it may still be done")))
        })
    }

    /// Posts events to this address from now on, also after the next election.
    ///
    /// # Errors
    /// Why not.
    pub(crate) async fn subscribe(&self, url: &str) -> Result<(), Refusal> {
        let _turn = self.changing_callbacks.lock().await;
        let urls = self.callbacks.with(url)?;
        self.keep(&urls).await?;
        self.callbacks.add(url);
        Ok(())
    }

    /// Posts no more events to this address.
    ///
    /// # Errors
    /// Why not.
    pub(crate) async fn unsubscribe(&self, url: &str) -> Result<(), Refusal> {
        let _turn = self.changing_callbacks.lock().await;
        let mut urls = self.callbacks.urls();
        urls.retain(|known| known != url);
        self.keep(&urls).await?;
        self.callbacks.remove(url);
        Ok(())
    }

    async fn keep(&self, urls: &[String]) -> Result<(), Refusal> {
        let (done, kept) = oneshot::channel();
        let keeping =
            async { self.inbox.put(Message::KeepCallbacks { urls: urls.to_vec(), done }).await && kept.await.is_ok() };
        match timeout(self.patience, keeping).await {
            Ok(true) => Ok(()),
            _ => Err(Refusal::NotStored),
        }
    }

    /// Leads no more, because somebody wants so.
    pub(crate) fn abdicate(&self) {
        self.abdicated.cancel();
    }

    /// Is cancelled when somebody wants this instance to lead no more.
    pub(crate) fn abdicated(&self) -> CancellationToken {
        self.abdicated.clone()
    }

    /// Is cancelled when the term is over.
    pub(crate) fn over(&self) -> CancellationToken {
        self.over.clone()
    }

    /// The term is over.
    pub(crate) fn end(&self) {
        self.over.cancel();
        self.callbacks.stop();
    }
}
