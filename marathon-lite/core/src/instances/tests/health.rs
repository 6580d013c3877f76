//! Health checks and readiness.

use super::*;
use crate::{app::ReadinessCheck, health::ProbeResult};

fn refused() -> ProbeResult {
    ProbeResult::Failed("refused".into())
}

#[test]
fn all_checks_have_to_speak_and_agree() {
    let checks = checks(&[HealthProtocol::Http, HealthProtocol::Tcp]);
    let rules = Rules { health_checks: &checks, ..Rules::default() };
    let mut table = running(&rules);
    assert_eq!((table.counts(&web()).serving, table.counts(&web()).healthy), (0, 0));
    let first = table.checked(&id(1), 0, &checks[0], None, &ProbeResult::Passed, at(3));
    assert_eq!((first.write, kinds(&first)), (Write::Put, vec!["health_status_changed_event"]));
    assert_eq!(table.counts(&web()).healthy, 0);
    let second = table.checked(&id(1), 1, &checks[1], None, &ProbeResult::Passed, at(4));
    assert_eq!(kinds(&second), ["health_status_changed_event", "instance_health_changed_event"]);
    assert_eq!((table.counts(&web()).serving, table.counts(&web()).healthy), (1, 1));
    let again = table.checked(&id(1), 1, &checks[1], None, &ProbeResult::Passed, at(5));
    assert_eq!((again.kind, again.write, again.events.len()), (TransitionKind::Changed, Write::Keep, 0));
    let failed = table.checked(&id(1), 0, &checks[0], None, &refused(), at(6));
    assert_eq!(
        kinds(&failed),
        ["failed_health_check_event", "health_status_changed_event", "instance_health_changed_event"]
    );
    assert_eq!((table.counts(&web()).unhealthy, table.counts(&web()).serving), (1, 0));
    assert_eq!(table.checked(&id(1), 2, &checks[0], None, &refused(), at(7)).kind, TransitionKind::Unchanged);
    table.audit().unwrap();
}

#[test]
fn an_instance_that_fails_too_often_is_killed_once() {
    let checks = checks(&[HealthProtocol::Http]);
    let rules = Rules { health_checks: &checks, ..Rules::default() };
    let mut table = running(&rules);
    let _ = table.checked(&id(1), 0, &checks[0], None, &ProbeResult::Passed, at(3));
    for second in 4..7 {
        let failed = table.checked(&id(1), 0, &checks[0], None, &refused(), at(second));
        assert!(failed.kills.is_empty(), "{second}");
    }
    let grace = Some(Duration::from_secs(1));
    let killed = table.checked(&id(1), 0, &checks[0], grace, &refused(), at(7));
    assert_eq!((&killed.kills[..], killed.write), (&[(id(1), grace)][..], Write::Put));
    assert_eq!(kinds(&killed), ["failed_health_check_event", "unhealthy_instance_kill_event"]);
    assert_eq!(killed.events[1].fields["reason"], "refused");
    let more = table.checked(&id(1), 0, &checks[0], grace, &refused(), at(8));
    assert_eq!((more.kills.len(), kinds(&more)), (0, vec!["failed_health_check_event"]));
    table.audit().unwrap();
}

#[test]
fn a_first_failure_is_no_change_to_marathons_subscribers() {
    let checks = vec![HealthCheck { grace_period: Duration::ZERO, ..HealthCheck::new(HealthProtocol::Http, None) }];
    let rules = Rules { health_checks: &checks, ..Rules::default() };
    let mut table = running(&rules);
    let failed = table.checked(&id(1), 0, &checks[0], None, &refused(), at(3));
    assert_eq!(kinds(&failed), ["failed_health_check_event", "instance_health_changed_event"]);
    assert_eq!((failed.write, table.counts(&web()).unhealthy), (Write::Put, 1));
}

#[test]
fn executors_tell_the_health_that_they_find() {
    let checks = checks(&[HealthProtocol::Http, HealthProtocol::Command]);
    let rules = Rules { health_checks: &checks, ..Rules::default() };
    let mut table = running(&rules);
    let report =
        |healthy, second: u64| TaskStatus { healthy, timestamp: Wall(second * 1000), ..status(1, TaskState::Running) };
    let told = table.update(&report(Some(true), 3), &rules, at(3));
    assert_eq!((told.write, kinds(&told)), (Write::Put, vec!["health_status_changed_event"]));
    assert_eq!(table.get(&id(1)).unwrap().health[1].alive, Some(true));
    assert_eq!(table.update(&report(Some(true), 3), &rules, at(4)).kind, TransitionKind::Unchanged);
    // Who says nothing takes nothing back.
    assert_eq!(table.update(&report(None, 5), &rules, at(5)).kind, TransitionKind::Unchanged);
    let sick = table.update(&report(Some(false), 6), &rules, at(6));
    assert_eq!(kinds(&sick)[..2], ["failed_health_check_event", "health_status_changed_event"]);
    assert!(sick.kills.is_empty());
    table.audit().unwrap();
}

#[test]
fn ready_once_is_ready_for_good() {
    let rules = Rules { readiness: true, ..Rules::default() };
    let mut table = running(&rules);
    assert_eq!(table.counts(&web()).serving, 0);
    let check = ReadinessCheck::default();
    let answer = |status| Ok((status, String::new(), String::new()));
    assert_eq!(table.answered(&id(1), &check, answer(503)).kind, TransitionKind::Unchanged);
    let ready = table.answered(&id(1), &check, answer(200));
    assert_eq!((ready.write, table.counts(&web()).serving), (Write::Put, 1));
    assert_eq!(table.answered(&id(1), &check, answer(503)).kind, TransitionKind::Unchanged);
    table.audit().unwrap();
}
