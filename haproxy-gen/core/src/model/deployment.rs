//! Blue/green deployments: apps of one deployment group share one service.

use super::Report;
use crate::{
    labels::{Effect, Labels},
    source::{App, TaskId, Verdict},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// An app with its labels.
#[derive(Debug, Clone)]
pub(super) struct Labelled {
    pub(super) app: Arc<App>,
    pub(super) labels: Labels,
    /// Ports that are left out because of their labels.
    pub(super) left_out: BTreeSet<u32>,
}

/// An app, and those it is to replace.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) current: Labelled,
    pub(super) former: Vec<Labelled>,
    /// Tasks of the former ones that have to go, because enough of the new ones are there.
    pub(super) retired: BTreeSet<TaskId>,
}

/// Joins the apps of each deployment group: the one whose deployment started last is the new one.
pub(super) fn join(apps: Vec<Labelled>, reports: &mut Vec<Report>) -> Vec<Candidate> {
    let mut groups: BTreeMap<String, Vec<Labelled>> = BTreeMap::new();
    let mut candidates = Vec::new();
    for app in apps {
        match app.labels.app.deployment.group.clone() {
            Some(group) => groups.entry(group).or_default().push(app),
            None => candidates.push(Candidate { current: app, former: Vec::new(), retired: BTreeSet::new() }),
        }
    }
    for mut members in groups.into_values() {
        members.sort_by(|one, other| age(one).cmp(&age(other)));
        let Some(current) = members.pop() else {
            continue;
        };
        if members.len() > 1 {
            let names: Vec<&str> = members.iter().map(|member| member.app.id.as_str()).collect();
            reports.push(Report {
                app: current.app.id.clone(),
                port: None,
                label: "HAPROXY_DEPLOYMENT_GROUP".to_owned(),
                why: format!("the group has {} apps besides: {}", names.len(), names.join(", ")),
                remedy: "finish one deployment before the next; all of them are taken for former versions".to_owned(),
                effect: Effect::Ignored,
            });
        }
        let retired = retired(&current, &members);
        candidates.push(Candidate { current, former: members, retired });
    }
    candidates.sort_by(|one, other| one.current.app.id.cmp(&other.current.app.id));
    candidates
}

fn age(labelled: &Labelled) -> (&Option<String>, &str) {
    (&labelled.labels.app.deployment.started, labelled.app.id.as_str())
}

/// As many of the former tasks, by id, as healthy new ones make superfluous.
fn retired(current: &Labelled, former: &[Labelled]) -> BTreeSet<TaskId> {
    let app = &current.app;
    let healthy = app.tasks.values().filter(|task| app.checks.is_empty() || task.verdict == Verdict::Alive).count();
    let instances: usize = former.iter().map(|labelled| labelled.app.instances as usize).sum();
    let target = current.labels.app.deployment.target.unwrap_or(app.instances) as usize;
    let mut tasks: Vec<&TaskId> = former.iter().flat_map(|labelled| labelled.app.tasks.keys()).collect();
    tasks.sort();
    let number = tasks.len().min(healthy).min((healthy + instances).saturating_sub(target));
    tasks.into_iter().take(number).cloned().collect()
}
