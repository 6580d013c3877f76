use super::*;
use crate::{
    app::{AppDefinition, CanarySize, CanaryStep, UpgradeStrategy},
    deployment::{
        Kill, Outcome,
        small_world::{app, at, deployment, instances, path, tree},
    },
    group::Root,
    instances::Instance,
};
use std::sync::Arc;

/// Decides for an app and remembers it; whether that has to be stored, and what was decided.
fn decide(deployment: &mut Deployment, id: &str, instances: &[Arc<Instance>], now: u64) -> (bool, Decision) {
    let decision = deployment.decide(&path(id), instances, 0, at(now)).unwrap();
    (deployment.record(&path(id), &decision, at(now)), decision)
}

#[test]
fn actions_finish_in_any_order_and_steps_follow() {
    let (original, target) = (tree(&["/a", "/b", "/gone"]), tree(&["/a*2@2/1", "/b*2@2/1", "/c: /a"]));
    let mut deployment = deployment("d", &original, &target);
    assert!(!deployment.is_done() && !deployment.advance(at(1001)));

    let (stored, decision) = decide(&mut deployment, "/gone", &instances("/gone", "R", 1, 1), 1001);
    assert_eq!(decision.kill, Kill::These(instances("/gone", "R", 1, 1).iter().map(|one| one.id.clone()).collect()));
    assert_eq!(decision.outcome, Outcome::Waiting("waits for the end of 1 instances, which are being killed".into()));
    assert!(stored && deployment.decide(&path("/a"), &[], 0, at(1001)).is_none());
    assert!(decide(&mut deployment, "/gone", &[], 1002).1.is_finished());
    assert!(deployment.is_done() && deployment.advance(at(1003)));

    assert!(decide(&mut deployment, "/c", &[], 1003).1.is_finished(), "a start has nothing to do");
    assert!(deployment.advance(at(1003)) && deployment.current_step == 2);

    let (ready, half) = (instances("/b", "RR", 2, 1), instances("/a", "Rs", 2, 1));
    assert!(decide(&mut deployment, "/b", &ready, 1004).1.is_finished());
    // It is finished, whatever happens to its instances while others are waited for.
    assert!(deployment.decide(&path("/b"), &[], 0, at(1005)).is_none());
    assert!(!deployment.is_done() && deployment.progress.open(&path("/a")).is_some());
    assert!(!decide(&mut deployment, "/a", &half, 1005).1.is_finished());
    let both: Vec<_> = instances("/a", "R", 1, 1).into_iter().chain(instances("/a", "R", 2, 1)).collect();
    assert!(decide(&mut deployment, "/a", &both, 1006).1.is_finished() && deployment.advance(at(1006)));
    assert!(decide(&mut deployment, "/c", &instances("/c", "R", 1, 1), 1007).1.is_finished());
    assert!(deployment.advance(at(1007)) && deployment.is_over() && !deployment.advance(at(1007)));
}

/// A root with one app of four instances that may make no progress for 100 seconds.
fn careful(what: &str, strategy: UpgradeStrategy) -> Root {
    let progress_deadline = Some(Duration::from_secs(100));
    let upgrade_strategy = UpgradeStrategy { progress_deadline, rollback_on_failure: true, ..strategy };
    let mut root = Root::new(at(0));
    root.put_app(Arc::new(AppDefinition { upgrade_strategy, ..AppDefinition::clone(&app(what)) }), at(0));
    root
}

fn restart(strategy: UpgradeStrategy) -> Deployment {
    let (original, target) = (careful("/a*4@1", strategy.clone()), careful("/a*4@1000", strategy));
    deployment("d", &original, &target)
}

fn mixed(old: &str, new: &str) -> Vec<Arc<Instance>> {
    instances("/a", old, 1, 1).into_iter().chain(instances("/a", new, 1000, 1000)).collect()
}

