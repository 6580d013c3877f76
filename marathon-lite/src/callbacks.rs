//! Posting events to the addresses that subscribed.

use crate::events::Events;
use marathon_lite_core::events::Replay;
use reqwest::{Client, Url, header};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::task::AbortHandle;

/// Addresses at most: each costs a request for each event.
const CALLBACKS_MAX: usize = 100;

/// How long an address may take to accept an event.
const TIMEOUT: Duration = Duration::from_secs(10);

/// After so many failures in a row events are skipped, so that an address that is dead delays nothing for ever.
const TRIES_MAX: u32 = 3;

/// Between tries.
const PAUSE: Duration = Duration::from_secs(1);

/// Events read at once.
const BATCH_MAX: usize = 64;

/// Why an address was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It cannot be one.
    Wrong(String),
    /// It could not be stored.
    NotStored,
}

/// The addresses, each with a task that posts to it.
pub(crate) struct Callbacks {
    client: Client,
    events: Arc<Events>,
    running: Mutex<BTreeMap<String, AbortHandle>>,
}

impl Callbacks {
    /// With the addresses that were stored.
    pub(crate) fn new(client: Client, events: Arc<Events>, stored: &[String]) -> Self {
        let callbacks = Self { client, events, running: Mutex::default() };
        for url in stored {
            callbacks.add(url);
        }
        callbacks
    }

    /// All addresses.
    pub(crate) fn urls(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    /// All addresses and this one.
    ///
    /// # Errors
    /// Why it cannot be one.
    pub(crate) fn with(&self, url: &str) -> Result<Vec<String>, Refusal> {
        let parsed = Url::parse(url).map_err(|error| Refusal::Wrong(format!("callbackUrl: {url:?}: {error}")))?;
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(Refusal::Wrong(format!("callbackUrl: {url:?} must begin with http:// or https://")));
        }
        let mut urls = self.urls();
        if !urls.iter().any(|known| known == url) {
            urls.push(url.to_owned());
        }
        if urls.len() > CALLBACKS_MAX {
            let message = format!("callbackUrl: there are {CALLBACKS_MAX} subscriptions already; remove some first");
            return Err(Refusal::Wrong(message));
        }
        Ok(urls)
    }

    /// Posts to this address from the next event on.
    pub(crate) fn add(&self, url: &str) {
        let mut running = self.lock();
        if running.contains_key(url) {
            return;
        }
        let posting = post_all(self.client.clone(), Arc::clone(&self.events), url.to_owned());
        running.insert(url.to_owned(), tokio::spawn(posting).abort_handle());
    }

    /// Posts to this address no more.
    pub(crate) fn remove(&self, url: &str) {
        if let Some(task) = self.lock().remove(url) {
            task.abort();
        }
    }

    /// Posts to nobody any more.
    pub(crate) fn stop(&self) {
        for task in self.lock().values() {
            task.abort();
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, AbortHandle>> {
        // A map is whole between two calls.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Callbacks {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn post_all(client: Client, events: Arc<Events>, url: String) {
    let mut seen = events.last();
    let mut failures = 0;
    loop {
        events.newer_than(seen).await;
        let Replay::From(told) = events.after(seen) else {
            tracing::warn!(url, "a subscriber is too slow; it misses events");
            seen = events.last();
            continue;
        };
        for event in told.iter().take(BATCH_MAX) {
            post(&client, &url, &event.json, &mut failures).await;
            seen = event.id;
        }
    }
}

/// Posts one event, several times if it fails; after failures before, once.
async fn post(client: &Client, url: &str, data: &str, failures: &mut u32) {
    for _ in (*failures).min(TRIES_MAX - 1)..TRIES_MAX {
        let request = client.post(url).header(header::CONTENT_TYPE, "application/json").body(data.to_owned());
        let why = match request.timeout(TIMEOUT).send().await {
            Ok(response) if response.status().is_success() => {
                *failures = 0;
                return;
            }
            Ok(response) => response.status().to_string(),
            Err(error) => kit::exit::chain(&error),
        };
        *failures = failures.saturating_add(1);
        tracing::debug!(url, why, "an event was not accepted");
        tokio::time::sleep(PAUSE).await;
    }
    if *failures == TRIES_MAX {
        tracing::warn!(url, "a subscriber accepts no events; it misses some");
    }
}
