//! [`AppUpdate`] to [`AppDefinition`]: what was not sent comes from the app that is there, or is the default of this app.

use super::{
    AppDefinition, AppUpdate, CheckedPort, Container, Engine, HealthCheck, HealthProtocol, Network, PathId,
    PortDefinition, PortMapping, Residency, UnreachableStrategy, UpgradeStrategy, Volume, update::UpgradeUpdate,
};
use crate::json::Report;

impl AppUpdate {
    /// The app as it is to be. Versions stay as they are; who puts the app into the root sets them.
    ///
    /// Without `existing`, everything that was not sent has its default.
    #[must_use]
    pub fn apply(self, id: &PathId, existing: Option<&AppDefinition>, at: &str, report: &Report) -> AppDefinition {
        let mut app = existing.cloned().unwrap_or_else(|| AppDefinition::new(id.clone()));
        let is_new = existing.is_none();
        let update = apply_command(self, &mut app);
        let update = apply_amounts(update, &mut app);
        let update = apply_placement(update, &mut app);
        let update = apply_networking(update, &mut app, is_new, at, report);
        let update = apply_checks(update, &mut app);
        apply_strategies(update, &mut app, is_new);
        app
    }
}

/// Replaces a value if another one was sent.
fn set<T>(value: &mut T, sent: Option<T>) {
    if let Some(sent) = sent {
        *value = sent;
    }
}

/// `cmd` and `args` exclude each other, so whichever is sent alone drives the other out.
fn apply_command(mut update: AppUpdate, app: &mut AppDefinition) -> AppUpdate {
    match (update.cmd.take(), update.args.take()) {
        (Some(cmd), None) => (app.cmd, app.args) = (Some(cmd), Vec::new()),
        (None, Some(args)) => {
            if !args.is_empty() {
                app.cmd = None;
            }
            app.args = args;
        }
        (Some(cmd), Some(args)) => (app.cmd, app.args) = (Some(cmd), args),
        (None, None) => {}
    }
    set(&mut app.executor, update.executor.take());
    set(&mut app.env, update.env.take());
    set(&mut app.labels, update.labels.take());
    set(&mut app.secrets, update.secrets.take());
    set(&mut app.fetch, update.fetch.take());
    set(&mut app.run_once, update.run_once.take());
    app.user = update.user.take().or(app.user.take());
    app.tty = update.tty.take().or(app.tty);
    update
}

fn apply_amounts(update: AppUpdate, app: &mut AppDefinition) -> AppUpdate {
    set(&mut app.resources.cpus, update.cpus);
    set(&mut app.resources.mem, update.mem);
    set(&mut app.resources.disk, update.disk);
    set(&mut app.resources.gpus, update.gpus);
    set(&mut app.instances, update.instances);
    update
}

fn apply_placement(mut update: AppUpdate, app: &mut AppDefinition) -> AppUpdate {
    set(&mut app.constraints, update.constraints.take());
    set(&mut app.accepted_resource_roles, update.accepted_resource_roles.take());
    set(&mut app.dependencies, update.dependencies.take());
    app.role = update.role.take().or(app.role.take());
    update
}

/// Networks, then the container and its ports, or the ports of the host; only one of the two has any.
fn apply_networking(
    mut update: AppUpdate,
    app: &mut AppDefinition,
    is_new: bool,
    at: &str,
    report: &Report,
) -> AppUpdate {
    let was_host = !is_new && app.uses_host_network();
    set(&mut app.networks, update.networks.take());
    let sent_container = update.container.is_some();
    let kept = app.container.take();
    let kept_mappings = kept.as_ref().map(|container| container.port_mappings.clone());
    app.container = update.container.take().or(kept);
    if app.uses_host_network() {
        let definitions = update.port_definitions.take().or_else(|| legacy_ports(update.ports.take()));
        match definitions {
            Some(definitions) => app.port_definitions = definitions,
            None if was_host => {}
            None => app.port_definitions = default_ports(),
        }
        let mappings = update.port_mappings.take().unwrap_or_default();
        if let Some(container) = &mut app.container {
            container.port_mappings = mappings;
        }
    } else {
        let (ports, field) = ports_of_containers(&mut update, app);
        let mappings = update.port_mappings.take();
        let kept = kept_mappings.filter(|_| !sent_container && !was_host && !is_new);
        let mut mappings = mappings.or(kept).unwrap_or_else(default_mappings);
        host_ports_of_bridges(&mut mappings, &app.networks);
        service_ports_of_legacy(&mut mappings, ports, &format!("{at}/{field}"), report);
        container_of(app).port_mappings = mappings;
    }
    // What was required of the host's ports means nothing in another network, unless it is asked for there.
    let kept = app.require_ports && app.uses_host_network() == was_host;
    app.require_ports = update.require_ports.unwrap_or(kept);
    update
}

fn container_of(app: &mut AppDefinition) -> &mut Container {
    let none = Container { engine: Engine::Mesos, docker: None, volumes: Vec::new(), port_mappings: Vec::new() };
    app.container.get_or_insert(none)
}

