//! What is to be done now for one app or pod of a deployment.

use super::{
    Action, ActionKind, Decision, Deployment, InstanceView, Replace, RunSpec, Scale, progress::OpenAction, replace,
    scale, stop,
};
use crate::{
    app::{PathId, Timestamp},
    instances::Instance,
};
use std::sync::Arc;

impl Deployment {
    /// The version of an app or pod that this deployment looks at: the one that it leads to; of what it ends, the last.
    #[must_use]
    pub fn run_spec(&self, id: &PathId) -> Option<RunSpec> {
        RunSpec::find(&self.target, id).or_else(|| RunSpec::find(&self.original, id))
    }

    /// What is to be done now for an app or pod whose action in the current step is not finished; none: it has none. `ended`
    /// of its instances have ended for good and are not replaced, which only happens where it runs to its end.
    #[must_use]
    pub fn decide<'a>(
        &self,
        id: &PathId,
        instances: impl IntoIterator<Item = &'a Arc<Instance>>,
        ended: u32,
        now: Timestamp,
    ) -> Option<Decision> {
        let open = self.progress.open(id)?;
        let Some(wanted) = self.spec_of(id, open) else { return Some(Decision::finished()) };
        let views: Vec<InstanceView> =
            instances.into_iter().map(|instance| InstanceView::of(instance, &wanted)).collect();
        Some(match open.kind {
            ActionKind::StartApplication => Decision::finished(),
            ActionKind::StopApplication => stop(&views),
            ActionKind::ScaleApplication => scale(&Scale { instances: wanted.instances(), ended, views: &views }),
            ActionKind::RestartApplication => replace(&Replace {
                strategy: wanted.upgrade_strategy(),
                instances: wanted.instances(),
                instances_before: RunSpec::find(&self.original, id).map_or(0, |before| before.instances()),
                resident: wanted.is_resident(),
                kill_selection: wanted.kill_selection(),
                ended,
                views: &views,
                canary: open.canary,
                now,
            }),
        })
    }

    /// The action of an app or pod in the current step, finished or not.
    #[must_use]
    pub fn action(&self, id: &PathId) -> Option<&Action> {
        self.step()?.actions.iter().find(|action| action.id == *id)
    }

    fn spec_of(&self, id: &PathId, open: &OpenAction) -> Option<RunSpec> {
        let root = if open.kind == ActionKind::StopApplication { &self.original } else { &self.target };
        RunSpec::find(root, id)
    }
}
