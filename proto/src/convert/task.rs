//! Tasks, executors and launches.

use super::{
    Invalid, MESSAGE_BYTES_MAX,
    at::{At, list, required},
    command::{Place, command},
    container::container,
    health::health_check,
    readable,
    resources::{bag, resources_to_wire},
    text::{self, id, millis, port, to_millis},
};
use crate::v1;
use proto_types::{
    ResourceName, Resources, TaskId, TaskInfo,
    task::{Command, Discovery, DiscoveryPort, ExecutorInfo, Launch},
};
use std::sync::Arc;

readable! {
    v1::TaskInfo => TaskInfo: known_task;
    v1::ExecutorInfo => ExecutorInfo: known_executor;
}

/// A launch as a framework asks for it.
pub(crate) fn launch(wire: v1::Launch, group: bool, at: &At<'_>) -> Result<Launch, Invalid> {
    let executor = wire.executor.map(|wire| own_executor(wire, &at.field("executor"))).transpose()?;
    let place = if executor.is_some() { Place::OwnExecutor } else { Place::Process };
    let at = at.field("tasks");
    if wire.tasks.is_empty() {
        return Err(at.invalid("must name at least one task"));
    }
    let tasks = list(wire.tasks, &at, |wire, at| {
        text::check_size(&wire, MESSAGE_BYTES_MAX, at)?;
        task(wire, place, at).map(Arc::new)
    })?;
    Ok(Launch { executor, tasks, group })
}

/// A task that was launched before; its executor is said elsewhere.
pub(crate) fn known_task(wire: v1::TaskInfo, at: &At<'_>) -> Result<TaskInfo, Invalid> {
    task(wire, Place::OwnExecutor, at)
}

fn task(wire: v1::TaskInfo, place: Place, at: &At<'_>) -> Result<TaskInfo, Invalid> {
    let id: TaskId = id(&wire.id, &at.field("id"))?;
    let name = if wire.name.is_empty() { wire.id } else { wire.name };
    let resources = task_resources(wire.resources, &at.field("resources"))?;
    let container = match wire.container {
        Some(wire) => Some(container(wire, &resources.ports(), &at.field("container"))?),
        None => None,
    };
    let place = if container.is_some() && place == Place::Process { Place::Container } else { place };
    let command = match wire.command {
        Some(wire) => command(wire, place, &at.field("command"))?,
        None if place == Place::Process => return Err(at.field("command").missing()),
        None => Command::default(),
    };
    let health = wire.health_check.map(|wire| health_check(wire, &at.field("health_check")));
    let found = wire.discovery.map(|wire| discovery(wire, &name, &at.field("discovery")));
    Ok(TaskInfo {
        id,
        resources,
        command,
        container,
        health_check: health.transpose()?,
        kill_grace: wire.kill_grace_ms.map(millis),
        max_completion_time: wire.max_completion_time_ms.map(millis),
        labels: text::labels(wire.labels, &at.field("labels"))?,
        data: wire.data,
        discovery: found.transpose()?,
        name,
    })
}

fn task_resources(wire: Vec<v1::Resource>, at: &At<'_>) -> Result<Resources, Invalid> {
    let resources = bag(wire, at)?;
    if resources.iter().all(|resource| matches!(resource.kind.name, ResourceName::Custom(_))) {
        return Err(at.invalid("a task needs some cpus, mem, disk, gpus or ports"));
    }
    Ok(resources)
}

fn discovery(wire: v1::Discovery, task: &str, at: &At<'_>) -> Result<Discovery, Invalid> {
    Ok(Discovery {
        name: if wire.name.is_empty() { task.to_owned() } else { wire.name },
        ports: list(wire.ports, &at.field("ports"), discovery_port)?,
        labels: text::labels(wire.labels, &at.field("labels"))?,
    })
}

fn discovery_port(wire: v1::DiscoveryPort, at: &At<'_>) -> Result<DiscoveryPort, Invalid> {
    let protocol = if wire.protocol.is_empty() { "tcp".to_owned() } else { wire.protocol };
    if !matches!(protocol.as_str(), "tcp" | "udp") {
        return Err(at.field("protocol").invalid(format_args!("{protocol:?} is neither tcp nor udp")));
    }
    Ok(DiscoveryPort { number: port(wire.number, &at.field("number"))?, name: wire.name, protocol })
}

/// An executor that a framework brings.
fn own_executor(wire: v1::ExecutorInfo, at: &At<'_>) -> Result<ExecutorInfo, Invalid> {
    text::check_size(&wire, MESSAGE_BYTES_MAX, at)?;
    let executor = known_executor(wire, at)?;
    if executor.id.is_built_in() {
        return Err(at.field("id").invalid("\"built-in\" is taken; leave the executor out to use the built-in one"));
    }
    if executor.command.value.is_empty() {
        return Err(at.field("command").field("value").missing());
    }
    Ok(executor)
}

/// An executor that was started before; it may be the built-in one, which needs no command.
pub(crate) fn known_executor(wire: v1::ExecutorInfo, at: &At<'_>) -> Result<ExecutorInfo, Invalid> {
    Ok(ExecutorInfo {
        id: id(&wire.id, &at.field("id"))?,
        name: if wire.name.is_empty() { wire.id } else { wire.name },
        command: match wire.command {
            Some(wire) if wire == v1::Command::default() => Command::default(),
            Some(wire) => command(wire, Place::Process, &at.field("command"))?,
            None => Command::default(),
        },
        resources: bag(wire.resources, &at.field("resources"))?,
        data: wire.data,
    })
}

/// What must be there of a task that was launched before.
pub(crate) fn required_task(wire: Option<v1::TaskInfo>, at: &At<'_>) -> Result<Arc<TaskInfo>, Invalid> {
    known_task(required(wire, at)?, at).map(Arc::new)
}

impl From<&TaskInfo> for v1::TaskInfo {
    fn from(task: &TaskInfo) -> Self {
        Self {
            id: task.id.to_string(),
            name: task.name.clone(),
            resources: resources_to_wire(&task.resources),
            command: Some((&task.command).into()),
            container: task.container.as_ref().map(Into::into),
            health_check: task.health_check.as_ref().map(Into::into),
            kill_grace_ms: task.kill_grace.map(to_millis),
            max_completion_time_ms: task.max_completion_time.map(to_millis),
            labels: task.labels.clone(),
            data: task.data.clone(),
            discovery: task.discovery.as_ref().map(Into::into),
        }
    }
}

impl From<&Discovery> for v1::Discovery {
    fn from(discovery: &Discovery) -> Self {
        let port = |port: &DiscoveryPort| v1::DiscoveryPort {
            number: port.number.into(),
            name: port.name.clone(),
            protocol: port.protocol.clone(),
        };
        Self {
            name: discovery.name.clone(),
            ports: discovery.ports.iter().map(port).collect(),
            labels: discovery.labels.clone(),
        }
    }
}

impl From<&ExecutorInfo> for v1::ExecutorInfo {
    fn from(executor: &ExecutorInfo) -> Self {
        Self {
            id: executor.id.to_string(),
            name: executor.name.clone(),
            command: Some((&executor.command).into()),
            resources: resources_to_wire(&executor.resources),
            data: executor.data.clone(),
        }
    }
}

/// Whether the tasks are a group is said beside a launch.
impl From<&Launch> for v1::Launch {
    fn from(launch: &Launch) -> Self {
        Self {
            executor: launch.executor.as_ref().map(Into::into),
            tasks: launch.tasks.iter().map(|task| (&**task).into()).collect(),
        }
    }
}
