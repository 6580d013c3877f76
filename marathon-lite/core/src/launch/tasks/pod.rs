//! The tasks of a pod's instance, one for each container.

use super::{
    Circumstances,
    command::{self, Run},
    container, health,
    port::{self, Port},
    secrets,
};
use crate::{
    instances::{Condition, ContainerTask, Instance, container_task_id},
    launch::run_spec::network,
    pods::{PodCommand, PodContainer, PodDefinition, VolumeMount},
};
use proto_types::{
    Labels, Resources, TaskId, TaskInfo,
    container::{Container, Docker, Mount, Network},
    task::{Command, Discovery},
};
use std::{collections::BTreeMap, sync::Arc};

/// The tasks of an instance, which is told of them. `host_ports` are those of all endpoints, `take` gives a container
/// its resources.
pub(super) fn tasks(
    pod: &PodDefinition,
    instance: &mut Instance,
    host_ports: &[Option<u16>],
    circumstances: &Circumstances<'_>,
    mut take: impl FnMut(&PodContainer, &[u16]) -> Option<Resources>,
) -> Result<Vec<Arc<TaskInfo>>, String> {
    let mut rest = host_ports.iter().copied();
    let ports: Vec<Vec<Port<'_>>> = pod
        .containers
        .iter()
        .map(|container| {
            let endpoints = container.endpoints.iter();
            endpoints.map(|endpoint| port::of_endpoint(pod, endpoint, rest.next().flatten())).collect()
        })
        .collect();
    let by_name: BTreeMap<String, u16> =
        ports.iter().flatten().filter_map(|port| Some((port.name.to_owned(), port.on_host?))).collect();
    let mut tasks = Vec::with_capacity(pod.containers.len());
    for (container, ports) in pod.containers.iter().zip(&ports) {
        let id = container_task_id(&instance.id, &container.name)
            .map_err(|why| format!("the id of the task of container '{}' {why}; use shorter names", container.name))?;
        let on_host: Vec<u16> = ports.iter().filter_map(|port| port.on_host).collect();
        let resources = take(container, &on_host).ok_or("the resources are taken")?;
        let environment = pod.task_environment(container, id.as_str(), &instance.host, &by_name);
        let environment = secrets::resolve(environment, &pod.secrets, circumstances.secrets)?;
        tasks.push(Arc::new(task(pod, container, id, ports, resources, environment)));
    }
    let told = |(container, task): (&PodContainer, &Arc<TaskInfo>)| ContainerTask {
        name: container.name.clone(),
        task: task.id.clone(),
        condition: Condition::Created,
        started_at: None,
        healthy: None,
        message: String::new(),
    };
    instance.containers = pod.containers.iter().zip(&tasks).map(told).collect();
    Ok(tasks)
}

fn task(
    pod: &PodDefinition,
    container: &PodContainer,
    id: TaskId,
    ports: &[Port<'_>],
    resources: Resources,
    environment: BTreeMap<String, String>,
) -> TaskInfo {
    let (ran, image) = command_and_image(pod, container, &id, ports);
    let labels: Labels = pod.labels.iter().chain(&container.labels).map(|(k, v)| (k.clone(), v.clone())).collect();
    TaskInfo {
        id,
        name: container.name.clone(),
        resources,
        command: Command {
            environment,
            uris: command::uris(&container.artifacts),
            user: container.user.clone().or_else(|| pod.user.clone()),
            ..ran
        },
        container: image.map(Container::Docker),
        health_check: container.health_check.as_ref().and_then(|check| health::of_container(check, ports)),
        kill_grace: container.kill_grace,
        max_completion_time: None,
        labels,
        data: Vec::new(),
        discovery: Some(Discovery {
            name: pod.id.host_name(),
            ports: port::discovered(ports),
            labels: Labels::default(),
        }),
    }
}

/// What a container runs, and in what.
fn command_and_image(
    pod: &PodDefinition,
    container: &PodContainer,
    id: &TaskId,
    ports: &[Port<'_>],
) -> (Command, Option<Docker>) {
    let run = match &container.command {
        Some(PodCommand::Shell(line)) => Run::Line(line),
        Some(PodCommand::Argv(arguments)) => Run::Arguments(arguments),
        None => Run::Arguments(&[]),
    };
    let Some(image) = &container.image else { return (command::process(run), None) };
    let (ran, entrypoint) = match (run, container.override_entrypoint) {
        // The line is given to the image's own entrypoint, as its arguments.
        (Run::Line(_), Some(false)) => {
            let (ran, shell) = command::in_image(run, None);
            let arguments = shell.into_iter().flatten().chain(ran.arguments).collect();
            (Command { arguments, ..Command::default() }, None)
        }
        (Run::Arguments(_), Some(true)) => command::in_image(run, Some("")),
        _ => command::in_image(run, None),
    };
    let network = network(&pod.networks);
    let port_mappings = if network == Network::Host { Vec::new() } else { port::published(ports) };
    let docker = Docker {
        network,
        port_mappings,
        entrypoint,
        volumes: container.volume_mounts.iter().filter_map(|mount| mounted(pod, mount)).collect(),
        ..container::image(&image.id, image.force_pull.unwrap_or(false), id.as_str(), image.labels.clone())
    };
    (ran, Some(docker))
}

fn mounted(pod: &PodDefinition, mount: &VolumeMount) -> Option<Mount> {
    let volume = pod.volumes.iter().find(|volume| volume.name == mount.name)?;
    let read_only = mount.read_only.unwrap_or(false);
    Some(Mount { source: volume.host.clone(), container_path: mount.mount_path.clone(), read_only })
}
