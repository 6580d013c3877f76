//! From a task to what the engine is asked to create.

use super::{Error, Spec, user::numbers};
use bollard::models::{
    ContainerCreateBody, DeviceRequest, HostConfig, HostConfigLogConfig, Mount, MountType, PortBinding, PortMap,
    ResourcesUlimits,
};
use proto_types::{
    ResourceName,
    container::{self, Docker, Network, Protocol},
};
use std::{
    collections::HashMap,
    fs, io,
    path::{Component, Path, PathBuf},
};

/// Where a container finds its sandbox.
pub const SANDBOX: &str = "/mnt/proffer/sandbox";

/// The label with the sandbox of a container, by which its output is found again.
pub const SANDBOX_LABEL: &str = "proffer.sandbox";

/// Processes and threads of one container: more is a runaway, and would hurt the whole machine.
const PIDS: i64 = 32_768;
/// The least memory that the engine accepts, MiB.
const LEAST_MEMORY: i64 = 6;

/// What the engine is asked to create. Makes the directories for volumes in the sandbox.
pub(super) fn body(spec: &Spec) -> Result<ContainerCreateBody, Error> {
    let (docker, command) = (&spec.docker, &spec.task.command);
    let mapped = matches!(docker.network, Network::Bridge | Network::Named(_));
    let ports = if mapped { docker.port_mappings.as_slice() } else { &[] };
    Ok(ContainerCreateBody {
        image: Some(docker.image.clone()),
        cmd: arguments(spec),
        entrypoint: docker.entrypoint.clone(),
        env: Some(spec.environment.iter().map(|(name, value)| format!("{name}={value}")).collect()),
        hostname: docker.hostname.clone(),
        user: spec.user.as_deref().map(numbers),
        working_dir: command.working_directory.as_ref().map(|path| working_directory(path)),
        labels: Some(labels(spec)),
        exposed_ports: Some(ports.iter().map(port).collect()),
        host_config: Some(host(spec, ports)?),
        ..ContainerCreateBody::default()
    })
}

fn host(spec: &Spec, ports: &[container::PortMapping]) -> Result<HostConfig, Error> {
    let amount = |name: &ResourceName| spec.task.resources.scalar(name).milli();
    let clip = |amount: u64| i64::try_from(amount).unwrap_or(i64::MAX);
    let (cpus, mem) = (amount(&ResourceName::Cpus), clip(amount(&ResourceName::Mem) / 1000));
    let memory = (mem > 0).then(|| mem.max(LEAST_MEMORY).saturating_mul(1 << 20));
    let gpus = clip(amount(&ResourceName::Gpus) / 1000);
    Ok(HostConfig {
        cpu_shares: (cpus > 0).then(|| clip(cpus.saturating_mul(1024) / 1000).clamp(2, 262_144)),
        memory,
        // No swap beyond it: what a task gets is what it asked for.
        memory_swap: memory,
        pids_limit: Some(PIDS),
        privileged: Some(spec.docker.privileged),
        network_mode: Some(network(&spec.docker)),
        port_bindings: (!ports.is_empty()).then(|| bindings(ports)),
        mounts: Some(mounts(spec)?),
        ulimits: Some(limits(spec)),
        device_requests: (gpus > 0).then(|| {
            let capabilities = Some(vec![vec!["gpu".to_owned()]]);
            vec![DeviceRequest { count: Some(gpus), capabilities, ..DeviceRequest::default() }]
        }),
        log_config: Some(log()),
        ..HostConfig::default()
    })
}

/// The engine's own file of the output. It keeps bytes as they are, and is never rotated: a rotated log loses or doubles
/// messages for those who follow it. It goes with the container.
fn log() -> HostConfigLogConfig {
    let options = [("max-size", "1024g"), ("max-file", "1"), ("compress", "false")];
    let config = options.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    HostConfigLogConfig { typ: Some("local".to_owned()), config: Some(config) }
}

fn arguments(spec: &Spec) -> Option<Vec<String>> {
    let command = &spec.task.command;
    if command.value.is_empty() {
        return (!command.arguments.is_empty()).then(|| command.arguments.clone());
    }
    if command.shell {
        return Some(vec!["/bin/sh".to_owned(), "-c".to_owned(), command.value.clone()]);
    }
    Some(std::iter::once(&command.value).chain(&command.arguments).cloned().collect())
}

