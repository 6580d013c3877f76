//! Every app gets what it wants: as many instances as it wants, of the version that it wants.

use super::{Marathon, stored::Key};
use crate::{
    app::PathId,
    constraints::surplus,
    deployment::{ActionKind, Decision, Deployment, Kill},
    events, kill,
    launch::RunSpec,
};
use proto_types::TaskId;
use std::sync::Arc;

impl Marathon {
    /// Looks at one app or pod, and does what is missing to what it is to be.
    pub(super) fn tend(&mut self, id: &PathId) {
        let deployment = self.locks.get(id).and_then(|lock| self.view.deployments.get(lock)).cloned();
        let Some(deployment) = deployment else {
            return self.keep(id, RunSpec::find(&self.view.root, id));
        };
        if deployment.progress.open(id).is_some() {
            self.bring_about(id, &deployment);
        } else if is_ahead(&deployment, id) {
            // Its turn has not come: it stays as it was.
            let before = RunSpec::find(&deployment.original, id);
            if before.is_some() { self.keep(id, before) } else { self.queue.unwant(id) }
        } else {
            self.keep(id, RunSpec::find(&self.view.root, id));
        }
    }

    /// Does what the deployment's current step wants of an app or pod.
    fn bring_about(&mut self, id: &PathId, deployment: &Arc<Deployment>) {
        let now = self.wall();
        let Some(open) = deployment.progress.open(id).copied() else { return };
        let spec = RunSpec::find(&deployment.target, id);
        let ended = spec.as_ref().map_or(0, |spec| self.ended(spec));
        let Some(decision) = deployment.decide(id, self.instances.of_app(id), ended, now) else { return };
        self.carry_out(id, spec.as_ref(), &decision);
        let mut next = Deployment::clone(deployment);
        if next.record(id, &decision, now) {
            let after = next.progress.open(id).map(|after| after.canary);
            if after.is_some_and(|canary| canary != open.canary) {
                self.put_step(next);
            } else {
                // Found out again from the instances, so it is not worth storing.
                self.view.deployments.insert(next.id.clone(), Arc::new(next));
            }
        }
        if decision.is_finished() {
            if open.kind == ActionKind::StopApplication {
                self.publish(events::app_terminated(now, id));
                self.clean_up(id);
            }
            self.dirty_deployments.insert(deployment.id.clone());
        }
    }

    fn carry_out(&mut self, id: &PathId, spec: Option<&RunSpec>, decision: &Decision) {
        let kill = match (&decision.kill, spec) {
            (Kill::These(these), _) => these.clone(),
            (Kill::Any(count), Some(spec)) => self.surplus(spec, *count as usize),
            (Kill::Any(_), None) => Vec::new(),
        };
        for instance in &kill {
            self.stop(instance);
        }
        match spec {
            Some(spec) => self.queue.want(spec, decision.launch, self.wall()),
            None => self.queue.unwant(id),
        }
    }

    /// Keeps an app or pod at its number of instances, whatever version those are of that are there. What nobody wants
    /// any more goes.
    fn keep(&mut self, id: &PathId, spec: Option<RunSpec>) {
        let Some(spec) = spec else {
            let all: Vec<TaskId> =
                self.instances.of_app(id).filter(|one| !one.goal_stopped).map(|one| one.id.clone()).collect();
            for instance in &all {
                self.stop(instance);
            }
            if self.instances.counts(id).total == 0 {
                self.clean_up(id);
            }
            return;
        };
        let count = spec.instances().saturating_sub(self.ended(&spec));
        let counts = self.instances.counts(id);
        if counts.wanted() > count {
            for instance in self.surplus(&spec, (counts.wanted() - count) as usize) {
                self.stop(&instance);
            }
        }
        // One that is being killed is replaced when its end is told: there are never more than wanted.
        self.queue.want(&spec, count.saturating_sub(counts.active), self.wall());
    }

    /// Those that go first.
    fn surplus(&self, spec: &RunSpec, count: usize) -> Vec<TaskId> {
        let staying = self.instances.of_app(spec.id()).filter(|one| one.is_wanted());
        let selection = spec.kill_selection();
        let constraints = spec.constraints();
        let balanced = |others: &[&crate::instances::Instance], missing| surplus(constraints, others, missing);
        kill::select(staying, count, selection, balanced).iter().map(|instance| instance.id.clone()).collect()
    }

    /// How many runs of an app that runs to its end are over.
    fn ended(&self, spec: &RunSpec) -> u32 {
        let runs = self.runs.get(spec.id()).filter(|runs| runs.config_version == spec.config_version());
        match (spec.run_once(), runs) {
            (Some(_), Some(runs)) => runs.succeeded.saturating_add(runs.given_up),
            _ => 0,
        }
    }

    /// Nothing is left of it but what was remembered.
    fn clean_up(&mut self, id: &PathId) {
        self.queue.forget(id);
        if self.view.failures.remove(id).is_some() {
            self.outbox.remove(&Key::Failure(id.clone()));
        }
        if self.runs.remove(id).is_some() {
            self.outbox.remove(&Key::Runs(id.clone()));
        }
    }
}

/// Whether an app's turn in a deployment is still to come.
fn is_ahead(deployment: &Deployment, id: &PathId) -> bool {
    let ahead = deployment.steps.iter().skip(deployment.current_step + 1).flat_map(|step| &step.actions);
    ahead.into_iter().any(|action| action.id == *id)
}
