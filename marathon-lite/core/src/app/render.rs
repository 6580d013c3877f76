//! [`AppDefinition`] to JSON, as Marathon 1.5 and later write it.
//!
//! Clients are strict in both directions: some index keys that must be there (`labels`, `networks`,
//! `container.volumes`), others fail on keys that they do not know. So these are always there, empty collections of the
//! other kinds are left out, and nothing is written that the user did not set or that Marathon always had.

use super::{
    AppDefinition, Artifact, CanarySize, CheckedPort, Constraint, Container, Docker, Engine, EnvironmentValue,
    HealthCheck, Network, PREFERRED_PREFIX, PersistentVolume, PortDefinition, PortMapping, ReadinessCheck,
    UnreachableStrategy, UpgradeStrategy, Volume,
};
use crate::json::{amount, number, seconds};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

impl AppDefinition {
    /// The app as JSON. Callers add counts, deployments, tasks and the like.
    #[must_use]
    pub fn render(&self) -> Map<String, Value> {
        let mut out = Map::new();
        let mut put = |key: &str, value: Value| out.insert(key.to_owned(), value);
        put("id", self.id.as_str().into());
        put("instances", self.instances.into());
        put("cpus", amount(self.resources.cpus));
        put("mem", amount(self.resources.mem));
        put("disk", amount(self.resources.disk));
        put("gpus", self.resources.gpus.into());
        put("executor", self.executor.clone().into());
        put("labels", json!(self.labels));
        put("networks", self.networks.iter().map(network).collect());
        put("requirePorts", self.require_ports.into());
        put("backoffSeconds", seconds(self.backoff.initial));
        put("backoffFactor", number(self.backoff.factor));
        put("maxLaunchDelaySeconds", seconds(self.backoff.max));
        put("killSelection", self.kill_selection.name().into());
        put("unreachableStrategy", unreachable_strategy(&self.unreachable_strategy));
        put("upgradeStrategy", upgrade_strategy(&self.upgrade_strategy));
        put("version", self.version.to_string().into());
        put(
            "versionInfo",
            json!({
                "lastScalingAt": self.version_info.last_scaling_at.to_string(),
                "lastConfigChangeAt": self.version_info.last_config_change_at.to_string(),
            }),
        );
        if self.uses_host_network() {
            put("portDefinitions", self.port_definitions.iter().map(port_definition).collect());
        }
        self.render_what_is_set(&mut out);
        out
    }

    /// What is written only if it is there.
    fn render_what_is_set(&self, out: &mut Map<String, Value>) {
        put_some(out, "cmd", self.cmd.clone());
        put_some(out, "user", self.user.clone());
        put_some(out, "role", self.role.clone());
        put_some(out, "tty", self.tty);
        put_some(out, "taskKillGracePeriodSeconds", self.kill_grace.map(seconds));
        put_some(out, "container", self.container.as_ref().map(|one| container(one, self.uses_host_network())));
        put_list(out, "args", self.args.iter().map(|arg| arg.clone().into()));
        put_list(out, "constraints", self.constraints.iter().map(constraint));
        put_list(out, "acceptedResourceRoles", self.accepted_resource_roles.iter().map(|role| role.clone().into()));
        put_list(out, "dependencies", self.dependencies.iter().map(|id| id.as_str().into()));
        put_list(out, "fetch", self.fetch.iter().map(artifact));
        put_list(out, "healthChecks", self.health_checks.iter().map(HealthCheck::render));
        put_list(out, "readinessChecks", self.readiness_checks.iter().map(readiness_check));
        if !self.env.is_empty() {
            out.insert("env".into(), environment(&self.env));
        }
        if !self.secrets.is_empty() {
            out.insert("secrets".into(), secrets(&self.secrets));
        }
        if let Some(residency) = &self.residency {
            let timeout = seconds(residency.relaunch_escalation_timeout);
            let behavior = residency.task_lost_behavior.name();
            let value = json!({"relaunchEscalationTimeoutSeconds": timeout, "taskLostBehavior": behavior});
            out.insert("residency".into(), value);
        }
        if let Some(run_once) = &self.run_once {
            out.insert("runOnce".into(), true.into());
            out.insert("runOncePolicy".into(), json!({"maxAttempts": run_once.max_attempts}));
        }
    }
}

