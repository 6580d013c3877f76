//! One app of an answer.

use super::{
    App, AppId, CheckProtocol, HealthCheck, Refused,
    json::{At, Malformed},
    read::AppReading,
    read_ports::{network_at, ports_at},
    read_task::task_at,
};
use std::{collections::BTreeMap, sync::Arc};

/// Ports, health checks or labels beyond this are a mistake or an attack.
const MOST_PARTS: usize = 1_000;

/// A day: no health check is rarer.
const LONGEST_SECONDS: u64 = 86_400;

pub(super) fn app_at(place: &At<'_>, id: AppId, refused: &mut Vec<Refused>) -> Result<AppReading, Malformed> {
    let network = network_at(place)?;
    let mut app = App {
        instances: u32::try_from(place.count("instances", u64::from(u32::MAX))?.unwrap_or(1)).unwrap_or(u32::MAX),
        labels: labels_at(place)?,
        network,
        ports: ports_at(place, network)?,
        checks: checks_at(place)?,
        tasks: BTreeMap::new(),
        id,
    };
    for (what, number) in [("labels", app.labels.len()), ("ports", app.ports.len()), ("checks", app.checks.len())] {
        if number > MOST_PARTS {
            return Err(place.wrong(format!("has {number} {what}, at most {MOST_PARTS} are taken")));
        }
    }
    let with_tasks = place.has_key("tasks");
    if let Some(tasks) = place.get("tasks") {
        for (index, value) in place.list("tasks")? {
            let place = tasks.element(index, value);
            match task_at(&place) {
                Ok(Some(task)) => {
                    app.tasks.insert(task.id.clone(), task);
                }
                Ok(None) => {}
                Err(malformed) => {
                    let task = place.text("id").ok().flatten().unwrap_or_default();
                    refused.push(Refused { app: Some(app.id.clone()), task: Some(task), malformed });
                }
            }
        }
    }
    Ok(AppReading { app: Arc::new(app), with_tasks })
}

fn labels_at(place: &At<'_>) -> Result<BTreeMap<String, String>, Malformed> {
    let mut labels = BTreeMap::new();
    if let Some(place) = place.get("labels") {
        for (key, value) in place.entries()? {
            labels.insert(key.clone(), place.child(key, value).as_text()?.to_owned());
        }
    }
    Ok(labels)
}

fn checks_at(place: &At<'_>) -> Result<Vec<HealthCheck>, Malformed> {
    let Some(list) = place.get("healthChecks") else {
        return Ok(Vec::new());
    };
    place.list("healthChecks")?.into_iter().map(|(index, value)| check_at(&list.element(index, value))).collect()
}

fn check_at(place: &At<'_>) -> Result<HealthCheck, Malformed> {
    let protocol = match place.text("protocol")?.as_deref() {
        None | Some("HTTP" | "MESOS_HTTP") => CheckProtocol::Http,
        Some("HTTPS" | "MESOS_HTTPS") => CheckProtocol::Https,
        Some("TCP" | "MESOS_TCP") => CheckProtocol::Tcp,
        Some(_) => CheckProtocol::Other,
    };
    let seconds = |key: &str, default: u64| -> Result<u64, Malformed> {
        Ok(place.count(key, LONGEST_SECONDS)?.unwrap_or(default).max(1) * 1_000)
    };
    let index = place.count("portIndex", u64::from(u16::MAX))?;
    let port = place.port("port")?;
    Ok(HealthCheck {
        protocol,
        path: place.text("path")?,
        // Marathon means the first port if neither is named.
        port_index: index.and_then(|index| u32::try_from(index).ok()).or(port.is_none().then_some(0)),
        port,
        interval_ms: seconds("intervalSeconds", 60)?,
        timeout_ms: seconds("timeoutSeconds", 20)?,
        failures: u32::try_from(place.count("maxConsecutiveFailures", 1_000_000)?.unwrap_or(3)).unwrap_or(u32::MAX),
    })
}
