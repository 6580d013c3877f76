//! [`PodDefinition`] to JSON.

use super::{Endpoint, Image, PodCommand, PodContainer, PodDefinition, PodHealthCheck, PodProbe, VolumeMount};
use crate::{
    app::{
        Constraint,
        render::{
            artifact, environment, field_text, network, put_labels, put_list, put_some, secrets, unreachable_strategy,
        },
    },
    json::{amount, number, seconds},
};
use serde_json::{Map, Value, json};

impl PodDefinition {
    /// The pod as JSON.
    #[must_use]
    pub fn render(&self) -> Map<String, Value> {
        let mut out = Map::new();
        out.insert("id".into(), self.id.as_str().into());
        out.insert("version".into(), self.version.to_string().into());
        out.insert("containers".into(), self.containers.iter().map(container).collect());
        out.insert("networks".into(), self.networks.iter().map(network).collect());
        out.insert("scaling".into(), json!({"kind": "fixed", "instances": self.instances}));
        out.insert("scheduling".into(), self.scheduling());
        put_some(&mut out, "user", self.user.clone());
        put_some(&mut out, "role", self.role.clone());
        put_labels(&mut out, "labels", &self.labels);
        put_list(&mut out, "volumes", self.volumes.iter().map(|one| json!({"name": one.name, "host": one.host})));
        if !self.environment.is_empty() {
            out.insert("environment".into(), environment(&self.environment));
        }
        if !self.secrets.is_empty() {
            out.insert("secrets".into(), secrets(&self.secrets));
        }
        out
    }

    fn scheduling(&self) -> Value {
        json!({
            "backoff": {
                "backoff": seconds(self.backoff.initial),
                "backoffFactor": number(self.backoff.factor),
                "maxLaunchDelay": seconds(self.backoff.max),
            },
            "upgrade": {
                "minimumHealthCapacity": number(self.upgrade_strategy.minimum_health_capacity),
                "maximumOverCapacity": number(self.upgrade_strategy.maximum_over_capacity),
            },
            "placement": {
                "constraints": self.constraints.iter().map(constraint).collect::<Vec<_>>(),
                "acceptedResourceRoles": self.accepted_resource_roles,
            },
            "killSelection": self.kill_selection.name(),
            "unreachableStrategy": unreachable_strategy(&self.unreachable_strategy),
        })
    }
}

fn constraint(constraint: &Constraint) -> Value {
    let mut out = Map::new();
    out.insert("fieldName".into(), field_text(constraint).into());
    out.insert("operator".into(), constraint.operator.name().into());
    put_some(&mut out, "value", constraint.value.clone());
    Value::Object(out)
}

fn container(container: &PodContainer) -> Value {
    let mut out = Map::new();
    out.insert("name".into(), container.name.clone().into());
    let resources = &container.resources;
    out.insert(
        "resources".into(),
        json!({
            "cpus": amount(resources.cpus), "mem": amount(resources.mem), "disk": amount(resources.disk),
            "gpus": resources.gpus,
        }),
    );
    if let Some(line) = &container.command {
        let mut exec = Map::new();
        exec.insert("command".into(), command(line));
        put_some(&mut exec, "overrideEntrypoint", container.override_entrypoint);
        out.insert("exec".into(), Value::Object(exec));
    }
    put_list(&mut out, "endpoints", container.endpoints.iter().map(endpoint));
    put_some(&mut out, "image", container.image.as_ref().map(image));
    if !container.environment.is_empty() {
        out.insert("environment".into(), environment(&container.environment));
    }
    put_some(&mut out, "user", container.user.clone());
    put_some(&mut out, "healthCheck", container.health_check.as_ref().map(health_check));
    put_list(&mut out, "volumeMounts", container.volume_mounts.iter().map(volume_mount));
    put_list(&mut out, "artifacts", container.artifacts.iter().map(artifact));
    put_labels(&mut out, "labels", &container.labels);
    put_some(
        &mut out,
        "lifecycle",
        container.kill_grace.map(|grace| json!({"killGracePeriodSeconds": seconds(grace)})),
    );
    put_some(&mut out, "tty", container.tty);
    Value::Object(out)
}

fn command(command: &PodCommand) -> Value {
    match command {
        PodCommand::Shell(line) => json!({"shell": line}),
        PodCommand::Argv(argv) => json!({"argv": argv}),
    }
}

fn endpoint(endpoint: &Endpoint) -> Value {
    let mut out = Map::new();
    out.insert("name".into(), endpoint.name.clone().into());
    put_some(&mut out, "containerPort", endpoint.container_port);
    put_some(&mut out, "hostPort", endpoint.host_port);
    put_list(&mut out, "protocol", endpoint.protocol.iter().map(|name| name.clone().into()));
    put_labels(&mut out, "labels", &endpoint.labels);
    put_list(&mut out, "networkNames", endpoint.network_names.iter().map(|name| name.clone().into()));
    Value::Object(out)
}

fn image(image: &Image) -> Value {
    let mut out = Map::new();
    out.insert("kind".into(), "DOCKER".into());
    out.insert("id".into(), image.id.clone().into());
    put_some(&mut out, "forcePull", image.force_pull);
    put_labels(&mut out, "labels", &image.labels);
    Value::Object(out)
}

fn health_check(check: &PodHealthCheck) -> Value {
    let mut out = Map::new();
    out.insert("gracePeriodSeconds".into(), seconds(check.grace_period));
    out.insert("intervalSeconds".into(), seconds(check.interval));
    out.insert("timeoutSeconds".into(), seconds(check.timeout));
    out.insert("delaySeconds".into(), seconds(check.delay));
    out.insert("maxConsecutiveFailures".into(), check.max_consecutive_failures.into());
    match &check.probe {
        PodProbe::Http { endpoint, path, scheme } => {
            let mut http = Map::new();
            http.insert("endpoint".into(), endpoint.clone().into());
            http.insert("scheme".into(), scheme.name().into());
            put_some(&mut http, "path", path.clone());
            out.insert("http".into(), Value::Object(http));
        }
        PodProbe::Tcp { endpoint } => {
            out.insert("tcp".into(), json!({"endpoint": endpoint}));
        }
        PodProbe::Command(line) => {
            out.insert("exec".into(), json!({"command": command(line)}));
        }
    }
    Value::Object(out)
}

fn volume_mount(mount: &VolumeMount) -> Value {
    let mut out = Map::new();
    out.insert("name".into(), mount.name.clone().into());
    out.insert("mountPath".into(), mount.mount_path.clone().into());
    put_some(&mut out, "readOnly", mount.read_only);
    Value::Object(out)
}
