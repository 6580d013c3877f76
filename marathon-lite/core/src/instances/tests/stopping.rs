//! Instances that are to go.

use super::*;

#[test]
fn a_kill_is_stored_and_repeated_until_the_end_is_told() {
    let rules = Rules { kill_grace: Some(Duration::from_secs(20)), ..Rules::default() };
    let kill = || (id(1), Some(Duration::from_secs(20)));
    let mut table = running(&rules);
    let stopped = table.stop(&id(1), &rules, at(10));
    assert_eq!((stopped.write, &stopped.kills[..]), (Write::Put, &[kill()][..]));
    assert_eq!(table.counts(&web()), Counts { total: 1, running: 1, active: 1, stopping: 1, ..Counts::default() });
    assert_eq!(table.stop(&id(1), &rules, at(11)).kind, TransitionKind::Unchanged);
    assert!(table.kills_due(at(39)).is_empty());
    assert_eq!(table.kills_due(at(40)), [kill()]);
    assert_eq!(table.update(&status(1, TaskState::Killing), &rules, at(41)).kills, []);
    assert_eq!(table.kills_due(at(80)), [kill()]);
    table.audit().unwrap();
    let _ = table.update(&status(1, TaskState::Killed), &rules, at(90));
    assert!(table.kills_due(at(100_000)).is_empty());
}

#[test]
fn whoever_cannot_be_killed_is_forgotten_and_killed_on_return() {
    let rules = unreachable_rules(600, 900);
    let mut table = running(&rules);
    let _ = table.update(&status(1, TaskState::Unreachable), &rules, at(10));
    let stopped = table.stop(&id(1), &rules, at(11));
    assert_eq!((stopped.kind, stopped.write), (TransitionKind::Expunged, Write::Remove));
    assert!(table.is_empty() && table.kills_due(at(10_000)).is_empty());

    let mut table = running(&rules);
    let _ = table.stop(&id(1), &rules, at(5));
    let lost = table.update(&status(1, TaskState::Unreachable), &rules, at(10));
    assert_eq!((lost.kind, lost.write, lost.failure), (TransitionKind::Expunged, Write::Remove, None));
    table.audit().unwrap();
    assert_eq!(table.update(&status(1, TaskState::Running), &rules, at(20)).kills, [(id(1), None)]);
}

#[test]
fn a_stop_before_the_launch_is_answered_holds_when_it_is() {
    let (mut table, rules) = (Instances::default(), Rules::default());
    let _ = table.launched(instance(1), &rules, at(1));
    assert_eq!(table.stop(&id(1), &rules, at(2)).kills.len(), 1);
    // The kill may have come before the task did: it goes out again as soon as the task shows.
    assert_eq!(table.update(&status(1, TaskState::Running), &rules, at(3)).kills, [(id(1), None)]);
    table.audit().unwrap();
}