/// Puts a value that is there.
pub(crate) fn put_some(out: &mut Map<String, Value>, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        out.insert(key.to_owned(), value.into());
    }
}

/// Puts a list that is not empty.
pub(crate) fn put_list(out: &mut Map<String, Value>, key: &str, values: impl Iterator<Item = Value>) {
    let values: Vec<Value> = values.collect();
    if !values.is_empty() {
        out.insert(key.to_owned(), values.into());
    }
}

/// Puts an object that is not empty.
pub(crate) fn put_labels(out: &mut Map<String, Value>, key: &str, labels: &BTreeMap<String, String>) {
    if !labels.is_empty() {
        out.insert(key.to_owned(), json!(labels));
    }
}

/// Variables by name.
pub(crate) fn environment(environment: &BTreeMap<String, EnvironmentValue>) -> Value {
    let value = |value: &EnvironmentValue| match value {
        EnvironmentValue::Plain(text) => Value::from(text.clone()),
        EnvironmentValue::Secret(name) => json!({"secret": name}),
    };
    Value::Object(environment.iter().map(|(name, one)| (name.clone(), value(one))).collect())
}

/// Secrets by name.
pub(crate) fn secrets(secrets: &BTreeMap<String, String>) -> Value {
    Value::Object(secrets.iter().map(|(name, source)| (name.clone(), json!({"source": source}))).collect())
}

/// An element of `networks`.
pub(crate) fn network(network: &Network) -> Value {
    let mut out = Map::new();
    out.insert("mode".into(), network.mode().into());
    match network {
        Network::Host => {}
        Network::Bridge { labels } => put_labels(&mut out, "labels", labels),
        Network::Container { name, labels } => {
            out.insert("name".into(), name.clone().into());
            put_labels(&mut out, "labels", labels);
        }
    }
    Value::Object(out)
}

fn port_definition(definition: &PortDefinition) -> Value {
    let mut out = Map::new();
    out.insert("port".into(), definition.port.into());
    out.insert("protocol".into(), definition.protocol.name().into());
    put_some(&mut out, "name", definition.name.clone());
    put_labels(&mut out, "labels", &definition.labels);
    Value::Object(out)
}

fn port_mapping(mapping: &PortMapping) -> Value {
    let mut out = Map::new();
    out.insert("containerPort".into(), mapping.container_port.into());
    out.insert("servicePort".into(), mapping.service_port.into());
    out.insert("protocol".into(), mapping.protocol.name().into());
    out.insert("labels".into(), json!(mapping.labels));
    put_some(&mut out, "hostPort", mapping.host_port);
    put_some(&mut out, "name", mapping.name.clone());
    put_list(&mut out, "networkNames", mapping.network_names.iter().map(|name| name.clone().into()));
    Value::Object(out)
}

fn container(container: &Container, host: bool) -> Value {
    let mut out = Map::new();
    out.insert("type".into(), container.engine.name().into());
    put_some(&mut out, "docker", container.docker.as_ref().map(|one| docker(one, container.engine)));
    out.insert("volumes".into(), container.volumes.iter().map(volume).collect());
    if !host || !container.port_mappings.is_empty() {
        out.insert("portMappings".into(), container.port_mappings.iter().map(port_mapping).collect());
    }
    Value::Object(out)
}

fn docker(docker: &Docker, engine: Engine) -> Value {
    let mut out = Map::new();
    out.insert("image".into(), docker.image.clone().into());
    out.insert("forcePullImage".into(), docker.force_pull_image.into());
    if engine == Engine::Docker || docker.privileged || !docker.parameters.is_empty() {
        out.insert("privileged".into(), docker.privileged.into());
        let parameter = |one: &super::Parameter| json!({"key": one.key, "value": one.value});
        out.insert("parameters".into(), docker.parameters.iter().map(parameter).collect());
    }
    Value::Object(out)
}

fn volume(volume: &Volume) -> Value {
    match volume {
        Volume::Host(one) => {
            json!({"containerPath": one.container_path, "hostPath": one.host_path, "mode": one.mode.name()})
        }
        Volume::Secret(one) => json!({"containerPath": one.container_path, "secret": one.secret}),
        Volume::Persistent(one) => {
            json!({"containerPath": one.container_path, "mode": one.mode.name(), "persistent": persistent(one)})
        }
    }
}

