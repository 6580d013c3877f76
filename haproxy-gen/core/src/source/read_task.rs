//! One task of an answer or of an event.

use super::{
    Task, TaskId, TaskState, Verdict,
    json::{At, Malformed},
};

/// The longest task id or host that is taken.
const LONGEST: usize = 512;

/// A task, unless it gets no traffic in the state it is in.
pub(super) fn task_at(place: &At<'_>) -> Result<Option<Task>, Malformed> {
    let id = short_text(&place.need("id")?)?;
    let started = place.text("startedAt")?;
    let state = match place.text("state")? {
        Some(name) => TaskState::of(&name),
        // Marathon before 0.15 names no state; a task that has started runs.
        None => started.is_some().then_some(TaskState::Running),
    };
    let Some(state) = state else {
        return Ok(None);
    };
    Ok(Some(Task {
        id: TaskId(id),
        host: place.get("host").map(|host| short_text(&host)).transpose()?.unwrap_or_default(),
        agent: place.text("slaveId")?,
        ports: host_ports_at(place)?,
        addresses: addresses_at(place)?,
        state,
        started,
        verdict: verdict_at(place)?,
    }))
}

pub(super) fn short_text(place: &At<'_>) -> Result<String, Malformed> {
    let text = place.as_text()?;
    if text.is_empty() || text.len() > LONGEST || text.chars().any(|letter| letter.is_control() || letter == ' ') {
        return Err(place.wrong(format!("is not a text of 1 to {LONGEST} bytes without spaces and control characters")));
    }
    Ok(text.to_owned())
}

pub(super) fn host_ports_at(place: &At<'_>) -> Result<Vec<u16>, Malformed> {
    let Some(ports) = place.get("ports") else {
        return Ok(Vec::new());
    };
    place.list("ports")?.into_iter().map(|(index, value)| ports.element(index, value).as_port()).collect()
}

pub(super) fn addresses_at(place: &At<'_>) -> Result<Vec<std::net::IpAddr>, Malformed> {
    let Some(addresses) = place.get("ipAddresses") else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for (index, value) in place.list("ipAddresses")? {
        let entry = addresses.element(index, value);
        // An address that is still being given out has no text.
        if let Some(address) = entry.get("ipAddress") {
            let text = address.as_text()?;
            found.push(text.parse().map_err(|_| address.wrong("is not an IP address".to_owned()))?);
        }
    }
    Ok(found)
}

/// Before 1.5 the key is absent while nothing is known, since then the list is empty.
fn verdict_at(place: &At<'_>) -> Result<Verdict, Malformed> {
    let Some(results) = place.get("healthCheckResults") else {
        return Ok(Verdict::Unknown);
    };
    let mut verdict = Verdict::Unknown;
    for (index, value) in place.list("healthCheckResults")? {
        // A check that has not run yet has an empty place in the list.
        if value.is_null() {
            continue;
        }
        let result = results.element(index, value);
        match result.get("alive").map(|alive| alive.as_bool()).transpose()? {
            Some(true) => return Ok(Verdict::Alive),
            Some(false) => verdict = Verdict::Dead,
            None => {}
        }
    }
    Ok(verdict)
}
