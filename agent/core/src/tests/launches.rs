use super::world::{World, custom, framework, status, task};
use crate::Input;
use proto_types::{
    TaskState,
    executing::{FromExecutor, NumberedStatus},
    link::ToAgent,
    weight::BATCH_MAX,
};
use std::{sync::Arc, time::Duration};

#[test]
fn a_task_is_journalled_before_its_executor_has_it() {
    let mut world = World::new();
    world.launch(&[task("a", "cpus:1")]);
    assert_eq!(world.all_done(), ["journal: starting built-in", "machine: start built-in", "journal: launched a"]);
    world.attach("built-in", &[], vec![]);
    assert_eq!(world.done(), ["executor: subscribed", "executor: launch a"]);
    world.launch(&[task("b", "cpus:1")]);
    assert_eq!(world.all_done(), ["journal: launched b", "executor: launch b"]);
}

#[test]
fn more_than_is_free_is_dropped_with_numbers() {
    let mut world = World::new();
    world.launch(&[task("a", "cpus:3"), task("b", "cpus:2"), task("c", "cpus:1")]);
    let done = world.done();
    assert!(done.contains(&"master: b#1 DROPPED ResourcesUnknown".to_owned()), "{done:?}");
    assert!(world.agent.view().used == super::world::resources("cpus:4"));
    world.acknowledge("b", 1);
    assert_eq!(world.done(), ["forgot b"]);
}

#[test]
fn a_group_fits_as_a_whole_or_not_at_all() {
    let mut world = World::new();
    world.launch_on(None, &[task("a", "cpus:3"), task("b", "cpus:2")], true);
    assert_eq!(world.done(), ["master: a#1 DROPPED ResourcesUnknown", "master: b#1 DROPPED ResourcesUnknown"]);
    world.launch_on(None, &[task("c", "cpus:3"), task("d", "cpus:1")], true);
    world.attach("built-in", &[], vec![]);
    assert_eq!(world.done(), ["machine: start built-in", "executor: subscribed", "executor: launch c d as a group"]);
}

#[test]
fn the_same_ports_are_not_given_twice() {
    let mut world = World::new();
    world.launch(&[task("a", "cpus:1;ports:[31000-31004]"), task("b", "cpus:1;ports:[31004-31005]")]);
    assert!(world.done().contains(&"master: b#1 DROPPED ResourcesUnknown".to_owned()));
}

#[test]
fn no_id_starts_twice() {
    let mut world = World::new();
    world.launch(&[task("a", "cpus:1")]);
    let connection = world.attach("built-in", &[], vec![]);
    world.done();
    world.launch(&[task("a", "cpus:1")]);
    assert_eq!(world.done(), Vec::<String>::new());
    world.report(connection, 1, status("a", TaskState::Finished));
    world.done();
    world.launch(&[task("a", "cpus:1")]);
    assert_eq!(world.done(), Vec::<String>::new());
    world.acknowledge("a", 1);
    world.done();
    world.launch(&[task("a", "cpus:1")]);
    assert_eq!(world.done(), ["master: a#1 DROPPED TaskInvalid"]);
    world.restart(false);
    world.open_link();
    world.register();
    world.acknowledge("a", 1);
    world.done();
    world.launch(&[task("a", "cpus:1")]);
    assert_eq!(world.done(), ["master: a#1 DROPPED TaskInvalid"]);
}

#[test]
fn a_custom_executor_is_charged_once() {
    let mut world = World::new();
    world.launch_on(Some(custom("mine", "cpus:1")), &[task("a", "cpus:1")], false);
    world.launch_on(Some(custom("mine", "cpus:1")), &[task("b", "cpus:2")], false);
    assert_eq!(world.agent.view().used, super::world::resources("cpus:4"));
    world.launch_on(Some(custom("other", "cpus:0.5")), &[task("c", "cpus:0.1")], false);
    assert_eq!(world.done().split_off(1), ["master: c#1 DROPPED ResourcesUnknown", "master: executor other exited"]);
    world.launch_on(Some(custom("mine", "cpus:2")), &[task("d", "mem:1")], false);
    assert_eq!(world.done(), ["master: d#1 ERROR TaskInvalid"]);
}

