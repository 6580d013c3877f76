//! Ending an app or pod.

use super::{Canary, Decision, InstanceView, Kill, Outcome};

/// What is to be done so that nothing of an app is left.
#[must_use]
pub fn stop(views: &[InstanceView]) -> Decision {
    let alive = views.iter().filter(|view| !view.goal_stopped && !view.has_ended());
    let kill: Vec<_> = alive.map(|view| view.id.clone()).collect();
    let remaining = views.iter().filter(|view| view.active).count() as u32;
    let outcome = if remaining == 0 {
        Outcome::Finished
    } else {
        Outcome::Waiting(format!("waits for the end of {remaining} instances, which are being killed"))
    };
    Decision { kill: Kill::These(kill), launch: 0, outcome, remaining, canary: Canary::default() }
}
