//! Events about subscribers and about the link to the master.

use super::{Event, text};
use crate::app::Timestamp;
use proto_types::{AgentId, ExecutorId, FrameworkId};

/// A subscriber came; the first event that it gets.
#[must_use]
pub fn event_stream_attached(now: Timestamp, remote_address: &str) -> Event {
    Event::new("event_stream_attached", now, [("remoteAddress", remote_address.into())])
}

/// A subscriber went.
#[must_use]
pub fn event_stream_detached(now: Timestamp, remote_address: &str) -> Event {
    Event::new("event_stream_detached", now, [("remoteAddress", remote_address.into())])
}

/// An extension, told only to a subscriber that asked for what it missed: it cannot be had any more, so whatever the
/// subscriber knows is to be read anew. `missed` says how many events are lost, where that is known.
#[must_use]
pub fn events_lost(now: Timestamp, missed: Option<u64>) -> Event {
    let mut event = Event::new("events_lost", now, []);
    if let Some(missed) = missed {
        event.fields.insert("missed".to_owned(), missed.into());
    }
    event
}

/// A callback was registered.
#[must_use]
pub fn subscribe(now: Timestamp, client_ip: &str, callback_url: &str) -> Event {
    Event::new("subscribe_event", now, [("clientIp", client_ip.into()), ("callbackUrl", callback_url.into())])
}

/// A callback was removed.
#[must_use]
pub fn unsubscribe(now: Timestamp, client_ip: &str, callback_url: &str) -> Event {
    Event::new("unsubscribe_event", now, [("clientIp", client_ip.into()), ("callbackUrl", callback_url.into())])
}

/// An executor sent something.
#[must_use]
pub fn framework_message(now: Timestamp, executor: &ExecutorId, agent: &AgentId, message: &str) -> Event {
    let fields = [("executorId", text(executor)), ("slaveId", text(agent)), ("message", message.into())];
    Event::new("framework_message_event", now, fields)
}

/// The framework is known to a master for the first time.
#[must_use]
pub fn scheduler_registered(now: Timestamp, framework: &FrameworkId, master: &str) -> Event {
    let fields = [("frameworkId", text(framework)), ("master", master.into())];
    Event::new("scheduler_registered_event", now, fields)
}

/// The framework is subscribed again.
#[must_use]
pub fn scheduler_reregistered(now: Timestamp, master: &str) -> Event {
    Event::new("scheduler_reregistered_event", now, [("master", master.into())])
}

/// The subscription broke.
#[must_use]
pub fn scheduler_disconnected(now: Timestamp) -> Event {
    Event::new("scheduler_disconnected_event", now, [])
}
