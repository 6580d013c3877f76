//! What a deployment does, step by step.

use super::Progress;
use crate::{
    app::{PathId, Timestamp},
    group::Root,
};
use std::{collections::BTreeSet, fmt, sync::Arc};

/// The id of a deployment, a UUID.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeploymentId(pub String);

impl fmt::Display for DeploymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A way from one root to another.
#[derive(Debug, Clone, PartialEq)]
pub struct Deployment {
    /// Its id.
    pub id: DeploymentId,
    /// When it was made: the version of the root that it leads to.
    pub version: Timestamp,
    /// From where.
    pub original: Root,
    /// To where.
    pub target: Root,
    /// One after the other; the actions of one step go on side by side. Shared, for a deployment is copied whenever
    /// something in it moves on.
    pub steps: Arc<[Step]>,
    /// The step that is under way, from 0; as many as there are steps: it is over.
    pub current_step: usize,
    /// How far the current step is.
    pub progress: Progress,
    /// Whether it sets back what another one changed. Such a one is never set back itself by a deadline: two versions that
    /// both fail would take turns for ever.
    pub is_rollback: bool,
}

/// Actions that go on side by side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Which.
    pub actions: Vec<Action>,
}

/// What is done to one app or pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// What.
    pub kind: ActionKind,
    /// To which.
    pub id: PathId,
    /// Whether that is a pod.
    pub pod: bool,
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActionKind {
    /// A new one begins, with no instances.
    StartApplication,
    /// It gets as many instances as it wants.
    ScaleApplication,
    /// All its instances become those of the new version.
    RestartApplication,
    /// It ends.
    StopApplication,
}

impl ActionKind {
    /// Its name in JSON, of an app.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::StartApplication => "StartApplication",
            Self::ScaleApplication => "ScaleApplication",
            Self::RestartApplication => "RestartApplication",
            Self::StopApplication => "StopApplication",
        }
    }

    /// Its name in JSON, of a pod.
    #[must_use]
    pub const fn name_of_pod(self) -> &'static str {
        match self {
            Self::StartApplication => "StartPod",
            Self::ScaleApplication => "ScalePod",
            Self::RestartApplication => "RestartPod",
            Self::StopApplication => "StopPod",
        }
    }
}

impl Action {
    /// Its name in JSON.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        if self.pod { self.kind.name_of_pod() } else { self.kind.name() }
    }
}

impl Deployment {
    /// Whether there is nothing left to do; one that changes nothing is over from the beginning.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.current_step >= self.steps.len()
    }

    /// The step that is under way.
    #[must_use]
    pub fn step(&self) -> Option<&Step> {
        self.steps.get(self.current_step)
    }

    /// All actions of all steps.
    pub fn actions(&self) -> impl Iterator<Item = &Action> {
        self.steps.iter().flat_map(|step| &step.actions)
    }

    /// The apps that something is done to: those are locked while it goes on.
    #[must_use]
    pub fn affected_apps(&self) -> BTreeSet<&PathId> {
        self.actions().filter(|action| !action.pod).map(|action| &action.id).collect()
    }

    /// The pods that something is done to.
    #[must_use]
    pub fn affected_pods(&self) -> BTreeSet<&PathId> {
        self.actions().filter(|action| action.pod).map(|action| &action.id).collect()
    }

    /// The apps and pods that something is done to.
    #[must_use]
    pub fn affected(&self) -> BTreeSet<&PathId> {
        self.actions().map(|action| &action.id).collect()
    }

    /// The same, as one that sets back what another one changed.
    #[must_use]
    pub fn as_rollback(self) -> Self {
        Self { is_rollback: true, ..self }
    }
}
