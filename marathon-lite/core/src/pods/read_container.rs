//! JSON to a container of a pod.

use super::{Endpoint, Image, PodCommand, PodContainer, PodHealthCheck, PodProbe, VolumeMount};
use crate::{
    app::{AppResources, EnvironmentValue, read as parts},
    json::{Fields, Item},
};
use proto_types::Scalar;
use std::{collections::BTreeMap, time::Duration};

pub(super) fn container(item: &Item<'_>) -> Option<PodContainer> {
    let fields = item.object()?;
    let name = fields.required("name").as_ref().and_then(name);
    let resources = fields.required("resources").as_ref().and_then(resources);
    let exec = fields.read("exec", exec);
    what_is_not_offered(&fields);
    let lifecycle = fields.read("lifecycle", Item::object);
    let (command, override_entrypoint) = exec.unwrap_or_default();
    Some(PodContainer {
        command,
        override_entrypoint,
        endpoints: fields.read("endpoints", |item| item.each(endpoint)).unwrap_or_default(),
        image: fields.read("image", image),
        environment: fields.read("environment", environment).unwrap_or_default(),
        user: fields.read("user", Item::filled),
        health_check: fields.read("healthCheck", health_check),
        volume_mounts: fields.read("volumeMounts", |item| item.each(volume_mount)).unwrap_or_default(),
        artifacts: fields.read("artifacts", |item| item.each(parts::artifact)).unwrap_or_default(),
        labels: fields.read("labels", Item::labels).unwrap_or_default(),
        kill_grace: lifecycle.and_then(|fields| fields.read("killGracePeriodSeconds", parts::pod_seconds)),
        tty: fields.read("tty", Item::flag),
        name: name?,
        resources: resources?,
    })
}

/// A name as DNS has it.
fn name(item: &Item<'_>) -> Option<String> {
    let name = item.text()?;
    if !parts::is_port_name(name) || name.len() > 63 {
        item.refuse("must match '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$' and have at most 63 letters");
    }
    Some(name.to_owned())
}

fn resources(item: &Item<'_>) -> Option<AppResources> {
    let fields = item.object()?;
    let defaults = AppResources::default();
    Some(AppResources {
        cpus: fields.read("cpus", |item| item.amount(1)).unwrap_or(defaults.cpus),
        mem: fields.read("mem", |item| item.amount(1)).unwrap_or(defaults.mem),
        disk: fields.read("disk", |item| item.amount(0)).unwrap_or(Scalar::ZERO),
        gpus: fields.read("gpus", Item::count).unwrap_or(0),
    })
}

fn exec(item: &Item<'_>) -> Option<(Option<PodCommand>, Option<bool>)> {
    let fields = item.object()?;
    let overrides = fields.read("overrideEntrypoint", Item::flag);
    Some((Some(command(&fields.required("command")?)?), overrides))
}

/// `{"shell": line}` or `{"argv": [...]}`.
fn command(item: &Item<'_>) -> Option<PodCommand> {
    let fields = item.object()?;
    let shell = fields.read("shell", Item::filled);
    let argv = fields.read("argv", |item| item.each(|one| one.text().map(str::to_owned)));
    match (fields.get("shell").is_some(), fields.get("argv").is_some()) {
        (true, false) => shell.map(PodCommand::Shell),
        (false, true) => {
            if argv.as_ref().is_some_and(Vec::is_empty) {
                fields.report().refuse(&fields.path_of("argv"), "must not be empty");
            }
            argv.map(PodCommand::Argv)
        }
        _ => {
            item.refuse("must have either 'shell', a line, or 'argv', a list");
            None
        }
    }
}

fn endpoint(item: &Item<'_>) -> Option<Endpoint> {
    let fields = item.object()?;
    let name = fields.required("name").as_ref().and_then(name);
    let protocol = fields.read("protocol", |item| item.each(|one| one.text().map(str::to_ascii_lowercase)));
    let networks = fields.read("networkNames", |item| item.each(Item::filled));
    let container_port = fields.read("containerPort", |item| item.whole(1..=65_535));
    Some(Endpoint {
        container_port: container_port.and_then(|port| u16::try_from(port).ok()),
        host_port: fields.read("hostPort", Item::port),
        protocol: protocol.unwrap_or_default(),
        labels: fields.read("labels", Item::labels).unwrap_or_default(),
        network_names: networks.unwrap_or_default(),
        name: name?,
    })
}

