//! JSON to [`PodDefinition`].

use super::{PodDefinition, PodVolume, read_container, validate};
use crate::{
    app::{
        Backoff, Constraint, KillSelection, Network, PathId, Timestamp, UnreachableStrategy, UpgradeStrategy,
        VersionInfo, read as parts,
    },
    json::{Fields, Item, Refusal, Report},
    support::Support,
};
use serde_json::Value;
use std::{collections::BTreeSet, time::Duration};

/// A pod from a body. `known` is its id where the body need not say it.
///
/// # Errors
/// Everything that is wrong with the body.
pub fn define(body: &Value, known: Option<&PathId>, support: &Support) -> Result<PodDefinition, Refusal> {
    let report = Report::default();
    let pod = read(&Item::body(body, &report), known, support);
    if let (Some(pod), Some(known)) = (&pod, known)
        && pod.id != *known
    {
        report.refuse("/id", format!("must be {known}, as in the address, or left out"));
    }
    if let Some(pod) = &pod {
        validate::pod(pod, support, &report);
    }
    finish(pod, &report)
}

/// A pod as [`PodDefinition::render`] wrote it, with its version. Nothing is checked again: it was once accepted.
///
/// # Errors
/// What cannot be read.
pub fn restore(body: &Value, support: &Support) -> Result<PodDefinition, Refusal> {
    let report = Report::default();
    let item = Item::body(body, &report);
    let mut pod = read(&item, None, support);
    if let (Some(pod), Some(fields)) = (&mut pod, item.object()) {
        pod.version = fields.read("version", Item::timestamp).unwrap_or_default();
    }
    finish(pod, &report)
}

fn finish(pod: Option<PodDefinition>, report: &Report) -> Result<PodDefinition, Refusal> {
    report.finish()?;
    pod.ok_or_else(|| Refusal::invalid("/id", "not defined"))
}

fn read(item: &Item<'_>, known: Option<&PathId>, support: &Support) -> Option<PodDefinition> {
    let fields = item.object()?;
    let id = if known.is_some() { fields.get("id") } else { fields.required("id") };
    let id = match id {
        Some(id) => id.path_id(&PathId::root()),
        None => known.cloned(),
    };
    let containers = fields.required("containers").and_then(|item| item.each(read_container::container));
    let (networks, volumes) = (networks(&fields, support), fields.read("volumes", |item| item.each(volume)));
    let scheduling = fields.read("scheduling", scheduling).unwrap_or_default();
    let _ = fields.read("version", Item::timestamp);
    what_is_not_offered(&fields);
    let instances = fields.read("scaling", scaling).unwrap_or(1);
    let pod = PodDefinition {
        labels: fields.read("labels", Item::labels).unwrap_or_default(),
        user: fields.read("user", Item::filled),
        environment: fields.read("environment", read_container::environment).unwrap_or_default(),
        containers: containers.unwrap_or_default(),
        secrets: fields.read("secrets", parts::secrets).unwrap_or_default(),
        volumes: volumes.unwrap_or_default(),
        networks,
        instances,
        backoff: scheduling.backoff,
        upgrade_strategy: scheduling.upgrade_strategy,
        constraints: scheduling.constraints,
        accepted_resource_roles: scheduling.accepted_resource_roles,
        kill_selection: scheduling.kill_selection,
        unreachable_strategy: scheduling.unreachable_strategy,
        role: fields.read("role", Item::filled),
        version: Timestamp::default(),
        version_info: VersionInfo::default(),
        id: id?,
    };
    Some(pod)
}

fn networks(fields: &Fields<'_>, support: &Support) -> Vec<Network> {
    let networks = fields.read("networks", |item| item.each(|one| parts::network(one, support)));
    networks.filter(|networks| !networks.is_empty()).unwrap_or_else(|| vec![Network::Host])
}

