//! `proffer agents`.

use super::{ListOptions, show};
use crate::output::{Listed, ago, resources};
use anyhow::Result;
use proffer_framework::operator::v1;
use serde_json::{Value, json};
use std::process::ExitCode;

impl Listed for v1::AgentRecord {
    const COLUMNS: &'static [&'static str] =
        &["agent", "hostname", "state", "since", "#tasks", "total", "used", "offered"];

    fn cells(&self) -> Vec<String> {
        let info = self.info.clone().unwrap_or_default();
        vec![
            self.id.clone(),
            info.hostname,
            condition(self),
            ago(self.since_ms),
            self.tasks.to_string(),
            resources(&info.resources),
            resources(&self.used),
            resources(&self.offered),
        ]
    }

    fn json(&self) -> Value {
        let info = self.info.clone().unwrap_or_default();
        json!({
            "id": self.id, "hostname": info.hostname, "address": info.address, "state": state(self),
            "duty": duty(self), "since_ms": self.since_ms, "drain": self.drain.map(drain),
            "unavailability": self.unavailability.map(unavailability), "tasks": self.tasks, "total": resources(&info.resources),
            "used": resources(&self.used), "offered": resources(&self.offered), "region": info.region,
            "zone": info.zone, "version": info.version, "isolation": info.isolation,
            "attributes": attributes(&info.attributes),
        })
    }
}

fn state(agent: &v1::AgentRecord) -> String {
    agent.state().as_str_name().replace("AGENT_STATE_", "")
}

fn duty(agent: &v1::AgentRecord) -> String {
    agent.duty().as_str_name().replace("AGENT_DUTY_", "")
}

/// What is the matter with an agent: what operators want of it, and where it stands if that is not here.
pub(crate) fn condition(agent: &v1::AgentRecord) -> String {
    match (agent.state(), agent.duty()) {
        (v1::AgentState::Connected, _) => duty(agent),
        (_, v1::AgentDuty::Active) => state(agent),
        _ => format!("{}, {}", duty(agent), state(agent)),
    }
}

fn drain(drain: v1::AgentDrain) -> Value {
    json!({
        "max_grace_ms": drain.max_grace_ms, "deadline_ms": drain.deadline_ms, "mark_gone": drain.mark_gone,
        "maintenance": drain.maintenance,
    })
}

/// What is planned, for programs.
pub(crate) fn unavailability(planned: v1::Unavailability) -> Value {
    json!({ "start_ms": planned.start_ms, "end_ms": planned.end_ms })
}

fn attributes(attributes: &[v1::Attribute]) -> Vec<Value> {
    use v1::attribute::Value as Wire;
    let value = |attribute: &v1::Attribute| match &attribute.value {
        Some(Wire::ScalarMilli(milli)) => json!(*milli as f64 / 1000.0),
        Some(Wire::Text(text)) => json!(text),
        Some(Wire::Ranges(ranges)) => json!(ranges.ranges.iter().map(|r| [r.begin, r.end]).collect::<Vec<_>>()),
        None => Value::Null,
    };
    attributes.iter().map(|attribute| json!({ "name": attribute.name, "value": value(attribute) })).collect()
}

pub(crate) async fn run(options: ListOptions) -> Result<ExitCode> {
    show(&options, v1::WatchKind::Agents, async |operator| operator.agents().await).await
}