fn image(item: &Item<'_>) -> Option<Image> {
    let fields = item.object()?;
    let kind = fields.required("kind").and_then(|kind| kind.choice(&[("DOCKER", ())]));
    let id = fields.required("id").as_ref().and_then(Item::filled);
    let why = "credentials of registries are configured on the agents' engines, not in pods; leave it out";
    fields.refuse_if_present("pullConfig", |item| item.object()?.required("secret")?.text(), why);
    kind?;
    Some(Image {
        force_pull: fields.read("forcePull", Item::flag),
        labels: fields.read("labels", Item::labels).unwrap_or_default(),
        id: id?,
    })
}

/// Variables by name; in pods their names are those of shells.
pub(super) fn environment(item: &Item<'_>) -> Option<BTreeMap<String, EnvironmentValue>> {
    let environment = parts::environment(item)?;
    for name in environment.keys() {
        let first = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
        if !first || name.len() > 254 || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            item.report.refuse(&format!("{}/{name}", item.path), "must match '^[a-zA-Z_][a-zA-Z0-9_]{0,253}$'");
        }
    }
    Some(environment)
}

fn health_check(item: &Item<'_>) -> Option<PodHealthCheck> {
    let fields = item.object()?;
    let probe = probe(item, &fields);
    let seconds = |key, default| fields.read(key, Item::seconds).unwrap_or(Duration::from_secs(default));
    Some(PodHealthCheck {
        grace_period: seconds("gracePeriodSeconds", 300),
        interval: seconds("intervalSeconds", 60),
        timeout: seconds("timeoutSeconds", 20),
        delay: seconds("delaySeconds", 15),
        max_consecutive_failures: fields.read("maxConsecutiveFailures", Item::count).unwrap_or(3),
        probe: probe?,
    })
}

fn probe(item: &Item<'_>, fields: &Fields<'_>) -> Option<PodProbe> {
    let endpoint = |fields: &Fields<'_>| fields.required("endpoint").as_ref().and_then(name);
    let http = fields.read("http", |item| {
        let fields = item.object()?;
        let scheme = fields.read("scheme", |item| item.choice(&parts::SCHEMES)).unwrap_or_default();
        let path = fields.read("path", Item::filled);
        Some(PodProbe::Http { endpoint: endpoint(&fields)?, path, scheme })
    });
    let tcp = fields.read("tcp", |item| Some(PodProbe::Tcp { endpoint: endpoint(&item.object()?)? }));
    let exec = fields.read("exec", |item| Some(PodProbe::Command(command(&item.object()?.required("command")?)?)));
    let given = ["http", "tcp", "exec"].into_iter().filter(|key| fields.get(key).is_some()).count();
    if given != 1 {
        item.refuse("must have exactly one of 'http', 'tcp' and 'exec'");
        return None;
    }
    http.or(tcp).or(exec)
}

fn volume_mount(item: &Item<'_>) -> Option<VolumeMount> {
    let fields = item.object()?;
    let name = fields.required("name").as_ref().and_then(Item::filled);
    let mount_path = fields.required("mountPath").as_ref().and_then(Item::filled);
    let read_only = fields.read("readOnly", Item::flag);
    Some(VolumeMount { name: name?, mount_path: mount_path?, read_only })
}

fn what_is_not_offered(fields: &Fields<'_>) {
    parts::refuse_generic_check(fields, "check");
    parts::refuse_resource_limits(fields);
    fields.refuse_if_present("linuxInfo", Item::object, "seccomp and IPC settings are not supported; leave them out");
    if fields.read("tty", Item::flag) == Some(true) {
        let why = "a terminal cannot be attached; leave it out or set it to false";
        fields.report().refuse(&fields.path_of("tty"), why);
    }
}
