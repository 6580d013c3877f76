//! The rules of one app.

use super::{health, networking, storage, strategy};
use crate::{
    app::{AppDefinition, Constraint, PathId, Volume},
    constraints,
    json::Report,
    support::Support,
};
use std::collections::BTreeSet;

/// Last parts of ids that name resources below an app in the API.
const RESERVED: [&str; 3] = ["restart", "tasks", "versions"];
const NOTHING_TO_RUN: &str = "AppDefinition must either contain one of 'cmd' or 'args', and/or a 'container'.";

/// Checks one app; `at` is where it stands in the body.
pub fn app(app: &AppDefinition, at: &str, support: &Support, report: &Report) {
    identifier(&app.id, at, report);
    command(app, at, report);
    networking::check(app, at, report);
    storage::check(app, at, support, report);
    health::check(app, at, report);
    strategy::check(app, at, report);
    resources(app, at, support, report);
    patterns(&app.constraints, &format!("{at}/constraints"), report);
    accepted_roles(&app.accepted_resource_roles, &format!("{at}/acceptedResourceRoles"), support, report);
    role(app.role.as_deref(), at, support, report);
}

/// Checks what must not change in an app that is there.
pub fn app_change(before: &AppDefinition, after: &AppDefinition, at: &str, report: &Report) {
    let persistent = |app: &AppDefinition| -> Vec<Volume> {
        app.volumes().iter().filter(|volume| matches!(volume, Volume::Persistent(_))).cloned().collect()
    };
    if before.is_resident() && persistent(before) != persistent(after) {
        report.refuse(&format!("{at}/container/volumes"), "Persistent volumes can not be changed!");
    }
    if before.is_resident() && !after.is_resident() {
        report.refuse(&format!("{at}/residency"), "Resident apps can not become apps without residency.");
    }
}

/// Checks an id of an app or a pod.
pub(crate) fn identifier(id: &PathId, at: &str, report: &Report) {
    let path = format!("{at}/id");
    match id.name() {
        None => report.refuse(&path, "must name something below '/', which is a group"),
        Some(name) if RESERVED.contains(&name) => report.refuse(
            &path,
            format!("must not end with any of the following reserved keywords: {}", RESERVED.join(", ")),
        ),
        Some(_) => {}
    }
}

fn command(app: &AppDefinition, at: &str, report: &Report) {
    let image = app.container.as_ref().is_some_and(|container| container.docker.is_some());
    let both = app.cmd.is_some() && !app.args.is_empty();
    let neither = app.cmd.is_none() && app.args.is_empty();
    if both || (neither && !image) {
        report.refuse(at, NOTHING_TO_RUN);
    }
}

fn resources(app: &AppDefinition, at: &str, support: &Support, report: &Report) {
    let image = app.container.as_ref().is_some_and(|container| container.docker.is_some());
    if app.resources.gpus == 0 {
        return;
    }
    if !support.gpus {
        report.refuse(&format!("{at}/gpus"), "must be 0: this cluster gives out no graphics processors");
    }
    if image {
        report
            .refuse(&format!("{at}/gpus"), "must be 0 with an image: graphics processors are given to processes only");
    }
}

/// Checks what the form of constraints does not show: whether their patterns can be read.
pub(crate) fn patterns(constraints: &[Constraint], path: &str, report: &Report) {
    for (index, constraint) in constraints.iter().enumerate() {
        if let Err(why) = constraints::check(constraint) {
            report.refuse(&format!("{path}({index})"), why);
        }
    }
}

/// Checks that only roles are accepted whose resources come in offers.
pub(crate) fn accepted_roles(roles: &BTreeSet<String>, path: &str, support: &Support, report: &Report) {
    if roles.iter().any(|role| role != "*" && *role != support.role) {
        let own = if support.role == "*" { String::new() } else { format!(" and '{}'", support.role) };
        report.refuse(path, format!("acceptedResourceRoles can only contain '*'{own}"));
    }
}

/// Checks that a role is the one whose resources come in offers.
pub(crate) fn role(role: Option<&str>, at: &str, support: &Support, report: &Report) {
    if role.is_some_and(|role| role != support.role) {
        let own = &support.role;
        report.refuse(&format!("{at}/role"), format!("must be '{own}', the role of this server; or left out"));
    }
}
