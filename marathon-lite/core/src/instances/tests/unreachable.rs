//! Cut off, given up, and back again.

use super::*;

fn lose(table: &mut Instances, rules: &Rules<'_>, second: u64) -> Transition {
    table.update(&status(1, TaskState::Unreachable), rules, at(second))
}

#[test]
fn first_replaced_then_forgotten() {
    let rules = unreachable_rules(60, 300);
    let mut table = running(&rules);
    let lost = lose(&mut table, &rules, 100);
    assert!(lost.ceased_to_run() && lost.failure.is_some() && lost.write == Write::Put);
    assert_eq!(lost.after.unwrap().unreachable_since, Some(at(100)));
    assert_eq!((table.counts(&web()).wanted(), table.counts(&web()).unreachable), (1, 1));
    assert!(table.give_up(at(159)).is_empty());

    let [inactive] = &table.give_up(at(160))[..] else { panic!("one is replaced") };
    assert_eq!((inactive.kind, inactive.write), (TransitionKind::Changed, Write::Put));
    assert_eq!((table.counts(&web()).wanted(), table.counts(&web()).unreachable), (0, 1));
    assert_eq!(lose(&mut table, &rules, 170).kind, TransitionKind::Unchanged);
    assert!(table.give_up(at(399)).is_empty());

    let [expunged] = &table.give_up(at(400))[..] else { panic!("one is forgotten") };
    assert_eq!((expunged.kind, expunged.write), (TransitionKind::Expunged, Write::Remove));
    assert!(table.is_empty());
    table.audit().unwrap();
    let back = table.update(&status(1, TaskState::Running), &rules, at(500));
    assert_eq!((back.kind, back.kills.len()), (TransitionKind::Unknown, 1));
}

#[test]
fn without_periods_it_is_forgotten_at_once() {
    let rules = Rules::default();
    let mut table = running(&rules);
    let _ = lose(&mut table, &rules, 100);
    let given_up = table.give_up(at(100));
    assert_eq!(given_up.iter().map(|one| one.kind).collect::<Vec<_>>(), [TransitionKind::Expunged]);
}

#[test]
fn whoever_comes_back_in_time_goes_on() {
    let rules = unreachable_rules(60, 300);
    let mut table = running(&rules);
    let _ = lose(&mut table, &rules, 100);
    let back = table.update(&status(1, TaskState::Running), &rules, at(120));
    assert!(back.began_to_run() && !back.returned());
    assert_eq!(
        (back.after.unwrap().unreachable_since, condition(&table, 1)),
        (None, Some(Condition::Task(TaskState::Running)))
    );
    assert!(table.give_up(at(10_000)).is_empty());
    table.audit().unwrap();
}

#[test]
fn whoever_comes_back_after_it_was_replaced_counts_again() {
    let rules = unreachable_rules(60, 300);
    let mut table = running(&rules);
    let _ = lose(&mut table, &rules, 100);
    assert_eq!(table.give_up(at(160)).len(), 1);
    let _ = table.launched(Instance { staged_at: at(161), ..instance(2) }, &rules, at(161));
    let back = table.update(&status(1, TaskState::Running), &rules, at(170));
    assert!(back.returned());
    assert_eq!(table.counts(&web()).wanted(), 2);
    // The replacement does not run yet, so it is the one that is missed least.
    let surplus = |table: &Instances| {
        let chosen =
            crate::kill::select(table.of_app(&web()), 1, crate::app::KillSelection::YoungestFirst, |_, _| Vec::new());
        chosen[0].id.clone()
    };
    assert_eq!(surplus(&table), id(2));
    let _ = table.update(&status(2, TaskState::Running), &rules, at(171));
    assert_eq!(surplus(&table), id(2));
}

#[test]
fn whoever_is_waited_for_is_never_given_up() {
    let rules = Rules { unreachable: UnreachableStrategy::Disabled, ..Rules::default() };
    let mut table = running(&rules);
    let _ = lose(&mut table, &rules, 100);
    assert!(table.give_up(at(1_000_000)).is_empty());
    let stopped = table.stop(&id(1), &rules, at(1_000_001));
    assert_eq!((stopped.kind, table.len()), (TransitionKind::Changed, 1));
    table.audit().unwrap();
}

#[test]
fn apps_with_data_are_waited_for() {
    let mut app = AppDefinition::new(web());
    assert_eq!(Rules::from(&app).unreachable, UnreachableStrategy::default());
    app.residency = Some(crate::app::Residency::default());
    assert_eq!(Rules::from(&app).unreachable, UnreachableStrategy::Disabled);
}

#[test]
fn a_changed_strategy_holds_for_those_that_are_lost_already() {
    let rules = unreachable_rules(1000, 2000);
    let mut table = running(&rules);
    let _ = lose(&mut table, &rules, 100);
    table.strategy_changed(&web(), unreachable_rules(10, 3000).unreachable, at(120));
    assert_eq!(table.give_up(at(120)).len(), 1);
    assert_eq!(condition(&table, 1), Some(Condition::UnreachableInactive));
    table.strategy_changed(&web(), UnreachableStrategy::Disabled, at(130));
    assert!(table.give_up(at(100_000)).is_empty());
}

#[test]
fn the_master_says_since_when() {
    let rules = unreachable_rules(60, 60);
    let mut table = running(&rules);
    let mut report = status(1, TaskState::Unreachable);
    report.unreachable_since = Some(Wall(50_000));
    let lost = table.update(&report, &rules, at(100));
    assert_eq!(lost.after.unwrap().unreachable_since, Some(at(50)));
    assert_eq!(table.give_up(at(110)).len(), 1);
}

#[test]
fn an_agent_that_comes_back_may_say_what_it_said_before() {
    let rules = unreachable_rules(60, 300);
    let mut table = running(&rules);
    let told = TaskStatus { sequence: 3, ..status(1, TaskState::Running) };
    let _ = table.update(&told, &rules, at(5));
    let _ = lose(&mut table, &rules, 100);
    assert!(table.update(&told, &rules, at(110)).began_to_run());
}
