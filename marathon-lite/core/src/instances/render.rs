//! Instances and their failures as JSON.

use super::{CheckHealth, Instance, TaskFailure, task_state};
use crate::app::{Timestamp, render::put_some};
use serde_json::{Map, Value, json};

/// A task as clients see it.
///
/// `service_ports` are those of the app where all tasks are listed, and none in the tasks of one app. The results of health
/// checks are left out while nothing is known: load balancers take an empty list for sick, and remember what they knew if
/// there is none.
#[must_use]
pub fn task(instance: &Instance, role: &str, service_ports: &[u16]) -> Value {
    let mut out = Map::new();
    let mut put = |key: &str, value: Value| out.insert(key.to_owned(), value);
    put("id", instance.id.as_str().into());
    put("appId", instance.app.as_str().into());
    put("host", instance.host.clone().into());
    put("slaveId", instance.agent.as_str().into());
    put("ports", instance.host_ports.clone().into());
    put("servicePorts", service_ports.into());
    put("ipAddresses", ip_addresses(instance));
    put("state", instance.condition.task_state().into());
    put("stagedAt", instance.staged_at.to_string().into());
    put("version", instance.version.to_string().into());
    put("role", role.into());
    put_some(&mut out, "startedAt", instance.started_at.map(|at| at.to_string()));
    put_some(&mut out, "region", instance.region.clone());
    put_some(&mut out, "zone", instance.zone.clone());
    let results: Vec<Value> = instance.health.iter().filter_map(|health| check_result(instance, health)).collect();
    put_some(&mut out, "healthCheckResults", (!results.is_empty()).then_some(results));
    Value::Object(out)
}

/// The addresses of an instance: its own, or the agent's if that is known by its address.
#[must_use]
pub fn ip_addresses(instance: &Instance) -> Value {
    let agents = instance.host.parse::<std::net::IpAddr>().is_ok().then_some(&instance.host);
    let own = instance.ip_addresses.iter();
    let all = own.chain(agents.filter(|_| instance.ip_addresses.is_empty()));
    let protocol = |address: &str| if address.contains(':') { "IPv6" } else { "IPv4" };
    all.map(|address| json!({"ipAddress": address, "protocol": protocol(address)})).collect()
}

/// An element of `healthCheckResults`; none: the check has not spoken.
fn check_result(instance: &Instance, health: &CheckHealth) -> Option<Value> {
    let mut out = Map::new();
    out.insert("alive".to_owned(), health.alive?.into());
    out.insert("consecutiveFailures".to_owned(), health.consecutive_failures.into());
    out.insert("instanceId".to_owned(), instance.id.as_str().into());
    let text = |at: Option<Timestamp>| at.map(|at| at.to_string());
    put_some(&mut out, "firstSuccess", text(health.first_success));
    put_some(&mut out, "lastSuccess", text(health.last_success));
    put_some(&mut out, "lastFailure", text(health.last_failure));
    put_some(&mut out, "lastFailureCause", health.last_failure_cause.clone());
    Some(Value::Object(out))
}

impl TaskFailure {
    /// `lastTaskFailure`.
    #[must_use]
    pub fn render(&self, app: &crate::app::PathId) -> Value {
        let mut out = json!({
            "appId": app.as_str(),
            "host": self.host,
            "message": self.message,
            "state": task_state(self.state),
            "taskId": self.task.as_str(),
            "timestamp": self.timestamp.to_string(),
            "version": self.version.to_string(),
        });
        if let Some(agent) = &self.agent {
            out["slaveId"] = agent.as_str().into();
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{app::PathId, instances::Condition};
    use proto_types::{AgentId, TaskId, TaskState};

    fn instance() -> Instance {
        let (id, agent) = (TaskId::new("web.1").unwrap(), AgentId::new("a1").unwrap());
        let mut one = Instance::new(id, PathId::parse("/web").unwrap(), agent, "h1".into(), Timestamp::from_millis(5));
        one.host_ports = vec![31_000];
        one
    }

    #[test]
    fn a_fresh_task_says_nothing_of_its_health() {
        let mut one = instance();
        one.health = vec![CheckHealth::default(); 2];
        let expected = json!({
            "id": "web.1", "appId": "/web", "host": "h1", "slaveId": "a1", "ports": [31000], "servicePorts": [],
            "ipAddresses": [], "state": "TASK_STAGING", "stagedAt": "1970-01-01T00:00:00.005Z",
            "version": "1970-01-01T00:00:00.005Z", "role": "*",
        });
        assert_eq!(task(&one, "*", &[]), expected);
    }

    #[test]
    fn a_running_task_shows_what_is_known() {
        let mut one = instance();
        one.condition = Condition::Task(TaskState::Running);
        one.started_at = Some(Timestamp::from_millis(7));
        one.ip_addresses = vec!["172.17.0.2".into(), "fd00::2".into()];
        (one.region, one.zone) = (Some("eu".into()), Some("a".into()));
        let spoken = CheckHealth {
            alive: Some(false),
            consecutive_failures: 2,
            last_failure: Some(Timestamp::from_millis(9)),
            last_failure_cause: Some("refused".into()),
            ..CheckHealth::default()
        };
        one.health = vec![CheckHealth::default(), spoken];
        let shown = task(&one, "dev", &[10_000]);
        assert_eq!(
            (&shown["state"], &shown["startedAt"]),
            (&json!("TASK_RUNNING"), &json!("1970-01-01T00:00:00.007Z"))
        );
        assert_eq!((&shown["servicePorts"], &shown["role"]), (&json!([10_000]), &json!("dev")));
        let addresses = json!([
            {"ipAddress": "172.17.0.2", "protocol": "IPv4"}, {"ipAddress": "fd00::2", "protocol": "IPv6"}
        ]);
        assert_eq!(shown["ipAddresses"], addresses);
        let results = json!([{
            "alive": false, "consecutiveFailures": 2, "instanceId": "web.1",
            "lastFailure": "1970-01-01T00:00:00.009Z", "lastFailureCause": "refused",
        }]);
        assert_eq!(shown["healthCheckResults"], results);
    }
}
