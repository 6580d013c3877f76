use super::world::{World, custom, framework, status, task};
use crate::Input;
use proto_types::{
    TaskState::{Finished, Killed, Running},
    executing::NumberedStatus,
    link::ToAgent,
};
use std::time::Duration;

#[test]
fn a_dead_built_in_executor_is_replaced_by_one_that_adopts() {
    let mut world = World::new();
    world.launch(&[task("a", "cpus:1"), task("b", "cpus:1")]);
    let connection = world.attach("built-in", &[], vec![]);
    world.report(connection, 1, status("a", Running));
    world.done();
    world.give(Input::ExecutorClosed { connection });
    world.launch(&[task("c", "cpus:1")]);
    world.exit("built-in");
    assert_eq!(world.done(), ["machine: start built-in"]);
    let connection = world.attach("built-in", &[], vec![]);
    assert_eq!(world.done(), ["executor: subscribed", "executor: launch a (adopt) b (adopt) c"]);
    world.report(connection, 1, status("a", Finished));
    assert_eq!(world.done(), ["master: a#2 FINISHED", "executor: safe a:1"]);
}

#[test]
fn a_launch_right_behind_the_death_of_its_executor_waits_for_the_next_one() {
    let mut world = World::new();
    world.launch(&[task("a", "cpus:1")]);
    let connection = world.attach("built-in", &[], vec![]);
    world.report(connection, 1, status("a", Finished));
    world.exit("built-in");
    world.done();
    world.launch(&[task("b", "cpus:1")]);
    assert_eq!(world.done(), Vec::<String>::new(), "what it said last may be on its way");
    // The end of the connection does not have to come.
    world.wait(2);
    assert!(world.done().contains(&"machine: start built-in".to_owned()));
    world.attach("built-in", &[], vec![]);
    assert_eq!(world.done(), ["executor: subscribed", "executor: launch b"]);
}

#[test]
fn an_executor_that_keeps_dying_is_waited_for_no_more() {
    let mut world = World::new();
    world.launch(&[task("a", "cpus:1")]);
    for _ in 0..world.config.restarts_max {
        world.exit("built-in");
        world.wait(64);
    }
    world.done();
    world.exit("built-in");
    let done = world.done();
    assert!(done.is_empty(), "no link: {done:?}");
    world.open_link();
    assert_eq!(world.done(), ["master: register agent-1 epoch 1 a=FAILED [1]"]);
}

#[test]
fn a_task_that_may_run_is_never_called_over_because_its_executor_keeps_dying() {
    let mut world = World::new();
    world.launch(&[task("a", "cpus:1")]);
    let connection = world.attach("built-in", &[], vec![]);
    world.report(connection, 1, status("a", Running));
    world.give(Input::ExecutorClosed { connection });
    for _ in 0..world.config.restarts_max + 5 {
        world.exit("built-in");
        world.wait(64);
    }
    world.open_link();
    assert!(world.done().contains(&"master: register agent-1 epoch 1 a=RUNNING [1]".to_owned()));
    world.attach("built-in", &[], vec![]);
    assert_eq!(world.done(), ["executor: subscribed", "executor: launch a (adopt)"]);
}

#[test]
fn a_custom_executors_tasks_die_with_it() {
    let mut world = World::new();
    world.launch_on(Some(custom("mine", "cpus:1")), &[task("a", "cpus:1")], false);
    let connection = world.attach("mine", &[], vec![]);
    world.done();
    world.exit("mine");
    assert_eq!(world.done(), Vec::<String>::new(), "what it said last may be on its way");
    world.give(Input::ExecutorClosed { connection });
    assert_eq!(world.done(), ["master: a#1 FAILED ExecutorTerminated", "master: executor mine exited"]);
    assert!(world.agent.view().used.is_empty());
}

#[test]
fn the_last_words_of_an_executor_are_heard() {
    let mut world = World::new();
    world.launch_on(Some(custom("mine", "cpus:1")), &[task("a", "cpus:1")], false);
    let connection = world.attach("mine", &[], vec![]);
    world.done();
    world.exit("mine");
    world.report(connection, 1, status("a", Finished));
    world.give(Input::ExecutorClosed { connection });
    assert_eq!(world.done(), ["master: a#1 FINISHED", "executor: safe a:1", "master: executor mine exited"]);
}

