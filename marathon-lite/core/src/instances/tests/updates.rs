//! From the launch to the end.

use super::*;
use proto_types::{Rejection, RejectionKind, status::ContainerStatus};

#[test]
fn a_life() {
    let (mut table, rules) = (Instances::default(), Rules::default());
    let launched = table.launched(instance(1), &rules, at(1));
    assert_eq!((launched.write, kinds(&launched)), (Write::Put, vec!["instance_changed_event"]));
    assert!(launched.object().unwrap().value.is_some());
    assert_eq!(table.counts(&web()), Counts { total: 1, staged: 1, active: 1, ..Counts::default() });

    let starting = table.update(&status(1, TaskState::Starting), &rules, at(2));
    assert_eq!((starting.kind, starting.write), (TransitionKind::Changed, Write::Keep));
    let mut report = status(1, TaskState::Running);
    report.container = Some(ContainerStatus { ip_address: Some("10.0.0.2".into()), ..ContainerStatus::default() });
    report.timestamp = Wall(2500);
    let run = table.update(&report, &rules, at(3));
    assert!(run.began_to_run() && !run.ceased_to_run());
    assert_eq!((run.write, kinds(&run)), (Write::Put, vec!["status_update_event", "instance_changed_event"]));
    let after = run.after.unwrap();
    assert_eq!(
        (after.started_at, &after.ip_addresses[..]),
        (Some(Timestamp::from_millis(2500)), &["10.0.0.2".to_owned()][..])
    );
    assert_eq!(table.counts(&web()), Counts { total: 1, running: 1, active: 1, serving: 1, ..Counts::default() });
    assert_eq!(table.counts_of_version(&web(), at(1)).running, 1);
    assert_eq!(table.counts_of_version(&web(), at(2)).total, 0);

    let mut report = status(1, TaskState::Failed);
    report.exit_code = Some(3);
    let ended = table.update(&report, &rules, at(9));
    assert!(ended.is_gone() && ended.ceased_to_run() && ended.delays_launch);
    assert_eq!((ended.write, ended.object().unwrap().value), (Write::Remove, None));
    let failure = ended.failure.unwrap();
    assert_eq!(
        (failure.message.as_str(), failure.state, failure.timestamp),
        ("Command exited with status 3", TaskState::Failed, at(9))
    );
    assert!(table.is_empty() && table.counts(&web()) == Counts::default());
    table.audit().unwrap();
}

#[test]
fn what_is_said_again_or_too_late_changes_nothing() {
    let rules = Rules::default();
    let mut table = running(&rules);
    let view = table.by_app().clone();
    for late in [TaskState::Running, TaskState::Starting, TaskState::Staging, TaskState::Dropped] {
        let transition = table.update(&status(1, late), &rules, at(5));
        assert_eq!((transition.kind, transition.write), (TransitionKind::Unchanged, Write::Keep), "{late}");
        assert!(transition.events.is_empty() && *table.by_app() == view);
    }
    let _ = table.update(&status(1, TaskState::Finished), &rules, at(6));
    for late in [TaskState::Finished, TaskState::Running, TaskState::Failed] {
        let transition = table.update(&status(1, late), &rules, at(7));
        assert_eq!((transition.kind, transition.kills.len()), (TransitionKind::Unchanged, 0), "{late}");
        assert!(transition.events.is_empty() && transition.failure.is_none());
    }
}

#[test]
fn which_ends_are_failures_and_which_delay_the_next_launch() {
    for (state, fails, delays) in [
        (TaskState::Finished, false, true),
        (TaskState::Failed, true, true),
        (TaskState::Killed, false, false),
        (TaskState::Error, true, true),
        (TaskState::Gone, true, true),
        (TaskState::GoneByOperator, true, false),
        (TaskState::Unknown, true, false),
    ] {
        let rules = Rules::default();
        let ended = running(&rules).update(&status(1, state), &rules, at(3));
        assert_eq!((ended.failure.is_some(), ended.delays_launch), (fails, delays), "{state}");
        let mut table = running(&rules);
        let _ = table.stop(&id(1), &rules, at(3));
        let ended = table.update(&status(1, state), &rules, at(4));
        assert_eq!((ended.failure, ended.delays_launch, ended.kind), (None, false, TransitionKind::Ended), "{state}");
        table.audit().unwrap();
    }
    let once = Rules { run_once: true, ..Rules::default() };
    assert!(!running(&once).update(&status(1, TaskState::Finished), &once, at(3)).delays_launch);
}

