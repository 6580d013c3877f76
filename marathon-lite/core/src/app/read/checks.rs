//! Health and readiness checks.

use crate::{
    app::{AppUpdate, CheckedPort, HealthCheck, HealthProtocol, ReadinessCheck, Scheme},
    json::{Fields, Item},
};
use std::time::Duration;

pub(crate) const SCHEMES: [(&str, Scheme); 2] = [("HTTP", Scheme::Http), ("HTTPS", Scheme::Https)];

pub(super) fn read(fields: &Fields<'_>, update: &mut AppUpdate) {
    update.health_checks = fields.read("healthChecks", |item| item.each(health_check));
    update.readiness_checks = fields.read("readinessChecks", |item| item.each(readiness_check));
}

fn health_check(item: &Item<'_>) -> Option<HealthCheck> {
    let fields = item.object()?;
    let names = HealthProtocol::ALL.map(|protocol| (protocol.name(), protocol));
    let protocol = fields.read("protocol", |item| item.choice(&names)).unwrap_or(HealthProtocol::Http);
    let defaults = HealthCheck::new(protocol, None);
    let (number, index) = (fields.read("port", Item::port), fields.read("portIndex", Item::port));
    if number.is_some() && index.is_some() {
        item.refuse("must specify either a 'port' or a 'portIndex', not both");
    }
    let versions = [("IPv4", 4), ("IPv6", 6)];
    if fields.read("ipProtocol", |item| item.choice(&versions)) == Some(6) {
        let path = fields.path_of("ipProtocol");
        fields.report().refuse(&path, "IPv6 health checks are not supported; leave it out or use IPv4");
    }
    let seconds = |key, default: Duration| fields.read(key, Item::seconds).unwrap_or(default);
    Some(HealthCheck {
        path: fields.read("path", |item| item.text().map(str::to_owned)),
        command: fields.read("command", |item| item.object()?.required("value")?.filled()),
        port: number.map(CheckedPort::Number).or(index.map(CheckedPort::Index)),
        grace_period: seconds("gracePeriodSeconds", defaults.grace_period),
        interval: seconds("intervalSeconds", defaults.interval),
        timeout: seconds("timeoutSeconds", defaults.timeout),
        delay: seconds("delaySeconds", defaults.delay),
        max_consecutive_failures: fields
            .read("maxConsecutiveFailures", Item::count)
            .unwrap_or(defaults.max_consecutive_failures),
        ignore_http_1xx: fields.read("ignoreHttp1xx", Item::flag),
        protocol,
    })
}

fn readiness_check(item: &Item<'_>) -> Option<ReadinessCheck> {
    let fields = item.object()?;
    let defaults = ReadinessCheck::default();
    let timeout = fields.read("timeoutSeconds", |item| item.whole(1..=i32::MAX as u64));
    let codes = fields.read("httpStatusCodesForReady", |item| {
        let codes = item.each(|code| u16::try_from(code.whole(100..=999)?).ok())?;
        if codes.is_empty() {
            item.refuse("must not be empty");
        }
        Some(codes.into_iter().collect())
    });
    Some(ReadinessCheck {
        name: fields.read("name", Item::filled).unwrap_or(defaults.name),
        scheme: fields.read("protocol", |item| item.choice(&SCHEMES)).unwrap_or_default(),
        path: fields.read("path", Item::filled).unwrap_or(defaults.path),
        port_name: fields.read("portName", Item::filled).unwrap_or(defaults.port_name),
        interval: fields.read("intervalSeconds", Item::seconds).unwrap_or(defaults.interval),
        timeout: timeout.map_or(defaults.timeout, Duration::from_secs),
        http_status_codes_for_ready: codes.unwrap_or(defaults.http_status_codes_for_ready),
        preserve_last_response: fields.read("preserveLastResponse", Item::flag).unwrap_or(false),
    })
}

/// Seconds that may have a fraction, as pods write them.
pub(crate) fn pod_seconds(item: &Item<'_>) -> Option<Duration> {
    let seconds = item.number(0.0..=f64::from(i32::MAX))?;
    Some(Duration::from_millis((seconds * 1000.0).round() as u64))
}

/// Generic checks, whose results nothing here carries.
pub(crate) fn refuse_generic_check(fields: &Fields<'_>, key: &str) {
    fields.refuse_if_present(key, Item::object, "generic checks are not supported; use a health check");
}
