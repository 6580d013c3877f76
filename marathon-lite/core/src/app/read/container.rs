//! An app's container, without its networks and ports.

use super::volume;
use crate::{
    app::{Container, Docker, Engine, Parameter},
    json::{Fields, Item},
};

/// Options of `docker run` that the executor knows.
const PARAMETERS: [&str; 3] = ["hostname", "label", "entrypoint"];

/// `container`.
pub(super) fn read(item: &Item<'_>) -> Option<Container> {
    let fields = item.object()?;
    let engines = [("DOCKER", Engine::Docker), ("MESOS", Engine::Mesos)];
    let engine = fields.read("type", |item| item.choice(&engines)).unwrap_or(Engine::Docker);
    let docker = fields.read("docker", docker);
    if engine == Engine::Docker && fields.get("docker").is_none() {
        fields.report().refuse(&fields.path_of("docker"), "not defined; a DOCKER container needs an image");
    }
    let volumes = fields.read("volumes", |item| item.each(volume::read)).unwrap_or_default();
    let why = "seccomp and IPC settings are not supported; leave them out";
    fields.refuse_if_present("linuxInfo", Item::object, why);
    Some(Container { engine, docker, volumes, port_mappings: Vec::new() })
}

fn docker(item: &Item<'_>) -> Option<Docker> {
    let fields = item.object()?;
    let image = fields.required("image").as_ref().and_then(Item::filled);
    refuse_credentials(&fields);
    let flag = |key| fields.read(key, Item::flag).unwrap_or(false);
    Some(Docker {
        force_pull_image: flag("forcePullImage"),
        privileged: flag("privileged"),
        parameters: fields.read("parameters", |item| item.each(parameter)).unwrap_or_default(),
        image: image?,
    })
}

fn parameter(item: &Item<'_>) -> Option<Parameter> {
    let fields = item.object()?;
    let key = fields.required("key").as_ref().and_then(Item::filled);
    let value = fields.required("value").and_then(|value| value.text().map(str::to_owned));
    let parameter = Parameter { key: key?, value: value? };
    if !PARAMETERS.contains(&parameter.key.as_str()) {
        let known = PARAMETERS.join(", ");
        item.refuse(format!("the option '{}' is not supported; supported are {known}", parameter.key));
    } else if parameter.key == "label" && !parameter.value.contains('=') {
        item.refuse("a label must be written 'name=value'");
    }
    Some(parameter)
}

/// Agents pull with the engine's own credentials.
fn refuse_credentials(fields: &Fields<'_>) {
    let why = "credentials of registries are configured on the agents' engines, not in apps; leave it out";
    fields.refuse_if_present("pullConfig", |item| item.object()?.required("secret")?.text(), why);
    fields.refuse_if_present("credential", |item| item.object()?.required("principal")?.text(), why);
}
