//! From two roots to the steps between them.

use super::{Action, ActionKind, Deployment, DeploymentId, Progress, RunSpec, Step, layers::layers};
use crate::{
    app::{PathId, Timestamp},
    group::Root,
};
use std::collections::{BTreeMap, BTreeSet};

/// The way from `original` to `target`. First ends what is gone, then begins what is new, then each layer of the
/// dependency graph follows those that it depends on; what is in a layer goes on side by side. `forced_restarts` are
/// replaced although nothing of them changed. What does not change is not looked at.
#[must_use]
pub fn plan(
    original: &Root,
    target: &Root,
    forced_restarts: &BTreeSet<PathId>,
    id: DeploymentId,
    version: Timestamp,
) -> Deployment {
    let changes = Changes::between(original, target, forced_restarts);
    let mut layered: BTreeMap<usize, Vec<Action>> = BTreeMap::new();
    let depths = layers(target, changes.moved.keys());
    for (id, (kind, pod)) in changes.moved {
        let depth = depths.get(&id).copied().unwrap_or(0);
        layered.entry(depth).or_default().push(Action { kind, id, pod });
    }
    let steps = [changes.stopped, changes.started].into_iter().chain(layered.into_values());
    let steps: Vec<Step> = steps.filter(|actions| !actions.is_empty()).map(|actions| Step { actions }).collect();
    let progress = steps.first().map_or_else(Progress::default, |step| Progress::begin(step, version));
    Deployment {
        id,
        version,
        original: original.clone(),
        target: target.clone(),
        steps: steps.into(),
        current_step: 0,
        progress,
        is_rollback: false,
    }
}

/// What is to be done, before it is put in order.
#[derive(Default)]
struct Changes {
    stopped: Vec<Action>,
    started: Vec<Action>,
    /// What is scaled or restarted, and whether it is a pod.
    moved: BTreeMap<PathId, (ActionKind, bool)>,
}

impl Changes {
    fn between(original: &Root, target: &Root, forced_restarts: &BTreeSet<PathId>) -> Self {
        let mut all = Self::default();
        for change in target.changed_apps(original) {
            let (before, after) = (change.before.map(RunSpec::App), change.after.map(RunSpec::App));
            all.add(&change.id, before, after, forced_restarts);
        }
        for change in target.changed_pods(original) {
            let (before, after) = (change.before.map(RunSpec::Pod), change.after.map(RunSpec::Pod));
            all.add(&change.id, before, after, forced_restarts);
        }
        for id in forced_restarts {
            if let (Some(before), Some(after)) = (RunSpec::find(original, id), RunSpec::find(target, id))
                && before.is_pod() == after.is_pod()
            {
                all.add(id, Some(before), Some(after), forced_restarts);
            }
        }
        all
    }

    fn add(&mut self, id: &PathId, before: Option<RunSpec>, after: Option<RunSpec>, forced: &BTreeSet<PathId>) {
        let action = |kind, pod| Action { kind, id: id.clone(), pod };
        match (before, after) {
            (None, None) => {}
            (Some(before), None) => self.stopped.push(action(ActionKind::StopApplication, before.is_pod())),
            (None, Some(after)) => {
                self.started.push(action(ActionKind::StartApplication, after.is_pod()));
                self.moved.insert(id.clone(), (ActionKind::ScaleApplication, after.is_pod()));
            }
            (Some(before), Some(after)) => {
                if let Some(kind) = way(&before, &after, forced.contains(id)) {
                    self.moved.insert(id.clone(), (kind, after.is_pod()));
                }
            }
        }
    }
}

/// What leads from one version to another; nothing if they differ in versions only.
fn way(before: &RunSpec, after: &RunSpec, forced: bool) -> Option<ActionKind> {
    let restarts = forced || after.is_reconfigured(before);
    if restarts && after.instances() > 0 {
        Some(ActionKind::RestartApplication)
    } else if restarts || before.instances() != after.instances() {
        Some(ActionKind::ScaleApplication)
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
