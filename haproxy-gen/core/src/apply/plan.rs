//! The plan.

use super::{Drains, Exchange, Policy, Running, maps::maps, servers::servers};
use crate::{
    model::Model,
    render::{Change, Rendered, Topology},
};
use proto_types::time::Monotonic;
use std::fmt;

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// HAProxy is as it is wanted.
    Nothing,
    /// These exchanges bring it there, in order. The file is to be written as well, so that a restart agrees.
    Commands(Vec<Exchange>),
    /// The file is to be written and read anew.
    Reload(Vec<Reason>),
}

/// Why commands do not suffice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It is not known with which configuration HAProxy runs.
    Unknown,
    /// A section is not as it was.
    Section(Change),
    /// HAProxy lacks a backend that it should have: it runs with another configuration than it was given.
    Missing(String),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("it is not known with which configuration HAProxy runs"),
            Self::Section(change) => change.fmt(f),
            Self::Missing(backend) => write!(f, "HAProxy has no backend {backend}"),
        }
    }
}

/// What HAProxy is known to have been given, and how.
#[derive(Debug, Clone, Copy)]
pub struct Applied<'a> {
    /// The topology of the last configuration that it read; none if that is not known.
    pub topology: Option<&'a Topology>,
    /// The directory of the maps.
    pub directory: &'a str,
}

/// Plans the way from what runs to what is wanted. What an operator's hand or a lost command changed is set right too:
/// the plan follows from HAProxy's own word, not from what was once sent.
#[must_use]
pub fn plan(
    running: &Running,
    model: &Model,
    rendered: &Rendered,
    applied: Applied<'_>,
    drains: &mut Drains,
    now: Monotonic,
    policy: Policy,
) -> Plan {
    let reasons = reasons(running, model, rendered, applied);
    if !reasons.is_empty() {
        return Plan::Reload(reasons);
    }
    drains.keep_only(running);
    let mut groups = Vec::new();
    for service in model.services.values() {
        let options = rendered.server_options.get(&service.name).map_or("", String::as_str);
        groups.extend(servers(service, options, running, drains, now, policy));
    }
    groups.extend(maps(&rendered.maps, running, applied.directory));
    groups.retain(|group| !group.is_empty());
    if groups.is_empty() { Plan::Nothing } else { Plan::Commands(Exchange::pack(groups)) }
}

fn reasons(running: &Running, model: &Model, rendered: &Rendered, applied: Applied<'_>) -> Vec<Reason> {
    let Some(topology) = applied.topology else {
        return vec![Reason::Unknown];
    };
    let changes = rendered.topology.changes_since(topology);
    if !changes.is_empty() {
        return changes.into_iter().map(Reason::Section).collect();
    }
    let missing = model.services.keys().filter(|name| !running.backends.contains(*name));
    missing.map(|name| Reason::Missing(name.clone())).collect()
}
