//! Deployments begin, take one step after the other, and end.

use super::{
    Body, Marathon, Refused,
    stored::{Changes, Key},
};
use crate::{
    app::PathId,
    deployment::{ActionKind, Deployment, DeploymentId, plan, revert},
    events,
    group::Root,
    json::Report,
    launch::RunSpec,
    validate,
};
use std::{collections::BTreeSet, sync::Arc, time::Duration};

/// How often it is looked whether careful steps may go on and deadlines have passed.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl Marathon {
    /// Makes `target` what is wanted, and begins to bring it about. Without `force` nothing is done if other deployments
    /// are in the way; with it they are cancelled.
    pub(super) fn deploy(&mut self, target: Root, force: bool, is_rollback: bool) -> Result<DeploymentId, Refused> {
        let id = DeploymentId(self.ids.uuid());
        let version = self.next_version();
        let deployment = plan(&self.view.root, &target, &BTreeSet::new(), id.clone(), version);
        let affected: BTreeSet<PathId> = deployment.actions().map(|action| action.id.clone()).collect();
        let in_the_way: BTreeSet<DeploymentId> =
            affected.iter().filter_map(|app| self.locks.get(app).cloned()).collect();
        if !force && !in_the_way.is_empty() {
            return Err(Refused::Locked(in_the_way.into_iter().collect()));
        }
        let mut restarts = self.unfinished_restarts(&in_the_way);
        restarts.retain(|app| affected.contains(app));
        let deployment = if restarts.is_empty() {
            deployment
        } else {
            plan(&self.view.root, &target, &restarts, id.clone(), version)
        };
        let deployment = Deployment { is_rollback, ..deployment };
        for other in &in_the_way {
            self.cancel(other, "another deployment took its place");
        }
        let changes = Changes::between(&self.view.root, &target);
        self.tell_checks(&changes);
        self.put_root(target, &changes);
        if deployment.is_over() {
            self.publish(events::deployment_success(self.wall(), &deployment));
            return Ok(id);
        }
        self.outbox.put(&Key::Deployment(id.clone()), deployment.stored_plan());
        for app in affected {
            self.locks.insert(app, id.clone());
        }
        self.put_step(deployment);
        self.begin_step(&id);
        Ok(id)
    }

    /// What these deployments have not replaced yet. Whoever takes their place has to, even if it only scales: else
    /// instances of before would stay for ever.
    fn unfinished_restarts(&self, deployments: &BTreeSet<DeploymentId>) -> BTreeSet<PathId> {
        let deployments = deployments.iter().filter_map(|id| self.view.deployments.get(id));
        let unfinished = deployments.flat_map(|deployment| {
            let ahead = deployment.steps.iter().skip(deployment.current_step + 1).flat_map(|step| &step.actions);
            let now = deployment.step().into_iter().flat_map(|step| &step.actions);
            let now = now.filter(|action| deployment.progress.open(&action.id).is_some());
            now.chain(ahead).filter(|action| action.kind == ActionKind::RestartApplication)
        });
        unfinished.map(|action| action.id.clone()).collect()
    }

    /// Ends a deployment where it is. What is wanted stays what it wanted.
    pub(super) fn cancel(&mut self, id: &DeploymentId, reason: &str) {
        if let Some(deployment) = self.forget(id) {
            let now = self.wall();
            self.publish(events::deployment_step_failure(now, &deployment, deployment.current_step));
            self.publish(events::deployment_failed(now, &deployment, Some(reason)));
        }
    }

    /// Sets back what a deployment changed, by another one.
    pub(super) fn take_back(&mut self, deployment: &Deployment) -> Result<DeploymentId, Refused> {
        let root = revert(&self.view.root, deployment, self.next_version());
        // Apps come back with their versions, so that those of their instances that are left are not replaced.
        let report = Report::default();
        validate::root(&self.view.root, &root, &report);
        report.finish().map_err(Refused::Request)?;
        self.deploy(root, true, true)
    }

    /// Goes on to the next step, if the current one is done.
    pub(super) fn advance(&mut self, id: &DeploymentId) {
        let Some(before) = self.view.deployments.get(id).cloned() else { return };
        let mut deployment = Deployment::clone(&before);
        if !deployment.advance(self.wall()) {
            return;
        }
        self.publish(events::deployment_step_success(self.wall(), &deployment, before.current_step));
        let finished = before.step().into_iter().flat_map(|step| &step.actions);
        self.dirty.extend(finished.map(|action| action.id.clone()));
        if deployment.is_over() {
            self.forget(id);
            self.publish(events::deployment_success(self.wall(), &deployment));
        } else {
            self.put_step(deployment);
            self.begin_step(id);
        }
    }

    /// Looks after deployments that wait for time to pass, or have waited for too long.
    pub(super) fn watch_deployments(&mut self) {
        if self.now.monotonic < self.watched + LOOK_EVERY {
            return;
        }
        self.watched = self.now.monotonic;
        let all: Vec<Arc<Deployment>> = self.view.deployments.values().cloned().collect();
        for deployment in all {
            let careful = |id: &PathId| {
                let app = deployment.target.app(id);
                app.is_some_and(|app| !app.upgrade_strategy.canary_steps.is_empty())
            };
            let careful = deployment.progress.all_open().map(|(id, _)| id).filter(|id| careful(id));
            self.dirty.extend(careful.cloned());
            if let Some(overdue) = deployment.overdue(self.wall()) {
                self.cancel(&deployment.id, &overdue.reason);
                if overdue.rollback {
                    // Others may depend on it by now; then it stays as it is.
                    let _ = self.take_back(&deployment);
                }
            }
        }
    }

    /// Stores where a deployment is.
    pub(super) fn put_step(&mut self, deployment: Deployment) {
        self.outbox.put(&Key::DeploymentStep(deployment.id.clone()), deployment.stored_progress());
        self.view.deployments.insert(deployment.id.clone(), Arc::new(deployment));
    }

    /// Begins what the current step does.
    fn begin_step(&mut self, id: &DeploymentId) {
        let Some(deployment) = self.view.deployments.get(id).cloned() else { return };
        self.publish(events::deployment_info(self.wall(), &deployment));
        for action in deployment.step().into_iter().flat_map(|step| &step.actions) {
            if action.kind == ActionKind::RestartApplication {
                self.queue.reset_delay(&action.id, self.wall());
            }
            self.dirty.insert(action.id.clone());
        }
        self.dirty_deployments.insert(id.clone());
    }

    fn forget(&mut self, id: &DeploymentId) -> Option<Arc<Deployment>> {
        let deployment = self.view.deployments.remove(id)?;
        self.outbox.remove(&Key::Deployment(id.clone()));
        self.outbox.remove(&Key::DeploymentStep(id.clone()));
        for action in deployment.actions() {
            self.locks.remove(&action.id);
            self.dirty.insert(action.id.clone());
            if RunSpec::find(&self.view.root, &action.id).is_none() {
                self.drop_versions(&action.id);
            }
        }
        Some(deployment)
    }

    /// Tells which health checks begin and end.
    fn tell_checks(&mut self, changes: &Changes) {
        let now = self.wall();
        let mut told = Vec::new();
        for change in &changes.apps {
            let checks = |app: &Option<Arc<crate::app::AppDefinition>>| {
                app.as_ref().map(|app| app.health_checks.clone()).unwrap_or_default()
            };
            let (before, after) = (checks(&change.before), checks(&change.after));
            if before == after {
                continue;
            }
            if !before.is_empty() {
                told.push(events::remove_health_check(now, &change.id));
            }
            if let Some(app) = &change.after {
                told.extend(after.iter().map(|check| events::add_health_check(now, &app.id, app.version, check)));
            }
        }
        self.outbox.extend(told.into_iter().map(Body::Publish));
    }
}
