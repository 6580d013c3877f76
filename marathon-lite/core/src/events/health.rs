//! Events about health.

use super::{Event, text};
use crate::{
    app::{HealthCheck, PathId, Timestamp},
    instances::Instance,
};

/// A health check of an app begins.
#[must_use]
pub fn add_health_check(now: Timestamp, app: &PathId, version: Timestamp, check: &HealthCheck) -> Event {
    let fields = [("appId", text(app)), ("healthCheck", check.render()), ("version", text(&version))];
    Event::new("add_health_check_event", now, fields)
}

/// The health checks of an app end.
#[must_use]
pub fn remove_health_check(now: Timestamp, app: &PathId) -> Event {
    Event::new("remove_health_check_event", now, [("appId", text(app))])
}

/// A health check of an instance failed, and that counts.
#[must_use]
pub fn failed_health_check(now: Timestamp, instance: &Instance, check: &HealthCheck) -> Event {
    let fields = [
        ("appId", text(&instance.app)),
        ("taskId", text(&instance.id)),
        ("instanceId", text(&instance.id)),
        ("healthCheck", check.render()),
    ];
    Event::new("failed_health_check_event", now, fields)
}

/// A health check of an instance says something else than before.
#[must_use]
pub fn health_status_changed(now: Timestamp, instance: &Instance, alive: bool) -> Event {
    let fields = [
        ("appId", text(&instance.app)),
        ("instanceId", text(&instance.id)),
        ("taskId", text(&instance.id)),
        ("version", text(&instance.version)),
        ("alive", alive.into()),
    ];
    Event::new("health_status_changed_event", now, fields)
}

/// The health checks of an instance together say something else than before.
#[must_use]
pub fn instance_health_changed(now: Timestamp, instance: &Instance, healthy: Option<bool>) -> Event {
    let fields = [
        ("instanceId", text(&instance.id)),
        ("runSpecId", text(&instance.app)),
        ("healthy", healthy.into()),
        ("runSpecVersion", text(&instance.version)),
    ];
    Event::new("instance_health_changed_event", now, fields)
}

/// An instance is killed because a health check failed too often.
#[must_use]
pub fn unhealthy_instance_kill(now: Timestamp, instance: &Instance, reason: &str) -> Event {
    let fields = [
        ("appId", text(&instance.app)),
        ("taskId", text(&instance.id)),
        ("instanceId", text(&instance.id)),
        ("version", text(&instance.version)),
        ("reason", reason.into()),
        ("host", instance.host.clone().into()),
        ("slaveId", text(&instance.agent)),
    ];
    Event::new("unhealthy_instance_kill_event", now, fields)
}
