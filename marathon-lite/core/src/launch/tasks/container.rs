//! The container of an app's task.

use super::{port::Port, secrets};
use crate::{
    app::{AppDefinition, Container, Docker, ReadMode, Volume},
    launch::run_spec::network,
};
use proto_types::{
    Labels,
    container::{self, Mount, Network},
};

/// The label of containers by which tools find their tasks.
const TASK_LABEL: &str = "MESOS_TASK_ID";

/// An image as the engine is asked for it; `labels` are those that the user wants.
pub(super) fn image(image: &str, force_pull: bool, task: &str, mut labels: Labels) -> container::Docker {
    labels.insert(TASK_LABEL.to_owned(), task.to_owned());
    container::Docker {
        image: image.to_owned(),
        force_pull,
        network: Network::Host,
        port_mappings: Vec::new(),
        privileged: false,
        entrypoint: None,
        volumes: Vec::new(),
        labels,
        hostname: None,
    }
}

/// The container of an app's task, without its entrypoint; none: a process.
pub(super) fn of_app<'a>(
    app: &'a AppDefinition,
    task: &str,
    ports: &[Port<'_>],
) -> Result<Option<(container::Docker, &'a Docker)>, String> {
    let Some(Container { docker: Some(docker), volumes, .. }) = &app.container else { return Ok(None) };
    let labels = parameters(docker, "label").filter_map(|label| label.split_once('='));
    let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let network = network(&app.networks);
    let port_mappings = if network == Network::Host { Vec::new() } else { super::port::published(ports) };
    let mounts: Result<Vec<Mount>, String> = volumes.iter().map(|volume| mount(app, volume)).collect();
    let container = container::Docker {
        network,
        port_mappings,
        privileged: docker.privileged,
        volumes: mounts?,
        hostname: parameters(docker, "hostname").last().map(str::to_owned),
        ..image(&docker.image, docker.force_pull_image, task, labels)
    };
    Ok(Some((container, docker)))
}

/// The values of an option of the engine, of which the last one counts where there can be one only.
pub(super) fn parameters<'a>(docker: &'a Docker, key: &'a str) -> impl DoubleEndedIterator<Item = &'a str> {
    docker.parameters.iter().filter(move |parameter| parameter.key == key).map(|parameter| parameter.value.as_str())
}

fn mount(app: &AppDefinition, volume: &Volume) -> Result<Mount, String> {
    let container_path = volume.container_path().to_owned();
    match volume {
        Volume::Host(host) => {
            let read_only = host.mode == ReadMode::ReadOnly;
            Ok(Mount { source: host.host_path.clone(), container_path, read_only })
        }
        Volume::Secret(volume) => {
            let source = secrets::file(&app.secrets, &volume.secret)?;
            Ok(Mount { source: source.to_owned(), container_path, read_only: true })
        }
        Volume::Persistent(_) => Err(format!("persistent volume '{container_path}': the master offers no volumes")),
    }
}
