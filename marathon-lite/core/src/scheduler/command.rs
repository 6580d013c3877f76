//! What clients ask for.

use super::{Answer, Command, Edit, Marathon, Refused, RequestId, edit::Editor};
use crate::{
    app::PathId,
    deployment::{DeploymentId, plan},
    events,
    instances::Instance,
    launch::RunSpec,
};
use proto_types::TaskId;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

impl Marathon {
    pub(super) fn command(&mut self, request: RequestId, command: Command) {
        let answer = match command {
            Command::Edit { edit, force, dry_run } => self.edit(&edit, force, dry_run),
            Command::KillInstances { instances, scale, wipe: _, force } => {
                self.kill_instances(&instances, scale, force)
            }
            Command::EndDeployment { id, revert } => self.end_deployment(&id, revert),
            Command::ResetDelay(app) => self.reset_delay(&app),
        };
        self.outbox.reply(request, answer);
    }

    fn edit(&mut self, edit: &Edit, force: bool, dry_run: bool) -> Result<Answer, Refused> {
        if !dry_run && self.view.deployments.len() >= self.config.deployments_max {
            return Err(Refused::TooManyDeployments);
        }
        let version = self.next_version();
        let editor = Editor { view: &self.view, support: &self.config.support, version };
        let edited = editor.edit(edit)?;
        if dry_run {
            let none = DeploymentId(String::new());
            let plan = plan(&self.view.root, &edited.root, &BTreeSet::new(), none, version);
            return Ok(Answer::Planned(plan.steps.to_vec()));
        }
        let (group, created) = (edited.group.unwrap_or_else(|| group_of(edit)), edited.created);
        match self.deploy(edited.root, force, false) {
            Ok(deployment) => {
                self.publish(events::group_change_success(self.wall(), &group, version));
                Ok(Answer::Deployed { deployment, version, created })
            }
            Err(refused) => {
                let reason = "it is locked by other deployments";
                self.publish(events::group_change_failed(self.wall(), &group, version, reason));
                Err(refused)
            }
        }
    }

    /// Kills instances, and with `scale` has their apps want so many fewer.
    fn kill_instances(&mut self, ids: &[TaskId], scale: bool, force: bool) -> Result<Answer, Refused> {
        let found: Vec<Arc<Instance>> = ids.iter().filter_map(|id| self.instances.of_task(id).cloned()).collect();
        if let ([id], []) = (ids, found.as_slice()) {
            return Err(Refused::NotFound(format!("Task '{id}' does not exist")));
        }
        let answer = if scale {
            let mut counts: BTreeMap<PathId, u32> = BTreeMap::new();
            // Those that are about to go are not counted by anybody any more.
            for instance in found.iter().filter(|instance| instance.is_wanted()) {
                *counts.entry(instance.app.clone()).or_default() += 1;
            }
            let left = |(app, killed): (PathId, u32)| {
                let count = self.wanted(&app).saturating_sub(killed);
                (app, count)
            };
            let counts: Vec<(PathId, u32)> = counts.into_iter().map(left).collect();
            let version = self.next_version();
            let editor = Editor { view: &self.view, support: &self.config.support, version };
            let root = editor.scaled(counts)?;
            Answer::Deployed { deployment: self.deploy(root, force, false)?, version, created: None }
        } else {
            Answer::Killed(found.clone())
        };
        for instance in &found {
            self.stop(&instance.id);
        }
        Ok(answer)
    }

    fn end_deployment(&mut self, id: &DeploymentId, back: bool) -> Result<Answer, Refused> {
        let missing = || Refused::NotFound(format!("DeploymentPlan {id} does not exist"));
        let deployment = self.view.deployments.get(id).cloned().ok_or_else(missing)?;
        if !back {
            self.cancel(id, "it was cancelled");
            return Ok(Answer::Done);
        }
        let version = self.next_version();
        Ok(Answer::Deployed { deployment: self.take_back(&deployment)?, version, created: None })
    }

    fn reset_delay(&mut self, app: &PathId) -> Result<Answer, Refused> {
        if !self.view.queue.contains_key(app) {
            return Err(Refused::NotFound(format!("Application {app} not found in tasks queue.")));
        }
        self.queue.reset_delay(app, self.wall());
        Ok(Answer::Done)
    }

    /// How many instances of an app or pod are wanted.
    fn wanted(&self, id: &PathId) -> u32 {
        RunSpec::find(&self.view.root, id).map_or(0, |spec| spec.instances())
    }
}

/// The group that an edit of an app or pod changes.
fn group_of(edit: &Edit) -> PathId {
    match edit {
        Edit::CreateGroup { id, .. } | Edit::UpdateGroup { id, .. } | Edit::DeleteGroup(id) => id.clone(),
        Edit::UpdateApp { id, .. }
        | Edit::DeleteApp(id)
        | Edit::RestartApp(id)
        | Edit::UpdatePod { id, .. }
        | Edit::DeletePod(id) => id.parent().unwrap_or_else(PathId::root),
        Edit::CreateApp(_) | Edit::UpdateApps { .. } | Edit::CreatePod(_) => PathId::root(),
    }
}