#[test]
fn an_executor_that_does_not_subscribe_is_killed_and_its_tasks_fail() {
    let mut world = World::new();
    world.launch_on(Some(custom("mine", "cpus:1")), &[task("a", "cpus:1")], false);
    for _ in 0..6 {
        world.wait(10);
        world.master(ToAgent::Ping(1));
    }
    assert!(world.done().contains(&"machine: kill mine".to_owned()));
    world.exit("mine");
    assert_eq!(world.done(), ["master: a#1 FAILED ExecutorRegistrationTimeout", "master: executor mine exited"]);
}

#[test]
fn only_the_present_start_of_an_executor_is_heard() {
    let mut world = World::new();
    world.launch(&[task("a", "cpus:1")]);
    let first = world.token("built-in");
    world.exit("built-in");
    world.done();
    world.attach_as("built-in", &first, &["a"], vec![]);
    assert_eq!(world.done(), ["executor: closed, Superseded"]);
    world.attach_as("stranger", "x", &["a"], vec![]);
    assert_eq!(world.done(), ["executor: shutdown", "executor: closed, Unknown"]);
    world.report(crate::ConnectionId(99), 1, status("a", Running));
    assert_eq!(world.done(), ["executor: closed, Confused(\"it spoke before it subscribed\")"]);
}

#[test]
fn an_executor_that_connects_again_gets_what_it_missed() {
    let mut world = World::new();
    world.launch(&[task("a", "cpus:1"), task("b", "cpus:1")]);
    let old = world.attach("built-in", &[], vec![]);
    world.done();
    let missed = NumberedStatus { number: 1, status: status("a", Running) };
    world.attach("built-in", &["a", "x"], vec![missed]);
    assert_eq!(
        world.done(),
        [
            "executor: closed, Replaced",
            "executor: subscribed",
            "master: a#1 RUNNING",
            "executor: safe a:1",
            "executor: kill x",
            "executor: launch b"
        ]
    );
    world.give(Input::ExecutorClosed { connection: old });
    world.launch(&[task("c", "cpus:1")]);
    assert_eq!(world.done(), ["executor: launch c"]);
}

#[test]
fn an_idle_built_in_executor_is_let_go_and_comes_back_for_the_next_task() {
    let mut world = World::new();
    world.launch(&[task("a", "cpus:1")]);
    let connection = world.attach("built-in", &[], vec![]);
    world.report(connection, 1, status("a", Finished));
    world.acknowledge("a", 1);
    world.launch(&[task("b", "cpus:1")]);
    for _ in 0..7 {
        world.wait(10);
        world.master(ToAgent::Ping(1));
    }
    assert!(!world.done().contains(&"executor: shutdown".to_owned()));
    world.report(connection, 1, status("b", Finished));
    world.acknowledge("b", 1);
    for _ in 0..6 {
        world.wait(10);
        world.master(ToAgent::Ping(1));
    }
    assert!(world.done().contains(&"executor: shutdown".to_owned()));
    world.launch(&[task("c", "cpus:1")]);
    world.give(Input::ExecutorClosed { connection });
    world.exit("built-in");
    assert_eq!(world.done(), ["machine: start built-in"]);
    world.attach("built-in", &[], vec![]);
    assert_eq!(world.done(), ["executor: subscribed", "executor: launch c"]);
}

#[test]
fn a_custom_executor_of_a_dead_framework_ends_or_is_killed() {
    let mut world = World::new();
    world.launch_on(Some(custom("mine", "cpus:1")), &[task("a", "cpus:1")], false);
    world.attach("mine", &[], vec![]);
    world.done();
    world.master(ToAgent::ShutdownFramework(framework()));
    assert_eq!(world.done(), ["executor: shutdown"]);
    world.wait(10);
    assert!(world.done().contains(&"machine: kill mine".to_owned()));
    world.exit("mine");
    assert!(world.done().contains(&"master: a#1 KILLED FrameworkRemoved".to_owned()));
}

