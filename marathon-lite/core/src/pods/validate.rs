//! The rules of one pod.

use super::{PodContainer, PodDefinition, PodProbe};
use crate::{
    app::Network,
    json::Report,
    support::Support,
    validate::{accepted_roles, identifier, named_networks, patterns, repeated, role, secret_references, unreachable},
};
use std::collections::BTreeSet;

/// Checks one pod.
pub(super) fn pod(pod: &PodDefinition, support: &Support, report: &Report) {
    identifier(&pod.id, "", report);
    role(pod.role.as_deref(), "", support, report);
    let placement = "/scheduling/placement/acceptedResourceRoles";
    accepted_roles(&pod.accepted_resource_roles, placement, support, report);
    patterns(&pod.constraints, "/scheduling/placement/constraints", report);
    unreachable(&pod.unreachable_strategy, "/scheduling/unreachableStrategy", report);
    secret_references(&pod.environment, &pod.secrets, "/environment", support, report);
    if pod.containers.is_empty() {
        report.refuse("/containers", "must not be empty");
    }
    if repeated(pod.containers.iter().map(|container| &container.name)).is_some() {
        report.refuse("/containers", "container names must be unique");
    }
    let endpoints = || pod.containers.iter().flat_map(|container| &container.endpoints);
    if repeated(endpoints().map(|endpoint| &endpoint.name)).is_some() {
        report.refuse("/containers", "endpoint names must be unique across all containers");
    }
    if repeated(endpoints().filter_map(|endpoint| endpoint.host_port).filter(|port| *port != 0)).is_some() {
        report.refuse("/containers", "host ports must be unique across all containers");
    }
    if repeated(pod.volumes.iter().map(|volume| &volume.name)).is_some() {
        report.refuse("/volumes", "volume names must be unique");
    }
    networks(pod, report);
    for (index, one) in pod.containers.iter().enumerate() {
        container(pod, one, &format!("/containers({index})"), support, report);
    }
}

fn networks(pod: &PodDefinition, report: &Report) {
    let host = pod.networks.iter().filter(|network| matches!(network, Network::Host)).count();
    if pod.networks.len() > 1 {
        let why = if host > 0 { "a host network stands alone" } else { "Docker starts a container in one network" };
        report.refuse("/networks", format!("may contain one network only: {why}"));
    }
    if pod.uses_host_network() {
        return;
    }
    if pod.containers.len() > 1 {
        let why = "must be [{\"mode\": \"host\"}] with more than one container: only there they share their addresses";
        report.refuse("/networks", why);
    }
    if pod.containers.iter().any(|container| container.image.is_none()) {
        report.refuse("/networks", "must be [{\"mode\": \"host\"}] for containers without an image");
    }
}

fn container(pod: &PodDefinition, container: &PodContainer, at: &str, support: &Support, report: &Report) {
    secret_references(&container.environment, &pod.secrets, &format!("{at}/environment"), support, report);
    if container.command.is_none() && container.image.is_none() {
        report.refuse(&format!("{at}/exec"), "not defined; a container needs a command or an image");
    }
    if container.resources.gpus > 0 && (container.image.is_some() || !support.gpus) {
        let why = "must be 0: graphics processors are given to processes, in clusters that have them";
        report.refuse(&format!("{at}/resources/gpus"), why);
    }
    endpoints(pod, container, at, report);
    mounts(pod, container, at, report);
    let probed = container.health_check.as_ref().and_then(|check| match &check.probe {
        PodProbe::Http { endpoint, .. } => Some(("http", endpoint)),
        PodProbe::Tcp { endpoint } => Some(("tcp", endpoint)),
        PodProbe::Command(_) => None,
    });
    if let Some((kind, name)) = probed
        && container.endpoints.iter().all(|endpoint| endpoint.name != *name)
    {
        let why = format!("'{name}' is not an endpoint of this container");
        report.refuse(&format!("{at}/healthCheck/{kind}/endpoint"), why);
    }
}

fn endpoints(pod: &PodDefinition, container: &PodContainer, at: &str, report: &Report) {
    let host = pod.uses_host_network();
    let names: BTreeSet<&str> = named_networks(&pod.networks).collect();
    for (index, endpoint) in container.endpoints.iter().enumerate() {
        let path = format!("{at}/endpoints({index})");
        if host && endpoint.container_port.is_some() {
            report.refuse(&format!("{path}/containerPort"), "is not allowed with host networking; use 'hostPort'");
        }
        if host && endpoint.host_port.is_none() {
            report.refuse(&format!("{path}/hostPort"), "not defined; it is needed with host networking (0: any)");
        }
        if !host && endpoint.container_port.is_none() {
            report.refuse(&format!("{path}/containerPort"), "not defined; it is needed without host networking");
        }
        if endpoint.network_names.iter().any(|name| !names.contains(name.as_str())) {
            report.refuse(&format!("{path}/networkNames"), "must be names of '/networks'");
        }
    }
}

fn mounts(pod: &PodDefinition, container: &PodContainer, at: &str, report: &Report) {
    for (index, mount) in container.volume_mounts.iter().enumerate() {
        let path = format!("{at}/volumeMounts({index})");
        if pod.volumes.iter().all(|volume| volume.name != mount.name) {
            report.refuse(&format!("{path}/name"), format!("'{}' is not a volume of '/volumes'", mount.name));
        }
        if container.image.is_none() {
            report.refuse(&path, "needs an image: processes see the agent's own directories");
        } else if !mount.mount_path.starts_with('/') {
            report.refuse(&format!("{path}/mountPath"), "must be an absolute path");
        }
    }
}
