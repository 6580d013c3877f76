//! What a new leader knows.

use super::*;

fn recovered(table: &Instances, rules: &Rules<'static>, second: u64) -> Instances {
    let all: Vec<Instance> =
        table.of_app(&web()).map(|one| read_instance(&one.id, &write_instance(one)).unwrap()).collect();
    Instances::recover(all, |_| *rules, at(second))
}

#[test]
fn a_new_leader_makes_nobody_unknown() {
    let checks: &'static [HealthCheck] = Box::leak(checks(&[HealthProtocol::MesosHttp]).into_boxed_slice());
    let rules = Rules { health_checks: checks, ..Rules::default() };
    let mut table = running(&rules);
    let report = TaskStatus { healthy: Some(true), ..status(1, TaskState::Running) };
    let _ = table.update(&report, &rules, at(3));
    let mut new = recovered(&table, &rules, 100);
    assert_eq!(new.counts(&web()), table.counts(&web()));
    assert_eq!(new.counts(&web()).healthy, 1);
    let queries: Vec<TaskId> = new.queries().map(|query| query.task).collect();
    assert_eq!(queries, [id(1)]);
    // The answer to the question carries the executor's last word.
    let sick = TaskStatus { healthy: Some(false), ..status(1, TaskState::Running) };
    let told = new.update(&sick, &rules, at(101));
    assert_eq!((told.write, new.counts(&web()).unhealthy), (Write::Put, 1));
    new.audit().unwrap();
}

#[test]
fn a_new_leader_goes_on_killing_and_waiting() {
    let rules = unreachable_rules(60, 300);
    let mut table = running(&rules);
    let _ = table.launched(instance(2), &rules, at(1));
    let _ = table.stop(&id(2), &rules, at(2));
    let _ = table.update(&status(1, TaskState::Unreachable), &rules, at(10));
    let mut new = recovered(&table, &rules, 50);
    new.audit().unwrap();
    assert_eq!(new.kills_due(at(50)), [(id(2), None)]);
    assert!(new.give_up(at(69)).is_empty());
    assert_eq!(new.give_up(at(70)).len(), 1);
    let newer = recovered(&new, &rules, 80);
    assert_eq!(condition(&newer, 1), Some(Condition::UnreachableInactive));
    newer.audit().unwrap();
}
