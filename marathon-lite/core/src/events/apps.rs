//! Events about apps, pods and groups as they are wanted.

use super::{Event, text};
use crate::app::{AppDefinition, PathId, Timestamp};

/// An app was created or changed by a client; not for deletions and groups.
#[must_use]
pub fn api_post(now: Timestamp, client_ip: &str, uri: &str, app: &AppDefinition) -> Event {
    let fields = [
        ("clientIp", client_ip.into()),
        ("uri", uri.into()),
        ("appDefinition", serde_json::Value::Object(app.render())),
    ];
    Event::new("api_post_event", now, fields)
}

/// An app is gone, with all its instances.
#[must_use]
pub fn app_terminated(now: Timestamp, app: &PathId) -> Event {
    Event::new("app_terminated_event", now, [("appId", text(app))])
}

/// A group was changed.
#[must_use]
pub fn group_change_success(now: Timestamp, group: &PathId, version: Timestamp) -> Event {
    Event::new("group_change_success", now, [("groupId", text(group)), ("version", text(&version))])
}

/// A group could not be changed.
#[must_use]
pub fn group_change_failed(now: Timestamp, group: &PathId, version: Timestamp, reason: &str) -> Event {
    let fields = [("groupId", text(group)), ("version", text(&version)), ("reason", reason.into())];
    Event::new("group_change_failed", now, fields)
}

/// A pod was made by a client.
#[must_use]
pub fn pod_created(now: Timestamp, client_ip: &str, uri: &str) -> Event {
    pod("pod_created_event", now, client_ip, uri)
}

/// A pod was changed by a client.
#[must_use]
pub fn pod_updated(now: Timestamp, client_ip: &str, uri: &str) -> Event {
    pod("pod_updated_event", now, client_ip, uri)
}

/// A pod was deleted by a client.
#[must_use]
pub fn pod_deleted(now: Timestamp, client_ip: &str, uri: &str) -> Event {
    pod("pod_deleted_event", now, client_ip, uri)
}

fn pod(kind: &'static str, now: Timestamp, client_ip: &str, uri: &str) -> Event {
    Event::new(kind, now, [("clientIp", client_ip.into()), ("uri", uri.into())])
}