#[test]
fn a_refused_launch_is_taken_back() {
    for (kind, is_failure) in [
        (RejectionKind::Invalid, true),
        (RejectionKind::Unauthorized, true),
        (RejectionKind::OfferGone, false),
        (RejectionKind::Conflict, false),
        (RejectionKind::AgentGone, false),
        (RejectionKind::GangAborted, false),
    ] {
        let (mut table, rules) = (Instances::default(), Rules::default());
        let _ = table.launched(instance(1), &rules, at(1));
        let rejection = Rejection { kind, field: String::new(), message: "no".into(), free: None };
        let transition = table.rejected(&id(1), &rejection, &rules, at(2));
        assert_eq!((transition.kind, transition.write), (TransitionKind::Ended, Write::Remove));
        assert_eq!((transition.failure.is_some(), transition.delays_launch), (is_failure, is_failure), "{kind:?}");
        assert!(table.is_empty());
        assert_eq!(table.rejected(&id(1), &rejection, &rules, at(2)).kind, TransitionKind::Unchanged);
    }
}

#[test]
fn an_unknown_outcome_is_waited_for() {
    let (mut table, rules) = (Instances::default(), Rules::default());
    let _ = table.launched(instance(1), &rules, at(1));
    let rejection =
        Rejection { kind: RejectionKind::OutcomeUnknown, field: String::new(), message: String::new(), free: None };
    assert_eq!(table.rejected(&id(1), &rejection, &rules, at(2)).kind, TransitionKind::Unchanged);
    assert_eq!(condition(&table, 1), Some(Condition::Created));
}

#[test]
fn unknown_tasks_are_killed_if_they_run_and_told_when_they_end() {
    let (mut table, rules) = (Instances::default(), Rules::default());
    for state in [TaskState::Unreachable, TaskState::Killing, TaskState::Unknown] {
        let transition = table.update(&status(1, state), &rules, at(1));
        assert_eq!((transition.kind, transition.kills.len(), transition.events.len()), (TransitionKind::Unknown, 0, 0));
    }
    let transition = table.update(&status(1, TaskState::Running), &rules, at(1));
    assert_eq!(transition.kills, [(id(1), None)]);
    assert!(table.update(&status(1, TaskState::Running), &rules, at(2)).kills.is_empty());
    assert_eq!(table.kills_due(at(11)), [(id(1), None)]);
    let ended = table.update(&status(1, TaskState::Killed), &rules, at(12));
    assert_eq!(
        ended.events[0].json(),
        format!(
            r#"{{"condition":"Killed","eventType":"unknown_instance_terminated_event","instanceId":"{}","runSpecId":"/shop/web","timestamp":"1970-01-01T00:00:12.000Z"}}"#,
            id(1)
        )
    );
    assert!(table.update(&status(1, TaskState::Killed), &rules, at(13)).events.is_empty());
    assert!(table.kills_due(at(10_000)).is_empty());
    let foreign = status_of(&TaskId::new("something").unwrap(), TaskState::Failed);
    assert!(table.update(&foreign, &rules, at(13)).events.is_empty());
}

#[test]
fn the_events_of_an_update_have_marathons_fields() {
    let (mut table, rules) = (Instances::default(), Rules::default());
    let mut one = instance(1);
    one.host_ports = vec![31_000];
    let _ = table.launched(one, &rules, at(1));
    let mut report = status(1, TaskState::Running);
    report.message = "up".into();
    let events = table.update(&report, &rules, at(2)).events;
    let task = id(1);
    let expected = [
        format!(
            r#"{{"appId":"/shop/web","eventType":"status_update_event","host":"h1","ipAddresses":[],"message":"up","ports":[31000],"slaveId":"a1","taskId":"{task}","taskStatus":"TASK_RUNNING","timestamp":"1970-01-01T00:00:02.000Z","version":"1970-01-01T00:00:01.000Z"}}"#
        ),
        format!(
            r#"{{"agentId":"a1","condition":"Running","eventType":"instance_changed_event","host":"h1","instanceId":"{task}","runSpecId":"/shop/web","runSpecVersion":"1970-01-01T00:00:01.000Z","timestamp":"1970-01-01T00:00:02.000Z"}}"#
        ),
    ];
    assert_eq!(events.iter().map(crate::events::Event::json).collect::<Vec<_>>(), expected);
}