fn persistent(volume: &PersistentVolume) -> Value {
    let mut out = Map::new();
    out.insert("type".into(), volume.kind.name().into());
    out.insert("size".into(), volume.size.into());
    out.insert("constraints".into(), json!(volume.constraints));
    put_some(&mut out, "maxSize", volume.max_size);
    put_some(&mut out, "profileName", volume.profile_name.clone());
    Value::Object(out)
}

fn constraint(constraint: &Constraint) -> Value {
    let mut parts = vec![field_text(constraint), constraint.operator.name().to_owned()];
    parts.extend(constraint.value.clone());
    json!(parts)
}

/// The field as it is written, with the prefix of wishes.
pub(crate) fn field_text(constraint: &Constraint) -> String {
    let prefix = if constraint.preferred { PREFERRED_PREFIX } else { "" };
    format!("{prefix}{}", constraint.field)
}

/// An element of `fetch` or of a pod's `artifacts`.
pub(crate) fn artifact(artifact: &Artifact) -> Value {
    let mut out = Map::new();
    out.insert("uri".into(), artifact.uri.clone().into());
    out.insert("extract".into(), artifact.extract.into());
    out.insert("executable".into(), artifact.executable.into());
    out.insert("cache".into(), artifact.cache.into());
    put_some(&mut out, "destPath", artifact.dest_path.clone());
    Value::Object(out)
}

impl HealthCheck {
    /// The check as JSON, which events carry too. All its numbers are always there: load balancers index them.
    #[must_use]
    pub fn render(&self) -> Value {
        let mut out = Map::new();
        out.insert("protocol".into(), self.protocol.name().into());
        out.insert("gracePeriodSeconds".into(), seconds(self.grace_period));
        out.insert("intervalSeconds".into(), seconds(self.interval));
        out.insert("timeoutSeconds".into(), seconds(self.timeout));
        out.insert("delaySeconds".into(), seconds(self.delay));
        out.insert("maxConsecutiveFailures".into(), self.max_consecutive_failures.into());
        put_some(&mut out, "path", self.path.clone());
        put_some(&mut out, "ignoreHttp1xx", self.ignore_http_1xx);
        put_some(&mut out, "command", self.command.as_ref().map(|command| json!({"value": command})));
        match self.port {
            Some(CheckedPort::Index(index)) => put_some(&mut out, "portIndex", Some(index)),
            Some(CheckedPort::Number(port)) => put_some(&mut out, "port", Some(port)),
            None => {}
        }
        Value::Object(out)
    }
}

fn readiness_check(check: &ReadinessCheck) -> Value {
    json!({
        "name": check.name,
        "protocol": check.scheme.name(),
        "path": check.path,
        "portName": check.port_name,
        "intervalSeconds": seconds(check.interval),
        "timeoutSeconds": seconds(check.timeout),
        "httpStatusCodesForReady": check.http_status_codes_for_ready,
        "preserveLastResponse": check.preserve_last_response,
    })
}

/// `"disabled"`, or the two periods.
pub(crate) fn unreachable_strategy(strategy: &UnreachableStrategy) -> Value {
    match strategy {
        UnreachableStrategy::Disabled => "disabled".into(),
        UnreachableStrategy::Enabled { inactive_after, expunge_after } => json!({
            "inactiveAfterSeconds": seconds(*inactive_after),
            "expungeAfterSeconds": seconds(*expunge_after),
        }),
    }
}

/// The strategy, with those of the extensions that are used.
pub(crate) fn upgrade_strategy(strategy: &UpgradeStrategy) -> Value {
    let mut out = Map::new();
    out.insert("minimumHealthCapacity".into(), number(strategy.minimum_health_capacity));
    out.insert("maximumOverCapacity".into(), number(strategy.maximum_over_capacity));
    put_some(&mut out, "progressDeadlineSeconds", strategy.progress_deadline.map(seconds));
    put_some(&mut out, "rollbackOnFailure", strategy.rollback_on_failure.then_some(true));
    let step = |step: &super::CanaryStep| {
        let pause = seconds(step.pause);
        match step.size {
            CanarySize::Instances(instances) => json!({"instances": instances, "pauseSeconds": pause}),
            CanarySize::Share(share) => json!({"share": number(share), "pauseSeconds": pause}),
        }
    };
    put_list(&mut out, "canarySteps", strategy.canary_steps.iter().map(step));
    Value::Object(out)
}