/// A custom executor with running tasks.
fn with_custom(names: &[&str]) -> (World, crate::ConnectionId) {
    let mut world = World::new();
    let tasks: Vec<_> = names.iter().map(|name| task(name, "cpus:1")).collect();
    world.launch_on(Some(custom("mine", "cpus:1")), &tasks, false);
    let connection = world.attach("mine", &[], vec![]);
    for name in names {
        world.report(connection, 1, status(name, Running));
    }
    world.done();
    (world, connection)
}

#[test]
fn a_custom_executor_that_hangs_does_not_outlive_the_limit_of_a_kill() {
    let (mut world, _) = with_custom(&["a", "b"]);
    world.kill_within("a", Some(Duration::from_secs(2)));
    assert_eq!(world.done(), ["executor: kill a within 2s"]);
    world.wait(6);
    assert_eq!(world.done(), Vec::<String>::new(), "it has the grace, and the time that any executor gets to end");
    world.wait(1);
    assert_eq!(world.done(), ["executor: closed, Superseded", "machine: kill mine"]);
    world.exit("mine");
    assert_eq!(
        world.done(),
        [
            "master: a#2 KILLED ExecutorTerminated",
            "master: b#2 FAILED ExecutorTerminated",
            "master: executor mine exited"
        ]
    );
}

#[test]
fn a_kill_that_is_repeated_gains_no_time_and_a_shorter_one_counts() {
    let (mut world, _) = with_custom(&["a"]);
    world.kill_within("a", Some(Duration::from_secs(10)));
    world.wait(5);
    world.kill_within("a", Some(Duration::from_secs(10)));
    world.wait(5);
    world.done();
    world.kill_within("a", Some(Duration::ZERO));
    world.kill_within("a", Some(Duration::from_secs(10)));
    world.wait(5);
    assert!(world.done().contains(&"machine: kill mine".to_owned()));
}

#[test]
fn a_limited_kill_needs_no_connection() {
    let (mut world, connection) = with_custom(&["a"]);
    world.give(Input::ExecutorClosed { connection });
    world.kill_within("a", Some(Duration::ZERO));
    // It comes back and goes away again, and never does what it is told.
    world.wait(3);
    let connection = world.attach("mine", &["a"], vec![]);
    world.give(Input::ExecutorClosed { connection });
    world.done();
    world.wait(2);
    assert_eq!(world.done(), ["machine: kill mine"]);
}

#[test]
fn an_executor_that_ends_its_tasks_in_time_lives_on_and_so_does_one_that_may_take_its_time() {
    let (mut world, connection) = with_custom(&["a", "b"]);
    world.kill("b");
    world.kill_within("a", Some(Duration::from_secs(1)));
    world.report(connection, 2, status("a", Killed));
    world.done();
    world.wait(25);
    assert_eq!(world.done(), ["master: a#1 RUNNING, a#2 KILLED", "master: b#1 RUNNING"]);
}

#[test]
fn everything_ends_on_request() {
    let mut world = World::new();
    world.launch(&[task("a", "cpus:1")]);
    world.launch_on(Some(custom("mine", "cpus:1")), &[task("b", "cpus:1")], false);
    let built_in = world.attach("built-in", &[], vec![]);
    let mine = world.attach("mine", &[], vec![]);
    world.done();
    world.give(Input::EndAll);
    assert_eq!(world.done(), ["executor: kill a", "executor: shutdown"]);
    world.launch(&[task("c", "cpus:1")]);
    assert_eq!(world.done(), ["master: c#1 DROPPED AgentDisconnected"]);
    world.report(built_in, 1, status("a", proto_types::TaskState::Killed));
    assert!(world.done().contains(&"executor: shutdown".to_owned()));
    for (executor, connection) in [("built-in", built_in), ("mine", mine)] {
        world.give(Input::ExecutorClosed { connection });
        world.exit(executor);
    }
    assert!(world.agent.is_idle());
    assert!(world.done().contains(&"master: b#1 KILLED AgentDisconnected".to_owned()));
}
