//! Instances with several tasks.

use super::*;

fn task(name: &str) -> TaskId {
    container_task_id(&id(1), name).unwrap()
}

fn pod() -> Instance {
    let container = |name: &str| ContainerTask {
        name: name.into(),
        task: task(name),
        condition: Condition::Created,
        started_at: None,
        healthy: None,
        message: String::new(),
    };
    Instance { containers: vec![container("front"), container("back")], ..instance(1) }
}

fn report(table: &mut Instances, name: &str, state: TaskState, rules: &Rules<'_>) -> Transition {
    let transition = table.update(&status_of(&task(name), state), rules, at(5));
    table.audit().unwrap();
    transition
}

#[test]
fn a_pod_runs_when_all_its_containers_do_and_ends_when_all_ended() {
    let (mut table, rules) = (Instances::default(), Rules::default());
    let _ = table.launched(pod(), &rules, at(1));
    assert!(!report(&mut table, "front", TaskState::Running, &rules).began_to_run());
    assert!(report(&mut table, "back", TaskState::Running, &rules).began_to_run());
    assert_eq!(report(&mut table, "back", TaskState::Running, &rules).kind, TransitionKind::Unchanged);
    let failed = report(&mut table, "front", TaskState::Failed, &rules);
    assert_eq!(
        (failed.kind, condition(&table, 1)),
        (TransitionKind::Changed, Some(Condition::Task(TaskState::Killing)))
    );
    let ended = report(&mut table, "back", TaskState::Killed, &rules);
    assert_eq!((ended.kind, ended.instance), (TransitionKind::Ended, id(1)));
    assert_eq!(ended.after.unwrap().condition, Condition::Task(TaskState::Failed));
    assert_eq!(report(&mut table, "front", TaskState::Failed, &rules).kind, TransitionKind::Unchanged);
}

#[test]
fn a_container_that_is_done_does_not_end_the_others() {
    let (mut table, rules) = (Instances::default(), Rules::default());
    let _ = table.launched(pod(), &rules, at(1));
    let _ = report(&mut table, "front", TaskState::Running, &rules);
    let _ = report(&mut table, "back", TaskState::Running, &rules);
    let _ = report(&mut table, "front", TaskState::Finished, &rules);
    assert_eq!(condition(&table, 1), Some(Condition::Task(TaskState::Running)));
}

#[test]
fn all_tasks_of_a_pod_are_killed_and_cut_off_together() {
    let rules = unreachable_rules(0, 100);
    let mut table = Instances::default();
    let _ = table.launched(pod(), &rules, at(1));
    let _ = report(&mut table, "front", TaskState::Unreachable, &rules);
    assert_eq!(table.give_up(at(5)).len(), 1);
    let _ = report(&mut table, "back", TaskState::Unreachable, &rules);
    assert_eq!(condition(&table, 1), Some(Condition::UnreachableInactive));
    let _ = report(&mut table, "front", TaskState::Running, &rules);
    let _ = report(&mut table, "back", TaskState::Running, &rules);
    assert_eq!(condition(&table, 1), Some(Condition::Task(TaskState::Running)));
    let kills = table.stop(&id(1), &rules, at(9)).kills;
    assert_eq!(kills, [(task("front"), None), (task("back"), None)]);
}

#[test]
fn the_checks_of_containers_make_the_health_of_a_pod() {
    let body = serde_json::json!({
        "id": "/shop/web",
        "containers": [
            {"name": "front", "resources": {"cpus": 0.1, "mem": 32}, "exec": {"command": {"shell": "sleep 1"}}},
            {"name": "back", "resources": {"cpus": 0.1, "mem": 32}, "exec": {"command": {"shell": "sleep 1"}},
             "healthCheck": {"exec": {"command": {"shell": "true"}}}},
        ],
    });
    let definition = crate::pods::define(&body, None, &crate::support::Support::default()).unwrap();
    let rules = Rules::from(&definition);
    let mut table = Instances::default();
    let _ = table.launched(pod(), &rules, at(1));
    let _ = report(&mut table, "front", TaskState::Running, &rules);
    let _ = report(&mut table, "back", TaskState::Running, &rules);
    assert_eq!((table.counts(&web()).running, table.counts(&web()).serving), (1, 0));
    let healthy = TaskStatus { healthy: Some(true), ..status_of(&task("back"), TaskState::Running) };
    let told = table.update(&healthy, &rules, at(6));
    assert_eq!((table.counts(&web()).healthy, table.counts(&web()).serving), (1, 1));
    assert_eq!(kinds(&told)[1..], ["health_status_changed_event", "instance_health_changed_event"]);
    table.audit().unwrap();
}
