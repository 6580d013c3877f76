//! What an instance finds in its environment.

use super::{AppDefinition, AppResources, EnvironmentValue, PathId, Timestamp};
use proto_types::{Labels, Scalar};
use std::collections::BTreeMap;

/// Longest value of a label that becomes a variable, plus one.
const VALUE_BYTES_END: usize = 512;
/// Before the names of variables made of labels.
const LABEL_PREFIX: &str = "MARATHON_APP_LABEL_";

/// Where an instance is started.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Its task's id.
    pub task_id: &'a str,
    /// The agent's host.
    pub host: &'a str,
    /// For each of the app's ports the one on the agent, if it has one there.
    pub host_ports: &'a [Option<u16>],
    /// Before the names of variables about ports and hosts (`--env_vars_prefix`).
    pub prefix: &'a str,
}

/// A port of an instance.
struct Port<'a> {
    /// As the app asked for it; 0: any.
    requested: u16,
    name: Option<&'a str>,
    /// As it is; none: it has no number that is known now.
    actual: Option<u16>,
}

impl AppDefinition {
    /// The environment of an instance. What the app sets wins over what is injected.
    #[must_use]
    pub fn task_environment(&self, place: &Place<'_>) -> BTreeMap<String, EnvironmentValue> {
        let mut out = about(&self.id, self.version, &self.resources, &self.labels, place.task_id);
        if let Some(docker) = self.container.as_ref().and_then(|container| container.docker.as_ref()) {
            out.insert("MARATHON_APP_DOCKER_IMAGE".into(), docker.image.clone());
        }
        out.insert(format!("{}HOST", place.prefix), place.host.to_owned());
        for (name, value) in port_variables(&self.ports(place.host_ports)) {
            out.insert(format!("{}{name}", place.prefix), value);
        }
        let mut out: BTreeMap<_, _> =
            out.into_iter().map(|(name, value)| (name, EnvironmentValue::Plain(value))).collect();
        out.extend(self.env.clone());
        out
    }

    /// The app's ports with their numbers in an instance.
    fn ports<'a>(&'a self, host_ports: &[Option<u16>]) -> Vec<Port<'a>> {
        let on_host = |index: usize| host_ports.get(index).copied().flatten();
        if self.uses_host_network() {
            let port = |(index, definition): (usize, &'a super::PortDefinition)| Port {
                requested: definition.port,
                name: definition.name.as_deref(),
                actual: on_host(index),
            };
            return self.port_definitions.iter().enumerate().map(port).collect();
        }
        let mappings = self.container.iter().flat_map(|container| &container.port_mappings);
        let port = |(index, mapping): (usize, &'a super::PortMapping)| Port {
            requested: mapping.container_port,
            name: mapping.name.as_deref(),
            // Without a port on the agent the container is reached under its own address.
            actual: on_host(index).or(Some(mapping.container_port).filter(|port| *port != 0)),
        };
        mappings.enumerate().map(port).collect()
    }
}

