//! How launches are made, where apps say nothing.

use crate::app::Timestamp;
use proto_types::agent::Unavailability;
use std::{collections::BTreeSet, time::Duration};

/// How launches are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The framework's role.
    pub role: String,
    /// Whose resources are used by apps that say nothing (`--default_accepted_resource_roles`); empty: everybody's and
    /// those of the framework's role.
    pub default_accepted_roles: BTreeSet<String>,
    /// Before the names of variables about ports and hosts (`--env_vars_prefix`).
    pub environment_prefix: String,
    /// How long an offer is refused that no app can use now (`--decline_offer_duration`).
    pub refuse_unused: Duration,
    /// How long an offer is refused while nothing is wanted at all: it comes back when something is.
    pub refuse_unwanted: Duration,
    /// How long an app waits for an agent that fits its wishes or its spread better than those that are offered.
    pub patience: Duration,
    /// So long before its maintenance an agent is used no more (`--draining_seconds`).
    pub draining: Duration,
    /// Whether agents with graphics processors are kept for apps that use them (`--gpu_scheduling_behavior restricted`);
    /// apps say otherwise with the label [`Settings::GPU_LABEL`].
    pub restrict_gpus: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            role: "*".to_owned(),
            default_accepted_roles: BTreeSet::new(),
            environment_prefix: String::new(),
            refuse_unused: Duration::from_secs(120),
            refuse_unwanted: Duration::from_secs(3600),
            patience: Duration::from_secs(10),
            draining: Duration::ZERO,
            restrict_gpus: false,
        }
    }
}

impl Settings {
    /// The label with which an app says whether it may use agents with graphics processors without using those:
    /// `restricted` or `unrestricted`.
    pub const GPU_LABEL: &str = "GPU_SCHEDULING_BEHAVIOR";

    /// When maintenance begins, if it is on or so near that nothing is launched any more.
    pub(super) fn maintenance(&self, plan: Option<Unavailability>, now: Timestamp) -> Option<Timestamp> {
        let plan = plan?;
        let (start, end) = (Timestamp::from_millis(plan.start.0), plan.end.map(|end| Timestamp::from_millis(end.0)));
        let over = end.is_some_and(|end| end <= now);
        (!over && start <= now.after(self.draining)).then_some(start)
    }
}
