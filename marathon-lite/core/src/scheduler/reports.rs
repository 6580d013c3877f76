//! What is told of tasks: by agents, by the master, and by those who ask instances how they do.

use super::{Body, Marathon, follow::rules};
use crate::{
    health::{ProbeResult, probe, readiness_probe},
    instances::Instance,
    launch::RunSpec,
};
use proto_types::{Rejection, RejectionKind, TaskId, TaskStatus, reconcile::Query};

impl Marathon {
    pub(super) fn on_update(&mut self, status: TaskStatus) {
        let spec = self.instances.of_task(&status.task).cloned().and_then(|instance| self.spec_of(&instance));
        let transition = self.instances.update(&status, &rules(spec.as_ref()), self.wall());
        self.follow(transition);
        // What reconciliation answers has no number, and nobody waits for its acknowledgement.
        if status.sequence != 0 {
            self.outbox.push(Body::Acknowledge(status));
        }
    }

    pub(super) fn on_rejected(&mut self, task: &TaskId, rejection: &Rejection) {
        let Some(instance) = self.instances.of_task(task).cloned() else { return };
        if rejection.kind == RejectionKind::OutcomeUnknown {
            self.outbox.push(Body::Reconcile(queries(&instance).collect()));
            return;
        }
        let spec = self.spec_of(&instance);
        let transition = self.instances.rejected(task, rejection, &rules(spec.as_ref()), self.wall());
        self.follow(transition);
    }

    pub(super) fn on_health(&mut self, id: &TaskId, index: usize, result: &ProbeResult) {
        let Some(RunSpec::App(app)) = self.instances.get(id).cloned().and_then(|instance| self.spec_of(&instance))
        else {
            return;
        };
        let Some(check) = app.health_checks.get(index) else { return };
        let transition = self.instances.checked(id, index, check, app.kill_grace, result, self.wall());
        let condemned = transition.after.clone().filter(|after| after.goal_stopped && !transition.kills.is_empty());
        self.follow(transition);
        if let Some(instance) = condemned {
            self.run_failed(&instance);
        }
    }

    pub(super) fn on_readiness(&mut self, id: &TaskId, response: Result<(u16, String, String), String>) {
        let Some(RunSpec::App(app)) = self.instances.get(id).cloned().and_then(|instance| self.spec_of(&instance))
        else {
            return;
        };
        let Some(check) = app.readiness_checks.first() else { return };
        let transition = self.instances.answered(id, check, response);
        let became_ready = transition.before.as_ref().is_some_and(|before| !before.readiness.ready)
            && transition.after.as_ref().is_some_and(|after| after.readiness.ready);
        let after = transition.after.clone().filter(|_| became_ready);
        self.follow(transition);
        if let Some(instance) = after {
            // There is one stop for all checks, and those of its health go on.
            self.outbox.push(Body::StopProbes(id.clone()));
            self.start_probes(&instance);
        }
    }

    /// Has an instance that runs asked, with all its checks that are not its executor's.
    pub(super) fn start_probes(&mut self, instance: &Instance) {
        let Some(RunSpec::App(app)) = self.spec_of(instance) else { return };
        for (index, check) in app.health_checks.iter().enumerate() {
            if let Ok(Some(probe)) = probe(&app, check, instance) {
                self.outbox.push(Body::StartHealthProbe(instance.id.clone(), index, probe));
            }
        }
        if !instance.readiness.ready
            && let Some(check) = app.readiness_checks.first()
            && let Ok(probe) = readiness_probe(&app, check, instance)
        {
            self.outbox.push(Body::StartReadinessProbe(instance.id.clone(), probe));
        }
    }
}

/// The questions about an instance.
pub(super) fn queries(instance: &Instance) -> impl Iterator<Item = Query> + use<'_> {
    instance.tasks().map(|task| Query { task: task.clone(), agent: Some(instance.agent.clone()) })
}
