//! What becomes of instances is done: stored first, then told and acted upon.

use super::{
    Body, Marathon, ObjectWrite,
    stored::{self, Key},
};
use crate::{
    instances::{Condition, Instance, Rules, RunProgress, Transition, TransitionKind},
    launch::RunSpec,
};
use proto_types::{TaskId, TaskState};
use std::time::Duration;

impl Marathon {
    /// Does everything that follows from what happened to an instance.
    pub(super) fn follow(&mut self, transition: Transition) {
        if let Some(ObjectWrite { key, value }) = transition.object() {
            self.outbox.write(key, value);
        }
        self.kill(transition.kills.clone());
        self.outbox.extend(transition.events.iter().cloned().map(Body::Publish));
        if transition.kind == TransitionKind::Unchanged {
            return;
        }
        let Some(instance) = transition.after.as_ref().or(transition.before.as_ref()) else { return };
        self.dirty.insert(instance.app.clone());
        if transition.began_to_run() && !instance.goal_stopped {
            self.start_probes(instance);
        }
        let goes = instance.goal_stopped && transition.before.as_ref().is_some_and(|before| !before.goal_stopped);
        if transition.ceased_to_run() || goes {
            self.outbox.push(Body::StopProbes(instance.id.clone()));
        }
        if let Some(failure) = &transition.failure {
            self.outbox.put(&Key::Failure(instance.app.clone()), stored::failure(failure));
            self.view.failures.insert(instance.app.clone(), failure.clone());
        }
        if transition.is_gone() {
            self.queue.instance_gone(&instance.app);
            self.run_ended(instance);
        }
        if transition.delays_launch
            && let Some(spec) = self.spec_of(instance)
        {
            let ran = instance.started_at.map_or(Duration::ZERO, |started| self.wall().since(started));
            self.queue.failed(&instance.app, instance.config_version, spec.backoff(), ran, self.wall());
        }
    }

    pub(super) fn kill(&mut self, kills: Vec<(TaskId, Option<Duration>)>) {
        self.outbox.extend(kills.into_iter().map(|(task, grace)| Body::Kill(task, grace)));
    }

    /// An instance is to go.
    pub(super) fn stop(&mut self, id: &TaskId) {
        let Some(instance) = self.instances.get(id).cloned() else { return };
        let spec = self.spec_of(&instance);
        let transition = self.instances.stop(id, &rules(spec.as_ref()), self.wall());
        self.follow(transition);
    }

    /// What the app or pod said when an instance was launched from it; none: that version is not kept any more.
    pub(super) fn spec_of(&self, instance: &Instance) -> Option<RunSpec> {
        let (id, config) = (&instance.app, instance.config_version);
        let now = RunSpec::find(&self.view.root, id).filter(|spec| spec.config_version() == config);
        let version = instance.version;
        let app = || self.view.app_versions.get(id)?.get(&version).cloned().map(RunSpec::App);
        let pod = || self.view.pod_versions.get(id)?.get(&version).cloned().map(RunSpec::Pod);
        // What is being stopped has no versions any more.
        let before = || RunSpec::find(&self.view.deployments.get(self.locks.get(id)?)?.original, id);
        now.or_else(app).or_else(pod).or_else(before)
    }

    /// A run of an app that runs to its end is begun.
    pub(super) fn run_began(&mut self, instance: &Instance, spec: &RunSpec) {
        if spec.run_once().is_none() {
            return;
        }
        let config = instance.config_version;
        let runs = self.runs.entry(instance.app.clone()).or_default();
        if runs.config_version != config {
            *runs = RunProgress::new(config);
        }
        runs.launched(&instance.id);
        self.outbox.put(&Key::Runs(instance.app.clone()), runs.write());
    }

    fn run_ended(&mut self, instance: &Instance) {
        let Some(policy) = self.spec_of(instance).and_then(|spec| spec.run_once()) else { return };
        let Some(runs) = self.runs.get_mut(&instance.app) else { return };
        let state = match instance.condition {
            Condition::Task(TaskState::Finished) => TaskState::Finished,
            // Killed on purpose is no attempt.
            _ if instance.goal_stopped => TaskState::Dropped,
            Condition::Task(state) => state,
            Condition::Created | Condition::UnreachableInactive => TaskState::Unreachable,
        };
        runs.ended(&instance.id, state, policy);
        self.outbox.put(&Key::Runs(instance.app.clone()), runs.write());
    }

    /// A run failed although its task is still to be killed.
    pub(super) fn run_failed(&mut self, instance: &Instance) {
        let failed =
            Instance { goal_stopped: false, condition: Condition::Task(TaskState::Failed), ..instance.clone() };
        self.run_ended(&failed);
    }
}

/// What a version of an app or pod says about its instances.
pub(super) fn rules(spec: Option<&RunSpec>) -> Rules<'_> {
    match spec {
        Some(RunSpec::App(app)) => Rules::from(&**app),
        Some(RunSpec::Pod(pod)) => Rules::from(&**pod),
        None => Rules::default(),
    }
}
