//! Giving an app or pod as many instances as it wants, of whatever version they are.

use super::{Canary, Decision, InstanceView, Kill, Outcome};

/// What scaling is decided from.
#[derive(Debug, Clone, Copy)]
pub struct Scale<'a> {
    /// How many instances are wanted.
    pub instances: u32,
    /// How many have ended for good and are not replaced: those of an app that runs to its end.
    pub ended: u32,
    /// The instances that there are.
    pub views: &'a [InstanceView],
}

/// What is to be done so that there are as many instances as wanted. Those that the same version launched have to be
/// healthy and ready before it is finished; those from before are taken as they are.
///
/// One that is being killed is replaced when its end is told, not before: so there are never more than wanted.
#[must_use]
pub fn scale(input: &Scale<'_>) -> Decision {
    let wanted = input.instances.saturating_sub(input.ended);
    let count = |of: fn(&InstanceView) -> bool| input.views.iter().filter(|view| of(view)).count() as u32;
    let (active, staying) = (count(|view| view.active), count(InstanceView::stays));
    let good = count(|view| view.stays() && (!view.is_latest || view.took_over()));
    let (kill, launch) = (staying.saturating_sub(wanted), wanted.saturating_sub(active));
    let remaining = active.saturating_sub(staying) + kill + wanted.saturating_sub(good);
    let outcome = if remaining == 0 {
        Outcome::Finished
    } else {
        let going = active - staying + kill;
        Outcome::Waiting(format!(
            "{} of {wanted} instances are there, healthy and ready; {launch} wait to be launched, {} were launched, {going} \
             are being killed",
            good.min(wanted),
            staying.saturating_sub(good + kill),
        ))
    };
    Decision { kill: Kill::Any(kill), launch, outcome, remaining, canary: Canary::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deployment::{
        RunSpec,
        small_world::{app, instances},
        stop,
    };
    use crate::instances::Instance;
    use std::sync::Arc;

    /// How many are killed and launched, how much is left; the wanted version is 2, which only scaled version 1.
    fn told(wanted: u32, old: &str, latest: &str, ended: u32) -> (u32, u32, u32) {
        let wanted_app = RunSpec::App(app(&format!("/a*{wanted}@2/1")));
        let all: Vec<Arc<Instance>> =
            instances("/a", old, 1, 1).into_iter().chain(instances("/a", latest, 2, 1)).collect();
        let views: Vec<InstanceView> = all.iter().map(|one| InstanceView::of(one, &wanted_app)).collect();
        let decision = scale(&Scale { instances: wanted, ended, views: &views });
        let Kill::Any(kill) = decision.kill else { unreachable!() };
        assert_eq!(decision.remaining == 0, decision.is_finished());
        (kill, decision.launch, decision.remaining)
    }

    #[test]
    fn what_is_missing_is_launched_and_has_to_take_over() {
        assert_eq!(told(3, "", "", 0), (0, 3, 3));
        assert_eq!(told(3, "R", "", 0), (0, 2, 2));
        assert_eq!(told(3, "R", "sR", 0), (0, 0, 1));
        assert_eq!(told(3, "R", "RR", 0), (0, 0, 0));
        // Those from before are taken as they are.
        assert_eq!(told(3, "su", "R", 0), (0, 0, 0));
    }

    #[test]
    fn what_is_too_much_is_killed_and_waited_for() {
        assert_eq!(told(1, "RRR", "", 0), (2, 0, 2));
        assert_eq!(told(1, "Rkk", "", 0), (0, 0, 2));
        assert_eq!(told(1, "R", "", 0), (0, 0, 0));
        assert_eq!(told(0, "RR", "", 0), (2, 0, 2));
        assert_eq!(told(0, "", "", 0), (0, 0, 0));
    }

    #[test]
    fn one_that_is_being_killed_is_replaced_when_it_has_ended() {
        assert_eq!(told(2, "Rk", "", 0), (0, 0, 2));
        assert_eq!(told(2, "R", "", 0), (0, 1, 1));
        // Unless it cannot be told from one that never comes back.
        assert_eq!(told(2, "Rx", "", 0), (0, 1, 1));
    }

    #[test]
    fn runs_that_ended_are_not_replaced() {
        assert_eq!(told(3, "", "R", 2), (0, 0, 0));
        assert_eq!(told(3, "", "", 3), (0, 0, 0));
        assert_eq!(told(3, "", "", 1), (0, 2, 2));
    }

    #[test]
    fn what_is_waited_for_is_said_with_numbers() {
        let wanted = RunSpec::App(app("/a*4@2/1"));
        let all = instances("/a", "Rsk", 2, 1);
        let views: Vec<InstanceView> = all.iter().map(|one| InstanceView::of(one, &wanted)).collect();
        assert_eq!(
            scale(&Scale { instances: 4, ended: 0, views: &views }).outcome,
            Outcome::Waiting(
                "1 of 4 instances are there, healthy and ready; 1 wait to be launched, 1 were launched, 1 are being killed"
                    .into()
            )
        );
    }

    #[test]
    fn the_end_of_what_cannot_be_reached_is_not_waited_for_unless_two_do_harm() {
        let mut exclusive = crate::app::AppDefinition::clone(&app("/a*1@2"));
        let views = |wanted: &RunSpec| {
            instances("/a", "x", 1, 1).iter().map(|one| InstanceView::of(one, wanted)).collect::<Vec<_>>()
        };
        assert!(stop(&views(&RunSpec::App(app("/a*1@2")))).is_finished());
        exclusive.labels.insert("MARATHON_SINGLE_INSTANCE_APP".into(), "true".into());
        assert!(!stop(&views(&RunSpec::App(Arc::new(exclusive)))).is_finished());
    }
}
