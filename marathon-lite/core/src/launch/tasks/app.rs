//! The task of an app's instance.

use super::{
    Circumstances,
    command::{self, Run},
    container, health, port, secrets,
};
use crate::{
    app::{AppDefinition, Place},
    instances::Instance,
};
use proto_types::{
    Resources, TaskInfo,
    container::Container,
    task::{Command, Discovery},
};

/// The task of an instance. Nothing in it starts it again: an app that runs once is not launched a second time, because
/// nobody asks for it.
pub(super) fn task(
    app: &AppDefinition,
    instance: &Instance,
    host_ports: &[Option<u16>],
    resources: Resources,
    circumstances: &Circumstances<'_>,
) -> Result<TaskInfo, String> {
    let id = instance.id.as_str();
    let ports = port::of_app(app, host_ports);
    let prefix = &circumstances.settings.environment_prefix;
    let environment = app.task_environment(&Place { task_id: id, host: &instance.host, host_ports, prefix });
    let run = app.cmd.as_deref().map_or(Run::Arguments(&app.args), Run::Line);
    let (ran, container) = match container::of_app(app, id, &ports)? {
        None => (command::process(run), None),
        Some((image, docker)) => {
            let (ran, entrypoint) = command::in_image(run, container::parameters(docker, "entrypoint").next_back());
            (ran, Some(Container::Docker(proto_types::container::Docker { entrypoint, ..image })))
        }
    };
    Ok(TaskInfo {
        id: instance.id.clone(),
        name: app.id.host_name(),
        resources,
        command: Command {
            environment: secrets::resolve(environment, &app.secrets, circumstances.secrets)?,
            uris: command::uris(&app.fetch),
            user: app.user.clone(),
            ..ran
        },
        container,
        health_check: health::of_app(app, &ports),
        kill_grace: app.kill_grace,
        max_completion_time: None,
        labels: app.labels.clone(),
        data: Vec::new(),
        discovery: Some(Discovery {
            name: app.id.host_name(),
            ports: port::discovered(&ports),
            labels: Default::default(),
        }),
    })
}