/// What every task is told of its app.
pub(crate) fn about(
    id: &PathId,
    version: Timestamp,
    resources: &AppResources,
    labels: &Labels,
    task_id: &str,
) -> BTreeMap<String, String> {
    let mut out = BTreeMap::from(
        [
            ("MESOS_TASK_ID", task_id.to_owned()),
            ("MARATHON_APP_ID", id.to_string()),
            ("MARATHON_APP_VERSION", version.to_string()),
            ("MARATHON_APP_RESOURCE_CPUS", decimal(resources.cpus)),
            ("MARATHON_APP_RESOURCE_MEM", decimal(resources.mem)),
            ("MARATHON_APP_RESOURCE_DISK", decimal(resources.disk)),
            ("MARATHON_APP_RESOURCE_GPUS", resources.gpus.to_string()),
            ("MARATHON_APP_ENFORCE_GROUP_ROLE", "FALSE".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    let fits = |(key, value): &(&String, &String)| {
        key.len() < VALUE_BYTES_END - LABEL_PREFIX.len() && value.len() < VALUE_BYTES_END
    };
    let labels: BTreeMap<String, &String> =
        labels.iter().filter(fits).map(|(key, value)| (variable_name(key), value)).collect();
    let names: Vec<&str> = labels.keys().map(String::as_str).collect();
    out.insert("MARATHON_APP_LABELS".into(), names.join(" "));
    out.extend(labels.into_iter().map(|(name, value)| (format!("{LABEL_PREFIX}{name}"), value.clone())));
    out
}

/// Marathon writes amounts as floats, whole ones too: `1.0`.
fn decimal(amount: Scalar) -> String {
    let text = amount.to_string();
    if text.contains('.') { text } else { format!("{text}.0") }
}

/// Upper case, and each run of other letters than those of variables as one `_`.
fn variable_name(key: &str) -> String {
    let mut name = String::with_capacity(key.len());
    for letter in key.chars() {
        if letter.is_ascii_alphanumeric() || letter == '_' {
            name.push(letter.to_ascii_uppercase());
        } else if !name.ends_with('_') {
            name.push('_');
        }
    }
    name
}

/// `PORT0` and so on, `PORT`, `PORTS`, and each port by the number and the name that the app gave it.
fn port_variables(ports: &[Port<'_>]) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let known = || ports.iter().enumerate().filter_map(|(index, port)| Some((index, port, port.actual?)));
    for (index, port, actual) in known() {
        out.push((format!("PORT{index}"), actual.to_string()));
        if port.requested != 0 {
            out.push((format!("PORT_{}", port.requested), actual.to_string()));
        }
        if let Some(name) = port.name {
            out.push((format!("PORT_{}", name.to_ascii_uppercase()), actual.to_string()));
        }
    }
    let numbers: Vec<String> = known().map(|(_, _, actual)| actual.to_string()).collect();
    if let Some(first) = numbers.first() {
        out.push(("PORT".into(), first.clone()));
        out.push(("PORTS".into(), numbers.join(",")));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{app::define, support::Support};
    use serde_json::{Value, json};

    fn environment(body: Value, host_ports: &[Option<u16>], prefix: &str) -> Vec<String> {
        let app = define(&body, &Support::default()).unwrap();
        let place = Place { task_id: "g_a.1", host: "node1", host_ports, prefix };
        let text = |value: EnvironmentValue| match value {
            EnvironmentValue::Plain(text) => text,
            EnvironmentValue::Secret(name) => format!("secret {name}"),
        };
        app.task_environment(&place).into_iter().map(|(name, value)| format!("{name}={}", text(value))).collect()
    }

    #[test]
    fn a_process_with_ports_and_labels() {
        let body = json!({
            "id": "/g/a", "cmd": "x", "cpus": 0.5, "labels": {"a-b.c": "1", "long": "x".repeat(512)},
            "env": {"PORT1": "mine", "S": {"secret": "s"}}, "secrets": {"s": {"source": "file"}},
            "portDefinitions": [{"port": 80, "name": "http-api"}, {"port": 0}],
        });
        assert_eq!(
            environment(body, &[Some(31_000), Some(31_001)], ""),
            [
                "HOST=node1",
                "MARATHON_APP_ENFORCE_GROUP_ROLE=FALSE",
                "MARATHON_APP_ID=/g/a",
                "MARATHON_APP_LABELS=A_B_C",
                "MARATHON_APP_LABEL_A_B_C=1",
                "MARATHON_APP_RESOURCE_CPUS=0.5",
                "MARATHON_APP_RESOURCE_DISK=0.0",
                "MARATHON_APP_RESOURCE_GPUS=0",
                "MARATHON_APP_RESOURCE_MEM=128.0",
                "MARATHON_APP_VERSION=1970-01-01T00:00:00.000Z",
                "MESOS_TASK_ID=g_a.1",
                "PORT=31000",
                "PORT0=31000",
                "PORT1=mine",
                "PORTS=31000,31001",
                "PORT_80=31000",
                "PORT_HTTP-API=31000",
                "S=secret s",
            ]
        );
    }

    #[test]
    fn containers_see_ports_of_the_agent_or_their_own() {
        let ports = |body, host_ports: &[Option<u16>]| {
            let all = environment(body, host_ports, "M_");
            all.into_iter().filter(|line| line.starts_with("M_PORT") || line.contains("IMAGE")).collect::<Vec<_>>()
        };
        let bridge = json!({"id": "a", "networks": [{"mode": "container/bridge"}], "container": {
            "docker": {"image": "i"}, "portMappings": [{"containerPort": 80}, {"containerPort": 0, "name": "x"}]
        }});
        assert_eq!(
            ports(bridge, &[Some(31_000), Some(31_001)]),
            [
                "MARATHON_APP_DOCKER_IMAGE=i",
                "M_PORT=31000",
                "M_PORT0=31000",
                "M_PORT1=31001",
                "M_PORTS=31000,31001",
                "M_PORT_80=31000",
                "M_PORT_X=31001"
            ]
        );
        let own = json!({"id": "a", "networks": [{"mode": "container", "name": "n"}], "container": {
            "docker": {"image": "i"}, "portMappings": [{"containerPort": 80}]
        }});
        assert_eq!(
            ports(own, &[None]),
            ["MARATHON_APP_DOCKER_IMAGE=i", "M_PORT=80", "M_PORT0=80", "M_PORTS=80", "M_PORT_80=80"]
        );
    }
}