#[test]
fn what_waited_long_comes_in_messages_of_a_bounded_size() {
    let mut world = World::new();
    let heavy = |name: &str| {
        let mut heavy = (*task(name, "cpus:1")).clone();
        heavy.data = vec![0; BATCH_MAX * 2 / 5];
        Arc::new(heavy)
    };
    world.launch(&[heavy("a"), heavy("b"), heavy("c")]);
    world.done();
    let connection = world.attach("built-in", &[], vec![]);
    assert_eq!(world.done(), ["executor: subscribed", "executor: launch a b", "executor: launch c"]);
    let update = |name: &str| {
        let mut status = status(name, TaskState::Running);
        status.data = vec![0; BATCH_MAX * 2 / 5];
        NumberedStatus { number: 1, status }
    };
    let updates = ["a", "b", "c"].map(update).to_vec();
    world.give(Input::FromExecutor { connection, message: FromExecutor::Updates(updates) });
    assert_eq!(world.done(), ["master: a#1 RUNNING, b#1 RUNNING", "master: c#1 RUNNING", "executor: safe a:1 b:1 c:1"]);
}

#[test]
fn a_kill_finds_its_task_wherever_it_is() {
    let mut world = World::new();
    world.launch(&[task("a", "cpus:1"), task("b", "cpus:1")]);
    world.done();
    world.kill("a");
    assert_eq!(world.done(), ["master: a#1 KILLED TaskKilledDuringLaunch"]);
    let connection = world.attach("built-in", &[], vec![]);
    assert_eq!(world.done(), ["executor: subscribed", "executor: launch b"]);
    world.give(Input::ExecutorClosed { connection });
    world.kill("b");
    assert_eq!(world.done(), Vec::<String>::new());
    world.attach("built-in", &["b"], vec![]);
    assert_eq!(world.done(), ["executor: subscribed", "executor: kill b"]);
    world.kill("b");
    assert_eq!(world.done(), ["executor: kill b"]);
    world.kill("never");
    assert_eq!(world.done(), ["master: never#1 DROPPED Reconciliation"]);
}

#[test]
fn a_kill_limits_the_grace_of_tasks_and_of_the_agent() {
    let mut world = World::new();
    let mut patient = (*task("patient", "cpus:1")).clone();
    patient.kill_grace = Some(Duration::from_secs(600));
    world.launch(&[patient.into(), task("plain", "cpus:1")]);
    world.attach("built-in", &[], vec![]);
    world.done();
    for (name, most, within) in [("patient", 60, "60s"), ("plain", 60, "5s"), ("plain", 1, "1s")] {
        world.kill_within(name, Some(Duration::from_secs(most)));
        assert_eq!(world.done(), [format!("executor: kill {name} within {within}")]);
    }
}

#[test]
fn a_group_that_waits_is_killed_as_one() {
    let mut world = World::new();
    world.launch_on(None, &[task("a", "cpus:1"), task("b", "cpus:1")], true);
    world.done();
    world.kill("b");
    assert_eq!(
        world.done(),
        ["master: a#1 KILLED TaskKilledDuringLaunch", "master: b#1 KILLED TaskKilledDuringLaunch"]
    );
}

#[test]
fn a_framework_that_is_gone_is_ended() {
    let mut world = World::new();
    world.launch(&[task("a", "cpus:1")]);
    let connection = world.attach("built-in", &[], vec![]);
    world.done();
    world.master(ToAgent::ShutdownFramework(framework()));
    assert_eq!(world.all_done(), ["journal: shut down f", "executor: kill a"]);
    world.launch(&[task("b", "cpus:1")]);
    assert_eq!(world.done(), ["master: b#1 DROPPED FrameworkRemoved"]);
    world.report(connection, 1, status("a", TaskState::Killed));
    assert_eq!(world.done(), ["master: a#1 KILLED", "executor: safe a:1", "executor: shutdown"]);
    world.acknowledge("a", 1);
    world.acknowledge("b", 1);
    world.exit("built-in");
    world.give(Input::ExecutorClosed { connection });
    assert!(world.agent.is_idle());
    assert_eq!(world.agent.image().len(), 3, "{:?}", world.agent.image());
}

#[test]
fn what_the_agent_does_not_have_it_dropped() {
    let mut world = World::new();
    world.kill("a");
    assert_eq!(world.done(), ["master: a#1 DROPPED Reconciliation"]);
    world.kill("a");
    assert_eq!(world.done(), Vec::<String>::new(), "it is said already");
    world.acknowledge("a", 1);
    world.done();
    world.kill("a");
    assert_eq!(world.done(), Vec::<String>::new());
}