fn volume(item: &Item<'_>) -> Option<PodVolume> {
    let fields = item.object()?;
    let name = fields.required("name").as_ref().and_then(Item::filled);
    let why = "only directories of the agents can be mounted in pods; name one with 'host'";
    if fields.get("host").is_none() && fields.get("secret").is_none() && fields.get("persistent").is_none() {
        // A volume that lives as long as the pod.
        fields.report().refuse(&fields.path_of("host"), format!("not defined; {why}"));
        return None;
    }
    fields.refuse_if_present("secret", Item::text, why);
    fields.refuse_if_present("persistent", Item::object, why);
    let host = fields.read("host", Item::filled);
    Some(PodVolume { name: name?, host: host? })
}

fn scaling(item: &Item<'_>) -> Option<u32> {
    let fields = item.object()?;
    fields.required("kind")?.choice(&[("fixed", ())])?;
    Some(fields.read("instances", Item::count).unwrap_or(1))
}

#[derive(Default)]
struct Scheduling {
    backoff: Backoff,
    upgrade_strategy: UpgradeStrategy,
    constraints: Vec<Constraint>,
    accepted_resource_roles: BTreeSet<String>,
    kill_selection: KillSelection,
    unreachable_strategy: UnreachableStrategy,
}

fn scheduling(item: &Item<'_>) -> Option<Scheduling> {
    let fields = item.object()?;
    let placement = fields.read("placement", Item::object);
    let placement = placement.as_ref();
    let constraints = placement.and_then(|fields| fields.read("constraints", |item| item.each(constraint)));
    let roles = placement.and_then(|fields| fields.read("acceptedResourceRoles", |item| item.each(Item::filled)));
    Some(Scheduling {
        backoff: fields.read("backoff", backoff).unwrap_or_default(),
        upgrade_strategy: fields.read("upgrade", upgrade_strategy).unwrap_or_default(),
        constraints: constraints.unwrap_or_default(),
        accepted_resource_roles: roles.unwrap_or_default().into_iter().collect(),
        kill_selection: fields.read("killSelection", parts::kill_selection).unwrap_or_default(),
        unreachable_strategy: fields.read("unreachableStrategy", parts::unreachable_strategy).unwrap_or_default(),
    })
}

fn backoff(item: &Item<'_>) -> Option<Backoff> {
    let fields = item.object()?;
    let defaults = Backoff::default();
    let seconds = |key, default: Duration| fields.read(key, parts::pod_seconds).unwrap_or(default);
    Some(Backoff {
        initial: seconds("backoff", defaults.initial),
        factor: fields.read("backoffFactor", |item| item.number(1.0..=1e6)).unwrap_or(defaults.factor),
        max: seconds("maxLaunchDelay", defaults.max),
    })
}

fn upgrade_strategy(item: &Item<'_>) -> Option<UpgradeStrategy> {
    let fields = item.object()?;
    let share = |key| fields.read(key, |item| item.number(0.0..=1.0)).unwrap_or(1.0);
    Some(UpgradeStrategy::new(share("minimumHealthCapacity"), share("maximumOverCapacity")))
}

fn constraint(item: &Item<'_>) -> Option<Constraint> {
    let fields = item.object()?;
    let field = fields.required("fieldName").as_ref().and_then(Item::filled);
    let operator = fields.required("operator").and_then(|item| item.text().map(str::to_owned));
    let value = fields.get("value").and_then(|item| match item.value {
        Value::Number(number) => Some(number.to_string()),
        _ => item.text().map(str::to_owned),
    });
    parts::constraint_of(item, &field?, &operator?, value)
}

fn what_is_not_offered(fields: &Fields<'_>) {
    parts::refuse_executor_resources(fields);
    fields.refuse_if_present("linuxInfo", Item::object, "seccomp and IPC settings are not supported; leave them out");
    if fields.read("legacySharedCgroups", Item::flag) == Some(true) {
        let path = fields.path_of("legacySharedCgroups");
        fields.report().refuse(&path, "containers of a pod always have limits of their own; leave it out");
    }
}
