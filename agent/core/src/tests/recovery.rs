use super::world::{World, custom, status, task};
use crate::Fact;
use proto_types::{
    TaskState::{Finished, Running},
    executing::NumberedStatus,
    link::ToAgent,
    weight::BATCH_MAX,
};
use std::sync::Arc;

fn world() -> World {
    let mut world = World::new();
    world.launch(&[task("a", "cpus:1"), task("b", "cpus:1")]);
    let connection = world.attach("built-in", &[], vec![]);
    world.report(connection, 1, status("a", Running));
    world.acknowledge("a", 1);
    world.launch_on(Some(custom("mine", "cpus:0.5")), &[task("c", "cpus:1")], false);
    let connection = world.attach("mine", &[], vec![]);
    world.report(connection, 1, status("c", Running));
    world
}

#[test]
fn executors_of_the_old_process_are_expected_and_go_on() {
    let mut world = world();
    let used = world.agent.view().used;
    world.restart(false);
    assert_eq!(world.done(), ["machine: watch built-in", "machine: watch mine"]);
    assert_eq!(world.agent.view().used, used);
    world.open_link();
    assert_eq!(world.done(), ["master: register agent-1 epoch 1 a=RUNNING [] b=STAGING [] c=RUNNING [1]"]);
    let kept = NumberedStatus { number: 2, status: status("a", Finished) };
    world.attach("built-in", &["b"], vec![NumberedStatus { number: 1, status: status("a", Running) }, kept]);
    assert_eq!(world.done(), ["executor: subscribed", "master: a#2 FINISHED", "executor: safe a:2"]);
}

#[test]
fn a_launch_that_never_reached_the_executor_is_made_good() {
    let mut world = world();
    world.restart(false);
    world.done();
    world.attach("built-in", &["a"], vec![]);
    assert_eq!(world.done(), ["executor: subscribed", "executor: launch b"]);
}

#[test]
fn executors_that_are_gone_are_replaced_or_given_up() {
    let mut world = world();
    world.restart(false);
    world.open_link();
    world.done();
    world.exit("built-in");
    world.exit("mine");
    assert_eq!(
        world.done(),
        ["machine: start built-in", "master: c#2 FAILED ExecutorTerminated", "master: executor mine exited"]
    );
    world.attach("built-in", &[], vec![]);
    assert_eq!(world.done(), ["executor: subscribed", "executor: launch a (adopt) b (adopt)"]);
}

#[test]
fn what_an_earlier_start_had_is_adopted_also_after_the_journal_began_anew() {
    let mut world = world();
    world.exit("built-in");
    world.give(crate::Input::ExecutorClosed { connection: crate::ConnectionId(1) });
    world.launch(&[task("d", "cpus:0.1")]);
    world.restart_rotated(false);
    world.done();
    world.attach("built-in", &[], vec![]);
    assert_eq!(world.done(), ["executor: subscribed", "executor: launch a (adopt) b (adopt) d"]);
}

#[test]
fn the_journal_begins_anew_with_records_of_a_bounded_size() {
    let mut world = World::new();
    let heavy = |name: &str| {
        let mut heavy = (*task(name, "cpus:1")).clone();
        heavy.data = vec![0; BATCH_MAX * 2 / 5];
        Arc::new(heavy)
    };
    world.launch(&[heavy("a"), heavy("b"), heavy("c")]);
    let sizes: Vec<usize> = world
        .agent
        .image()
        .iter()
        .filter_map(|fact| if let Fact::TaskLaunched(launch) = fact { Some(launch.tasks.len()) } else { None })
        .collect();
    assert_eq!(sizes, [2, 1]);
}

#[test]
fn executors_that_live_but_do_not_come_back_are_killed() {
    let mut world = world();
    world.restart(false);
    world.open_link();
    world.wait(14);
    world.done();
    world.wait(1);
    assert_eq!(world.done(), ["machine: kill built-in", "machine: kill mine"]);
    world.exit("mine");
    assert_eq!(world.done(), ["master: c#2 FAILED ExecutorReregistrationTimeout", "master: executor mine exited"]);
    world.exit("built-in");
    assert_eq!(world.done(), ["machine: start built-in"]);
}

#[test]
fn nothing_outlives_the_machine() {
    let mut world = world();
    world.restart(true);
    world.open_link();
    assert_eq!(
        world.done(),
        ["master: register agent-1 epoch 1 a=FAILED [1000002] b=FAILED [1000001] c=FAILED [1 1000002]"]
    );
    assert!(world.agent.view().used.is_empty());
    world.register();
    world.acknowledge("a", 1_000_002);
    assert_eq!(world.done(), ["forgot a"]);
}

#[test]
fn updates_after_a_restart_of_the_machine_are_no_repetitions_of_lost_ones() {
    let mut world = world();
    let lost = |fact: &Fact| matches!(fact, Fact::UpdateMade(_) | Fact::UpdateAcknowledged { .. });
    world.journal.retain(|fact| !lost(fact));
    world.restart(true);
    world.open_link();
    let registered = world.done();
    assert!(registered[0].contains("a=FAILED [1000001]"), "{registered:?}");
}

#[test]
fn updates_after_records_were_lost_are_no_repetitions_of_lost_ones() {
    let mut world = world();
    let lost = |fact: &Fact| matches!(fact, Fact::UpdateMade(_) | Fact::UpdateAcknowledged { .. });
    world.journal.retain(|fact| !lost(fact));
    world.restart_incomplete();
    let connection = world.attach("built-in", &["a", "b"], vec![]);
    world.report(connection, 9, status("a", Finished));
    world.open_link();
    let registered = world.done().pop().unwrap();
    assert!(registered.contains("a=FINISHED [1000001]"), "{registered}");
}

#[test]
fn a_shutdown_of_a_framework_goes_on_after_a_restart() {
    let mut world = world();
    world.master(ToAgent::ShutdownFramework(super::world::framework()));
    world.restart(false);
    assert_eq!(world.done(), ["machine: watch built-in", "machine: watch mine", "machine: kill mine"]);
    world.attach("built-in", &["a", "b"], vec![]);
    assert_eq!(world.done(), ["executor: subscribed", "executor: kill a b"]);
}