#[test]
fn without_progress_the_deadline_passes() {
    let mut deployment = restart(UpgradeStrategy::of_services());
    let seconds = |seconds: u64| 1000 + seconds * 1000;
    let (stored, decision) = decide(&mut deployment, "/a", &mixed("RRRR", ""), seconds(0));
    assert!(stored && decision.launch == 4);
    assert!(deployment.overdue(at(seconds(99))).is_none());
    let overdue = deployment.overdue(at(seconds(100))).unwrap();
    assert_eq!(
        overdue.reason,
        "/a made no progress for 100 s, its progress deadline is 100 s; 8 instances are left to \
                                start or to stop"
    );
    assert!(overdue.rollback && overdue.id == path("/a"));
    assert!(!deployment.clone().as_rollback().overdue(at(seconds(100))).unwrap().rollback);

    // A new instance that takes over is progress; that it falls back and comes again is none.
    assert!(decide(&mut deployment, "/a", &mixed("RRRR", "Rsss"), seconds(90)).0);
    assert!(!decide(&mut deployment, "/a", &mixed("RRRR", "ssss"), seconds(150)).0);
    assert!(!decide(&mut deployment, "/a", &mixed("RRRR", "Rsss"), seconds(180)).0);
    assert!(deployment.overdue(at(seconds(189))).is_none() && deployment.overdue(at(seconds(190))).is_some());

    // The time without a leader does not count.
    deployment.resume(at(seconds(185)));
    assert!(deployment.overdue(at(seconds(284))).is_none() && deployment.overdue(at(seconds(285))).is_some());
}

#[test]
fn apps_without_a_deadline_wait_for_ever() {
    let deployment = deployment("d", &tree(&["/a*4@1", "/b"]), &tree(&["/a*4@2"]));
    assert!(deployment.overdue(at(u64::MAX)).is_none());
}

#[test]
fn the_pause_of_a_careful_step_is_no_lack_of_progress() {
    let step = CanaryStep { size: CanarySize::Instances(1), pause: Duration::from_secs(1000) };
    let mut deployment = restart(UpgradeStrategy { canary_steps: vec![step], ..UpgradeStrategy::of_services() });
    let seconds = |seconds: u64| 1000 + seconds * 1000;
    assert_eq!(decide(&mut deployment, "/a", &mixed("RRRR", ""), seconds(0)).1.launch, 1);
    assert!(decide(&mut deployment, "/a", &mixed("RRRR", "R"), seconds(10)).0);
    assert!(decide(&mut deployment, "/a", &mixed("RRR", "R"), seconds(20)).0);
    assert!(!decide(&mut deployment, "/a", &mixed("RRR", "R"), seconds(800)).0);
    assert!(deployment.overdue(at(seconds(900))).is_none());
    // It falls ill after 880 seconds of pause: of the deadline, nothing was used before.
    assert!(decide(&mut deployment, "/a", &mixed("RRR", "s"), seconds(900)).0);
    assert!(deployment.overdue(at(seconds(999))).is_none() && deployment.overdue(at(seconds(1000))).is_some());
    // It is well again, and the pause begins anew.
    assert!(decide(&mut deployment, "/a", &mixed("RRR", "R"), seconds(950)).0);
    assert!(deployment.overdue(at(seconds(1900))).is_none());
    let (stored, decision) = decide(&mut deployment, "/a", &mixed("RRR", "R"), seconds(1950));
    assert!(stored && decision.launch == 3 && decision.canary.step == 1);
    assert!(deployment.overdue(at(seconds(2049))).is_none() && deployment.overdue(at(seconds(2050))).is_some());
}

#[test]
fn a_rollback_finds_the_instances_from_before() {
    let mut rollout = restart(UpgradeStrategy::of_services());
    decide(&mut rollout, "/a", &mixed("RRRR", ""), 1000);
    let back = crate::deployment::revert(&rollout.target, &rollout, at(2000));
    let mut rollback = deployment("back", &rollout.target, &back).as_rollback();
    // Seen from the rollback, those of version 1 are the new ones.
    let (_, decision) = decide(&mut rollback, "/a", &mixed("RRRR", "ss"), 2000);
    let Kill::These(killed) = &decision.kill else { panic!("{decision:?}") };
    assert_eq!((killed.len(), decision.launch), (2, 0));
    assert!(killed.iter().all(|id| id.as_str().ends_with("-1000")));
    assert!(decide(&mut rollback, "/a", &mixed("RRRR", ""), 2001).1.is_finished());
}
