//! An instance as `Task`.

use marathon_lite_core::{
    app::Timestamp,
    instances::{self, CheckHealth, Instance},
};
use proto_types::TaskId;
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::Value;

/// An instance, written as Marathon's `Task`: the same as [`instances::task`], without making each first, for lists have
/// ten thousands of them.
pub(crate) struct TaskInfo<'a> {
    /// Which.
    pub(crate) instance: &'a Instance,
    /// The app's service ports, in lists of tasks; among the app's own tasks there are none.
    pub(crate) service_ports: &'a [u16],
    /// The role whose resources it uses.
    pub(crate) role: &'a str,
}

impl TaskInfo<'_> {
    /// The task as JSON.
    pub(crate) fn render(&self) -> Value {
        instances::task(self.instance, self.role, self.service_ports)
    }
}

impl Serialize for TaskInfo<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let instance = self.instance;
        let mut out = serializer.serialize_map(None)?;
        out.serialize_entry("id", instance.id.as_str())?;
        out.serialize_entry("appId", instance.app.as_str())?;
        out.serialize_entry("host", &instance.host)?;
        out.serialize_entry("slaveId", instance.agent.as_str())?;
        out.serialize_entry("ports", &instance.host_ports)?;
        out.serialize_entry("servicePorts", self.service_ports)?;
        out.serialize_entry("ipAddresses", &instances::ip_addresses(instance))?;
        out.serialize_entry("state", instance.condition.task_state())?;
        out.serialize_entry("stagedAt", &Moment(instance.staged_at))?;
        out.serialize_entry("version", &Moment(instance.version))?;
        out.serialize_entry("role", self.role)?;
        if let Some(started) = instance.started_at {
            out.serialize_entry("startedAt", &Moment(started))?;
        }
        if let Some(region) = &instance.region {
            out.serialize_entry("region", region)?;
        }
        if let Some(zone) = &instance.zone {
            out.serialize_entry("zone", zone)?;
        }
        if instance.health.iter().any(|health| health.alive.is_some()) {
            out.serialize_entry("healthCheckResults", &Results(instance))?;
        }
        out.end()
    }
}

/// A moment, written without making a text of it first.
struct Moment(Timestamp);

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// What those health checks say that have spoken.
struct Results<'a>(&'a Instance);

impl Serialize for Results<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let said = self.0.health.iter().filter_map(|health| Some((health.alive?, health)));
        serializer.collect_seq(said.map(|(alive, health)| Said { alive, health, instance: &self.0.id }))
    }
}

/// What a health check says.
struct Said<'a> {
    alive: bool,
    health: &'a CheckHealth,
    instance: &'a TaskId,
}

impl Serialize for Said<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_map(None)?;
        out.serialize_entry("alive", &self.alive)?;
        out.serialize_entry("consecutiveFailures", &self.health.consecutive_failures)?;
        out.serialize_entry("instanceId", self.instance.as_str())?;
        let times = [
            ("firstSuccess", self.health.first_success),
            ("lastSuccess", self.health.last_success),
            ("lastFailure", self.health.last_failure),
        ];
        for (name, time) in times {
            if let Some(time) = time {
                out.serialize_entry(name, &Moment(time))?;
            }
        }
        if let Some(cause) = &self.health.last_failure_cause {
            out.serialize_entry("lastFailureCause", cause)?;
        }
        out.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use marathon_lite_core::{app::PathId, instances::Condition};
    use proto_types::{AgentId, TaskState};

    #[test]
    fn it_is_what_the_core_makes() {
        let at = Timestamp::from_millis(1_500);
        let agent = AgentId::new("A1").unwrap();
        let mut instance =
            Instance::new(TaskId::new("web.1").unwrap(), PathId::parse("/web").unwrap(), agent, "h1".into(), at);
        for state in [TaskState::Staging, TaskState::Running, TaskState::Unreachable] {
            let info = TaskInfo { instance: &instance, service_ports: &[10_000], role: "dev" };
            assert_eq!(serde_json::to_value(&info).unwrap(), info.render());
            instance.condition = Condition::Task(state);
            instance.started_at = Some(at);
            instance.host_ports = vec![31_000, 31_001];
            instance.ip_addresses = vec!["172.17.0.2".into(), "fd00::1".into()];
            (instance.region, instance.zone) = (Some("eu".into()), Some("a".into()));
            let said = CheckHealth {
                alive: Some(false),
                consecutive_failures: 2,
                first_success: Some(at),
                last_success: Some(at),
                last_failure: Some(at),
                last_failure_cause: Some("refused".into()),
            };
            instance.health = vec![CheckHealth::default(), said];
        }
        let info = TaskInfo { instance: &instance, service_ports: &[], role: "*" };
        assert_eq!(serde_json::to_value(&info).unwrap(), info.render());
    }
}