fn labels(spec: &Spec) -> HashMap<String, String> {
    let mut all: HashMap<String, String> = spec.docker.labels.clone().into_iter().collect();
    all.extend(spec.labels.iter().cloned());
    all.insert(SANDBOX_LABEL.to_owned(), spec.sandbox.to_string_lossy().into_owned());
    all
}

fn working_directory(path: &str) -> String {
    Path::new(SANDBOX).join(path).to_string_lossy().into_owned()
}

fn network(docker: &Docker) -> String {
    match &docker.network {
        Network::Host => "host".to_owned(),
        Network::Bridge => "bridge".to_owned(),
        Network::None => "none".to_owned(),
        Network::Named(name) => name.clone(),
    }
}

fn port(mapping: &container::PortMapping) -> String {
    let protocol = match mapping.protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    };
    format!("{}/{protocol}", mapping.container_port)
}

fn bindings(ports: &[container::PortMapping]) -> PortMap {
    let mut map = PortMap::new();
    for mapping in ports {
        let binding = PortBinding { host_ip: None, host_port: Some(mapping.host_port.to_string()) };
        map.entry(port(mapping)).or_default().get_or_insert_default().push(binding);
    }
    map
}

fn limits(spec: &Spec) -> Vec<ResourcesUlimits> {
    let amount = |limit: Option<u64>| Some(limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(-1)));
    let limits = spec.task.command.rlimits.iter();
    let limit = |limit: &proto_types::task::Rlimit| ResourcesUlimits {
        name: Some(limit.name.to_ascii_lowercase()),
        soft: amount(limit.soft),
        hard: amount(limit.hard),
    };
    limits.map(limit).collect()
}

fn mounts(spec: &Spec) -> Result<Vec<Mount>, Error> {
    let sandbox = Mount {
        typ: Some(MountType::BIND),
        source: Some(spec.sandbox.to_string_lossy().into_owned()),
        target: Some(SANDBOX.to_owned()),
        ..Mount::default()
    };
    let volumes = spec.docker.volumes.iter().map(|volume| mount(volume, &spec.sandbox));
    std::iter::once(Ok(sandbox)).chain(volumes).collect()
}

fn mount(volume: &container::Mount, sandbox: &Path) -> Result<Mount, Error> {
    let (kind, source) = if volume.source.starts_with('/') {
        (MountType::BIND, volume.source.clone())
    } else if volume.source.contains('/') {
        let path = within(sandbox, &volume.source)
            .map_err(|error| Error::Volume { volume: volume.source.clone(), reason: error.to_string() })?;
        (MountType::BIND, path.to_string_lossy().into_owned())
    } else {
        (MountType::VOLUME, volume.source.clone())
    };
    Ok(Mount {
        typ: Some(kind),
        source: Some(source),
        target: Some(volume.container_path.clone()),
        read_only: Some(volume.read_only),
        ..Mount::default()
    })
}

/// A path in the sandbox, made a directory if nothing is there, and refused if it or a link in it leads out.
fn within(sandbox: &Path, relative: &str) -> io::Result<PathBuf> {
    let outside = || io::Error::other("it leads out of the sandbox");
    if !Path::new(relative).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Err(outside());
    }
    let sandbox = sandbox.canonicalize()?;
    let mut path = sandbox.clone();
    for part in Path::new(relative).components().filter(|part| matches!(part, Component::Normal(_))) {
        path.push(part);
        match fs::create_dir(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => path = path.canonicalize()?,
        }
        if !path.starts_with(&sandbox) {
            return Err(outside());
        }
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_stay_in_the_sandbox() {
        let directory = tempfile::tempdir().unwrap();
        let sandbox = directory.path().join("sandbox");
        fs::create_dir(&sandbox).unwrap();
        std::os::unix::fs::symlink("/", sandbox.join("out")).unwrap();
        assert!(within(&sandbox, "./data/of").unwrap().is_dir());
        for wrong in ["../x", "a/../../x", "out/tmp", "./out"] {
            within(&sandbox, wrong).unwrap_err();
        }
        assert!(!sandbox.join("a").exists());
    }
}
