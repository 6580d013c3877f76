//! JSON to [`AppUpdate`]: types, names and ranges of every field; legacy forms are put into today's.

mod checks;
mod container;
mod networking;
mod parts;
mod placement;
mod strategy;
mod volume;

pub(crate) use checks::{SCHEMES, pod_seconds, refuse_generic_check};
pub(crate) use networking::{is_port_name, network};
pub(crate) use parts::{artifact, environment, secrets};
pub(crate) use placement::constraint_of;
pub(crate) use strategy::{kill_selection, refuse_executor_resources, refuse_resource_limits, unreachable_strategy};

use super::{AppUpdate, PathId, RunOnce};
use crate::{
    json::{Fields, Item},
    support::Support,
};

/// Whether a body describes an app, or what is to change of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The whole app: a version is the server's affair.
    Definition,
    /// A change; a version means going back to it, and stands alone.
    Change,
}

/// Reads an app from a body or a part of it. Its id is seen from the group `base`, its dependencies from the app itself;
/// `known` is its id where the body need not say it. What is wrong goes to the item's report.
#[must_use]
pub fn read(item: &Item<'_>, base: &PathId, known: Option<&PathId>, purpose: Purpose, support: &Support) -> AppUpdate {
    let Some(fields) = item.object() else { return AppUpdate::default() };
    let mut update = AppUpdate::default();
    let id = if known.is_some() { fields.get("id") } else { fields.required("id") };
    update.id = id.and_then(|id| id.path_id(base));
    let seen_from = update.id.as_ref().or(known).unwrap_or(base).clone();
    what_runs(&fields, &mut update);
    how_much(&fields, &mut update);
    placement::read(&fields, &mut update);
    networking::read(&fields, &mut update, support);
    checks::read(&fields, &mut update);
    strategy::read(&fields, &mut update);
    parts::read(&fields, &mut update);
    update.dependencies = fields
        .read("dependencies", |item| item.each(|one| one.path_id(&seen_from)))
        .map(|ids| ids.into_iter().collect());
    run_once(&fields, &mut update);
    version(&fields, &mut update, purpose);
    what_is_not_offered(&fields);
    update
}

fn what_runs(fields: &Fields<'_>, update: &mut AppUpdate) {
    update.cmd = fields.read("cmd", Item::filled);
    update.args = fields.read("args", |item| item.each(|one| Some(one.text()?.to_owned())));
    update.executor = fields.read("executor", |item| {
        let executor = item.text()?;
        if !matches!(executor, "" | "//cmd") {
            item.refuse("custom executors are not supported; leave it out, or use '' or '//cmd' for the built-in one");
        }
        Some(executor.to_owned())
    });
    update.user = fields.read("user", Item::filled);
    update.role = fields.read("role", Item::filled);
    update.tty = fields.read("tty", |item| {
        let tty = item.flag()?;
        if tty {
            item.refuse("a terminal cannot be attached; leave it out or set it to false");
        }
        Some(tty)
    });
}

fn how_much(fields: &Fields<'_>, update: &mut AppUpdate) {
    update.cpus = fields.read("cpus", |item| item.amount(1));
    update.mem = fields.read("mem", |item| item.amount(0));
    update.disk = fields.read("disk", |item| item.amount(0));
    update.gpus = fields.read("gpus", Item::count);
    update.instances = fields.read("instances", Item::count);
}

/// The extension `runOnce`, with its policy.
fn run_once(fields: &Fields<'_>, update: &mut AppUpdate) {
    let asked = fields.read("runOnce", Item::flag);
    let policy = fields.read("runOncePolicy", |item| {
        let policy = item.object()?;
        let attempts = policy.read("maxAttempts", |item| item.whole(1..=10_000)).unwrap_or(1);
        if asked != Some(true) {
            item.refuse("needs \"runOnce\": true beside it");
        }
        Some(RunOnce { max_attempts: u32::try_from(attempts).unwrap_or(1) })
    });
    update.run_once = asked.map(|asked| asked.then(|| policy.unwrap_or_default()));
}

/// Fields that the server sets are looked at for their types only, so that what it answered can be sent back.
fn version(fields: &Fields<'_>, update: &mut AppUpdate, purpose: Purpose) {
    update.version = fields.read("version", Item::timestamp);
    if let Some(info) = fields.read("versionInfo", Item::object) {
        for key in ["lastScalingAt", "lastConfigChangeAt"] {
            let _ = info.read(key, Item::timestamp);
        }
    }
    let alone = fields.entries().all(|(key, _)| matches!(key, "version" | "id"));
    if purpose == Purpose::Change && update.version.is_some() && !alone {
        fields
            .report()
            .refuse(&fields.path_of("version"), "The 'version' field may only be combined with the 'id' field.");
    }
}

/// Fields of Marathon's that nothing here can honour.
fn what_is_not_offered(fields: &Fields<'_>) {
    checks::refuse_generic_check(fields, "check");
    strategy::refuse_executor_resources(fields);
    strategy::refuse_resource_limits(fields);
}
