//! What is done with offers.

use super::Settings;
use crate::{app::Timestamp, instances::Instance};
use proto_types::{Filters, OfferId, TaskInfo, scheduling::Acceptance, task::Launch};
use std::{sync::Arc, time::Duration};

/// What is done with the offers of one agent: all of them are used here, or refused.
#[derive(Debug, Clone, PartialEq)]
pub struct OfferUse {
    /// The offers.
    pub offers: Vec<OfferId>,
    /// What is launched; none: they are refused.
    pub launched: Vec<NewInstance>,
    /// For how long what is left of them is not to be offered again.
    pub refuse: Duration,
}

/// An instance that is to be stored and then launched.
#[derive(Debug, Clone, PartialEq)]
pub struct NewInstance {
    /// The instance.
    pub instance: Instance,
    /// Its task; or those of a pod's containers.
    pub tasks: Vec<Arc<TaskInfo>>,
    /// Whether the tasks live and die together.
    pub group: bool,
}

impl OfferUse {
    /// The same, as the master is told it: the tasks of apps in one launch, each pod in one of its own.
    #[must_use]
    pub fn acceptance(&self) -> Acceptance {
        let apps = self.launched.iter().filter(|instance| !instance.group);
        let tasks: Vec<Arc<TaskInfo>> = apps.flat_map(|instance| instance.tasks.iter().cloned()).collect();
        let launch = |tasks: Vec<Arc<TaskInfo>>, group| Launch { executor: None, tasks, group };
        let mut launches = Vec::new();
        if !tasks.is_empty() {
            launches.push(launch(tasks, false));
        }
        let pods = self.launched.iter().filter(|instance| instance.group);
        launches.extend(pods.map(|instance| launch(instance.tasks.clone(), true)));
        Acceptance { offers: self.offers.clone(), launches, filters: Filters { refuse: self.refuse } }
    }
}

/// For how long what is not used is refused: no longer than until somebody can use it.
pub(super) fn refusal(
    settings: &Settings,
    now: Timestamp,
    wanted: bool,
    wakes: impl Iterator<Item = Timestamp>,
) -> Duration {
    /// Shorter refusals would bring the same offers back at once.
    const LEAST: Duration = Duration::from_millis(100);
    if !wanted {
        return settings.refuse_unwanted;
    }
    let next = wakes.min().map_or(settings.refuse_unused, |wake| wake.since(now));
    next.clamp(LEAST, settings.refuse_unused.max(LEAST))
}
