//! What a container of a pod finds in its environment.

use super::{PodContainer, PodDefinition};
use crate::app::{EnvironmentValue, about};
use std::collections::BTreeMap;

impl PodDefinition {
    /// The environment of one of its containers. `host_ports` are the ports on the agent of all endpoints by name, so
    /// that containers find one another. What pod and container set wins over what is injected.
    #[must_use]
    pub fn task_environment(
        &self,
        container: &PodContainer,
        task_id: &str,
        host: &str,
        host_ports: &BTreeMap<String, u16>,
    ) -> BTreeMap<String, EnvironmentValue> {
        let labels = self.labels.iter().chain(&container.labels);
        let labels = labels.map(|(name, value)| (name.clone(), value.clone())).collect();
        let mut out = about(&self.id, self.version, &container.resources, &labels, task_id);
        out.insert("MARATHON_CONTAINER_ID".into(), container.name.clone());
        out.insert("HOST".into(), host.to_owned());
        if let Some(image) = &container.image {
            out.insert("MARATHON_APP_DOCKER_IMAGE".into(), image.id.clone());
        }
        for endpoint in self.containers.iter().flat_map(|container| &container.endpoints) {
            let name = endpoint.name.to_ascii_uppercase().replace('-', "_");
            let host_port = host_ports.get(&endpoint.name).copied();
            for (prefix, port) in [
                ("EP_HOST", host_port),
                ("EP_CONTAINER", endpoint.container_port),
                ("ENDPOINT", host_port.or(endpoint.container_port)),
            ] {
                out.extend(port.map(|port| (format!("{prefix}_{name}"), port.to_string())));
            }
        }
        let mut out: BTreeMap<_, _> =
            out.into_iter().map(|(name, value)| (name, EnvironmentValue::Plain(value))).collect();
        out.extend(self.environment.clone());
        out.extend(container.environment.clone());
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{pods::define, support::Support};
    use serde_json::json;

    #[test]
    fn containers_find_each_others_endpoints() {
        let body = json!({"id": "/p", "labels": {"a": "1"}, "environment": {"X": "pod", "Y": "pod"}, "containers": [
            {"name": "one", "exec": {"command": {"shell": "x"}}, "resources": {"cpus": 0.1, "mem": 32},
             "endpoints": [{"name": "web-ui", "hostPort": 0}], "environment": {"X": "one"}},
            {"name": "two", "exec": {"command": {"argv": ["x"]}}, "resources": {"cpus": 0.1, "mem": 32}},
        ]});
        let pod = define(&body, None, &Support::default()).unwrap();
        let ports = BTreeMap::from([("web-ui".to_owned(), 31_000)]);
        let plain = |container: usize, name: &str| {
            let all = pod.task_environment(&pod.containers[container], "t", "h", &ports);
            match all.get(name) {
                Some(EnvironmentValue::Plain(text)) => text.clone(),
                other => format!("{other:?}"),
            }
        };
        assert_eq!((plain(0, "X"), plain(1, "X"), plain(0, "Y")), ("one".into(), "pod".into(), "pod".into()));
        for container in [0, 1] {
            assert_eq!(plain(container, "EP_HOST_WEB_UI"), "31000");
            assert_eq!(plain(container, "ENDPOINT_WEB_UI"), "31000");
            assert_eq!(plain(container, "MARATHON_APP_LABELS"), "A");
        }
        assert_eq!(plain(1, "MARATHON_CONTAINER_ID"), "two");
    }
}