fn legacy_ports(ports: Option<Vec<u16>>) -> Option<Vec<PortDefinition>> {
    let definition = |port| PortDefinition { port, ..PortDefinition::default() };
    ports.map(|ports| ports.into_iter().map(definition).collect())
}

fn default_ports() -> Vec<PortDefinition> {
    vec![PortDefinition { name: Some("default".into()), ..PortDefinition::default() }]
}

fn default_mappings() -> Vec<PortMapping> {
    vec![PortMapping { name: Some("default".into()), ..PortMapping::default() }]
}

/// Behind a bridge a port that has no number on the agent gets one; elsewhere it is reached directly.
fn host_ports_of_bridges(mappings: &mut [PortMapping], networks: &[Network]) {
    if networks.iter().any(|network| matches!(network, Network::Bridge { .. })) {
        for mapping in mappings {
            mapping.host_port.get_or_insert(0);
        }
    }
}

/// Service ports of a container in legacy form, with the field that they stand in. Marathon 1.4 wrote `portDefinitions`
/// for containers too; those that say more than a number stay, and are refused.
fn ports_of_containers(update: &mut AppUpdate, app: &mut AppDefinition) -> (Option<Vec<u16>>, &'static str) {
    app.port_definitions = Vec::new();
    let ports = update.ports.take();
    match update.port_definitions.take() {
        Some(definitions) if definitions.iter().all(|one| one.name.is_none() && one.labels.is_empty()) => {
            (Some(definitions.iter().map(|one| one.port).collect()), "portDefinitions")
        }
        Some(definitions) => {
            app.port_definitions = definitions;
            (ports, "ports")
        }
        None => (ports, "ports"),
    }
}

/// Before 1.5 `ports` of a container were its service ports; they still may be said so, if nothing else is said.
fn service_ports_of_legacy(mappings: &mut [PortMapping], ports: Option<Vec<u16>>, path: &str, report: &Report) {
    let Some(ports) = ports.filter(|ports| ports.iter().any(|port| *port != 0)) else { return };
    let fits = ports.len() == mappings.len()
        && ports
            .iter()
            .zip(mappings.iter())
            .all(|(port, mapping)| *port == 0 || mapping.service_port == 0 || mapping.service_port == *port);
    if !fits {
        let why = "must be the service ports of '/container/portMappings', or left out, without host networking";
        report.refuse(path, why);
        return;
    }
    for (port, mapping) in ports.into_iter().zip(mappings) {
        if port != 0 {
            mapping.service_port = port;
        }
    }
}

fn apply_checks(mut update: AppUpdate, app: &mut AppDefinition) -> AppUpdate {
    set(&mut app.health_checks, update.health_checks.take());
    set(&mut app.readiness_checks, update.readiness_checks.take());
    let has_ports = !app.service_ports().is_empty();
    for check in &mut app.health_checks {
        default_port(check, has_ports);
    }
    update
}

/// A check that names no port asks the first one.
fn default_port(check: &mut HealthCheck, has_ports: bool) {
    if check.port.is_none() && has_ports && check.protocol != HealthProtocol::Command {
        check.port = Some(CheckedPort::Index(0));
    }
}

fn apply_strategies(update: AppUpdate, app: &mut AppDefinition, is_new: bool) {
    set(&mut app.backoff.initial, update.backoff_initial);
    set(&mut app.backoff.factor, update.backoff_factor);
    set(&mut app.backoff.max, update.backoff_max);
    set(&mut app.kill_selection, update.kill_selection);
    app.kill_grace = update.kill_grace.or(app.kill_grace);
    app.residency = update.residency.or(app.residency);
    let persistent = app.volumes().iter().any(|volume| matches!(volume, Volume::Persistent(_)));
    if persistent && app.residency.is_none() {
        app.residency = Some(Residency::default());
    }
    let resident = app.is_resident();
    match update.unreachable_strategy {
        Some(strategy) => app.unreachable_strategy = strategy,
        None if is_new && resident => app.unreachable_strategy = UnreachableStrategy::Disabled,
        None => {}
    }
    let defaults = if resident { UpgradeStrategy::of_residents() } else { UpgradeStrategy::of_services() };
    match update.upgrade_strategy {
        Some(sent) => app.upgrade_strategy = strategy_of(sent, defaults),
        None if is_new => app.upgrade_strategy = defaults,
        None => {}
    }
}

fn strategy_of(sent: UpgradeUpdate, defaults: UpgradeStrategy) -> UpgradeStrategy {
    UpgradeStrategy {
        minimum_health_capacity: sent.minimum_health_capacity.unwrap_or(defaults.minimum_health_capacity),
        maximum_over_capacity: sent.maximum_over_capacity.unwrap_or(defaults.maximum_over_capacity),
        progress_deadline: sent.progress_deadline,
        rollback_on_failure: sent.rollback_on_failure,
        canary_steps: sent.canary_steps,
    }
}

/// Changes the number of instances as `scaleBy` does: the product, rounded up.
#[must_use]
pub fn scaled_by(instances: u32, factor: f64) -> u32 {
    let scaled = (f64::from(instances) * factor).ceil();
    if scaled >= f64::from(i32::MAX) { i32::MAX as u32 } else { scaled.max(0.0) as u32 }
}
