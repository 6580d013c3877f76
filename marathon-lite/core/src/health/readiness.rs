//! Whether a new instance may take over.

use super::{
    NoAddress, Probe, ProbeTarget,
    address::{authority, of_port},
};
use crate::{
    app::{AppDefinition, ReadinessCheck, Scheme},
    instances::{Instance, Readiness},
};
use serde_json::{Value, json};
use std::time::Duration;

/// The probe of a readiness check for an instance, which runs.
///
/// # Errors
/// Why the instance cannot be asked, or not yet.
pub fn readiness_probe(app: &AppDefinition, check: &ReadinessCheck, instance: &Instance) -> Result<Probe, NoAddress> {
    let named = |name: &Option<&str>| *name == Some(check.port_name.as_str());
    let index = app.port_names().iter().position(named).ok_or(NoAddress::NoSuchName)?;
    let (host, port) = of_port(app, instance, index)?;
    let scheme = match check.scheme {
        Scheme::Http => "http",
        Scheme::Https => "https",
    };
    let path = check.path.trim_start_matches('/');
    let url = format!("{scheme}://{}/{path}", authority(&host, port));
    Ok(Probe {
        target: ProbeTarget::Http { url, ignore_1xx: false },
        first_after: Duration::ZERO,
        interval: check.interval,
        timeout: check.timeout,
    })
}

/// What is known of an instance's readiness after an answer: status, content type and body; or why there is none. Once it
/// is ready it stays so.
#[must_use]
pub fn judge_readiness(
    check: &ReadinessCheck,
    before: &Readiness,
    response: Result<(u16, String, String), String>,
) -> Readiness {
    if before.ready {
        return before.clone();
    }
    let Ok(response) = response else { return before.clone() };
    let ready = check.http_status_codes_for_ready.contains(&response.0);
    Readiness { ready, last_response: check.preserve_last_response.then_some(response) }
}

/// An element of `readinessCheckResults`. Load balancers find the task by `taskId`.
#[must_use]
pub fn readiness_result(check: &ReadinessCheck, instance: &Instance) -> Value {
    let mut result = json!({"name": check.name, "taskId": instance.id.as_str(), "ready": instance.readiness.ready});
    if let Some((status, content_type, body)) = &instance.readiness.last_response {
        result["lastResponse"] = json!({"status": status, "contentType": content_type, "body": body});
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{PathId, PortDefinition, Timestamp};
    use proto_types::{AgentId, TaskId};

    fn instance() -> Instance {
        let (id, agent) = (TaskId::new("web.1").unwrap(), AgentId::new("a1").unwrap());
        let mut instance = Instance::new(id, PathId::parse("/web").unwrap(), agent, "h1".into(), Timestamp::default());
        instance.host_ports = vec![31_000, 31_001];
        instance
    }

    #[test]
    fn the_port_is_found_by_its_name() {
        let mut app = AppDefinition::new(PathId::parse("/web").unwrap());
        let named = |name: &str| PortDefinition { name: Some(name.into()), ..PortDefinition::default() };
        app.port_definitions = vec![named("admin"), named("http-api")];
        let check = ReadinessCheck { path: "/ready".into(), ..ReadinessCheck::default() };
        let probe = readiness_probe(&app, &check, &instance()).unwrap();
        assert_eq!(probe.target, ProbeTarget::Http { url: "http://h1:31001/ready".into(), ignore_1xx: false });
        app.port_definitions.pop();
        assert_eq!(readiness_probe(&app, &check, &instance()), Err(NoAddress::NoSuchName));
    }

    #[test]
    fn what_is_ready_stays_so() {
        let answer = |status| Ok((status, "text/plain".to_owned(), "no".to_owned()));
        let check = ReadinessCheck { preserve_last_response: true, ..ReadinessCheck::default() };
        let waiting = judge_readiness(&check, &Readiness::default(), answer(503));
        assert_eq!(waiting.last_response.as_ref().map(|response| response.0), Some(503));
        let kept = judge_readiness(&check, &waiting, Err("refused".into()));
        assert_eq!(kept, waiting);
        let ready = judge_readiness(&check, &kept, answer(200));
        assert!(ready.ready);
        assert_eq!(judge_readiness(&check, &ready, answer(503)), ready);
        let forgetful = judge_readiness(&ReadinessCheck::default(), &Readiness::default(), answer(503));
        assert_eq!(forgetful, Readiness::default());
    }

    #[test]
    fn results_name_the_task_and_show_the_answer_if_it_is_kept() {
        let mut one = instance();
        let check = ReadinessCheck::default();
        let expected = json!({"name": "readinessCheck", "taskId": "web.1", "ready": false});
        assert_eq!(readiness_result(&check, &one), expected);
        one.readiness.last_response = Some((503, "text/plain".into(), "no".into()));
        let response = json!({"status": 503, "contentType": "text/plain", "body": "no"});
        assert_eq!(readiness_result(&check, &one)["lastResponse"], response);
    }
}
