//! Tasks, executors and reports.

use super::{data, duration, id, labels, ports, resources, scalar, text, wall, word};
use proptest::{
    collection::{btree_map, vec},
    option,
    prelude::*,
};
use proto_types::{
    ExecutorId, Resource, ResourceName, Resources, TaskId, TaskInfo, TaskState, TaskStatus,
    container::{Container, Docker, Mount, Network, PortMapping, Protocol},
    health::{HealthCheck, Probe},
    resources::{Kind, Ranges, Value},
    status::{ContainerStatus, Reason, Source},
    task::{Command, Discovery, DiscoveryPort, ExecutorInfo, Launch, Rlimit, Uri},
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

fn environment() -> impl Strategy<Value = BTreeMap<String, String>> {
    btree_map("[A-Z_]{1,6}", "[ -~]{0,6}", 0..3)
}

fn uri() -> impl Strategy<Value = Uri> {
    let value = "(https?://host/|file:///|/)[a-z]{1,4}/[a-z]{1,4}\\.tgz";
    (
        value,
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
        option::of("[a-z]{1,3}/[a-z]{1,3}"),
        option::of("[0-9a-fA-F]{64}"),
    )
        .prop_map(|(value, extract, executable, cache, output_file, sha256)| Uri {
            value,
            extract,
            executable,
            cache,
            output_file,
            sha256,
        })
}

fn rlimits() -> impl Strategy<Value = Vec<Rlimit>> {
    let bounds = (option::of(0..1_000_u64), option::of(1_000..2_000_u64));
    btree_map(prop::sample::select(vec!["CORE", "NOFILE", "STACK"]), bounds, 0..3).prop_map(|limits| {
        let limit = |(name, (soft, hard)): (&str, (Option<u64>, Option<u64>))| Rlimit {
            name: name.to_owned(),
            soft,
            hard: hard.filter(|_| soft.is_some()),
        };
        limits.into_iter().map(limit).collect()
    })
}

/// Commands that run as processes.
pub(crate) fn command() -> impl Strategy<Value = Command> {
    let directory = option::of("[a-z]{1,3}/[a-z]{1,3}");
    let user = option::of("[a-z]{1,6}");
    (word(), any::<bool>(), vec(text(), 0..3), environment(), vec(uri(), 0..2), user, directory, rlimits()).prop_map(
        |(value, shell, arguments, environment, uris, user, working_directory, rlimits)| Command {
            value,
            shell,
            arguments: if shell { Vec::new() } else { arguments },
            environment,
            uris,
            user,
            working_directory,
            rlimits,
        },
    )
}

/// Commands that run in containers.
fn contained_command() -> impl Strategy<Value = Command> {
    (command(), any::<bool>()).prop_map(|(command, own)| Command {
        value: if own && !command.shell { String::new() } else { command.value },
        working_directory: command.working_directory.map(|path| format!("/{path}")),
        rlimits: Vec::new(),
        ..command
    })
}

fn network() -> impl Strategy<Value = Network> {
    prop_oneof![Just(Network::Host), Just(Network::Bridge), Just(Network::None), word().prop_map(Network::Named)]
}

fn mounts() -> impl Strategy<Value = Vec<Mount>> {
    let source = prop_oneof!["/[a-z]{1,4}", "[a-z]{1,4}/[a-z]{1,4}", "[a-z]{1,4}"];
    btree_map("/[a-z]{1,3}", (source, any::<bool>()), 0..3).prop_map(|mounts| {
        let mount = |(container_path, (source, read_only))| Mount { source, container_path, read_only };
        mounts.into_iter().map(mount).collect()
    })
}

/// Containers that may use these ports.
fn container(ports: &Ranges) -> impl Strategy<Value = Container> + use<> {
    let host: Vec<u16> = ports.numbers().take(2).map(|port| u16::try_from(port).unwrap()).collect();
    let entrypoint = option::of(vec(text(), 0..3));
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    (word(), network(), entrypoint, mounts(), labels(), option::of(word()), flags, 1..=u16::MAX).prop_map(
        move |(image, network, entrypoint, volumes, labels, hostname, (force_pull, privileged, udp), port)| {
            let mapped = matches!(network, Network::Bridge | Network::Named(_));
            let mapping = |host_port: &u16| PortMapping {
                host_port: *host_port,
                container_port: port,
                protocol: if udp { Protocol::Udp } else { Protocol::Tcp },
            };
            Container::Docker(Docker {
                image,
                force_pull,
                port_mappings: host.iter().filter(|_| mapped).map(mapping).collect(),
                network,
                privileged,
                entrypoint,
                volumes,
                labels,
                hostname,
            })
        },
    )
}

fn health_check() -> impl Strategy<Value = HealthCheck> {
    let port = 1..=u16::MAX;
    let probe = prop_oneof![
        ("https?", port.clone(), "/[a-z?=]{0,6}").prop_map(|(scheme, port, path)| Probe::Http { scheme, port, path }),
        port.clone().prop_map(|port| Probe::Tcp { port }),
        (port, text()).prop_map(|(port, service)| Probe::Grpc { port, service }),
        (word(), vec(text(), 0..3), any::<bool>(), environment()).prop_map(
            |(program, arguments, shell, environment)| {
                let arguments = if shell { Vec::new() } else { arguments };
                Probe::Command { command: std::iter::once(program).chain(arguments).collect(), shell, environment }
            }
        ),
    ];
    (probe, duration(), 1..10_000_u64, duration(), duration(), any::<u32>()).prop_map(
        |(probe, delay, interval, timeout, grace_period, consecutive_failures)| HealthCheck {
            probe,
            delay,
            interval: Duration::from_millis(interval),
            timeout,
            grace_period,
            consecutive_failures,
        },
    )
}

fn discovery() -> impl Strategy<Value = Discovery> {
    let port = (1..=u16::MAX, text(), prop::sample::select(vec!["tcp", "udp"]))
        .prop_map(|(number, name, protocol)| DiscoveryPort { number, name, protocol: protocol.to_owned() });
    (word(), vec(port, 0..3), labels()).prop_map(|(name, ports, labels)| Discovery { name, ports, labels })
}

/// What a task gets: some cpus and these ports, and more.
fn task_resources(ports: Ranges) -> impl Strategy<Value = Resources> {
    (scalar(), resources()).prop_map(move |(cpus, mut resources)| {
        resources.add_resource(Resource::scalar(ResourceName::Cpus, cpus));
        let kind = Kind::plain(ResourceName::Ports);
        resources.add_resource(Resource { kind, value: Value::Ranges(ports.clone()) });
        resources
    })
}

/// Tasks.
pub(crate) fn task_info() -> impl Strategy<Value = TaskInfo> {
    ports().prop_flat_map(|ports| {
        let process = command().prop_map(|command| (command, None));
        let contained =
            (contained_command(), container(&ports)).prop_map(|(command, container)| (command, Some(container)));
        let work = prop_oneof![process, contained];
        let times = (option::of(duration()), option::of(duration()));
        let rest = (labels(), data(), option::of(discovery()));
        (id(), word(), task_resources(ports), work, option::of(health_check()), times, rest).prop_map(
            |(id, name, resources, (command, container), health_check, (grace, most), (labels, data, discovery))| {
                TaskInfo {
                    id,
                    name,
                    resources,
                    command,
                    container,
                    health_check,
                    kill_grace: grace,
                    max_completion_time: most,
                    labels,
                    data,
                    discovery,
                }
            },
        )
    })
}

/// Executors that frameworks bring.
pub(crate) fn executor_info() -> impl Strategy<Value = ExecutorInfo> {
    (id::<ExecutorId>(), word(), command(), resources(), data())
        .prop_map(|(id, name, command, resources, data)| ExecutorInfo { id, name, command, resources, data })
}

/// Launches whose tasks are named after `prefix`, so that several fit into one call.
pub(crate) fn launch(prefix: String) -> impl Strategy<Value = Launch> {
    (option::of(executor_info()), vec(task_info(), 1..3), any::<bool>()).prop_map(move |(executor, tasks, group)| {
        let named = tasks.into_iter().enumerate().map(|(index, task)| {
            let id = TaskId::new(format!("{prefix}-{index}")).unwrap();
            Arc::new(TaskInfo { id, ..task })
        });
        Launch { executor, tasks: named.collect(), group }
    })
}

/// Reports on `task`.
pub(crate) fn task_status_of(task: impl Strategy<Value = TaskId>) -> impl Strategy<Value = TaskStatus> {
    let source = prop::sample::select(vec![Source::Master, Source::Agent, Source::Executor]);
    let reasons = vec![Reason::AgentDisconnected, Reason::GcError, Reason::TaskUnknown, Reason::ResourcesUnknown];
    let what = (prop::sample::select(TaskState::ALL.to_vec()), any::<u64>(), source);
    let why = (option::of(prop::sample::select(reasons)), text());
    let place = (option::of(id()), option::of(id()), wall());
    let end = (option::of(any::<bool>()), option::of(any::<i32>()), option::of(any::<i32>()));
    let container = (text(), any::<u32>(), option::of(text()))
        .prop_map(|(container_id, pid, ip_address)| ContainerStatus { container_id, pid, ip_address });
    let rest = (option::of(container), option::of(wall()), data(), labels());
    (task, what, why, place, end, rest).prop_map(
        |(task, (state, sequence, source), (reason, message), place, end, (container, since, data, labels))| {
            TaskStatus {
                task,
                state,
                sequence,
                source,
                reason,
                message,
                agent: place.0,
                executor: place.1,
                timestamp: place.2,
                healthy: end.0,
                exit_code: end.1,
                signal: end.2,
                container,
                unreachable_since: since,
                data,
                labels,
            }
        },
    )
}

/// Reports.
pub(crate) fn task_status() -> impl Strategy<Value = TaskStatus> {
    task_status_of(id())
}
