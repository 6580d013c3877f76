use super::world::{World, status, task};
use proto_types::TaskState::{Failed, Finished, Running, Staging, Starting};

#[test]
fn an_update_is_journalled_then_sent_then_acknowledged() {
    let mut world = World::new();
    world.launch(&[task("a", "cpus:1")]);
    let connection = world.attach("built-in", &[], vec![]);
    world.done();
    world.report(connection, 1, status("a", Starting));
    assert_eq!(world.all_done(), ["journal: update a#1 STARTING (1)", "master: a#1 STARTING", "executor: safe a:1"]);
    world.report(connection, 2, status("a", Running));
    assert_eq!(world.done(), ["master: a#2 RUNNING", "executor: safe a:2"]);
    world.report(connection, 2, status("a", Running));
    assert_eq!(world.done(), ["executor: safe a:2"]);
    world.report(connection, 3, status("a", Finished));
    world.done();
    world.acknowledge("a", 2);
    assert_eq!(world.all_done(), ["journal: acknowledged a#2"]);
    world.acknowledge("a", 2);
    assert_eq!(world.all_done(), Vec::<String>::new());
    world.acknowledge("a", 3);
    assert_eq!(world.all_done(), ["journal: acknowledged a#3", "forgot a"]);
}

#[test]
fn nothing_follows_a_terminal_update() {
    let mut world = World::new();
    world.launch(&[task("a", "cpus:1")]);
    let connection = world.attach("built-in", &[], vec![]);
    world.report(connection, 1, status("a", Failed));
    world.done();
    world.report(connection, 2, status("a", Finished));
    assert_eq!(world.all_done(), ["executor: safe a:2"]);
}

#[test]
fn executors_say_only_what_they_may() {
    let mut world = World::new();
    world.launch(&[task("a", "cpus:1")]);
    let connection = world.attach("built-in", &[], vec![]);
    world.report(connection, 1, status("a", Running));
    world.done();
    world.report(connection, 2, status("a", Starting));
    world.report(connection, 3, status("a", Staging));
    world.report(connection, 1, status("unknown", Running));
    assert_eq!(world.all_done(), ["executor: safe a:2", "executor: safe a:3", "executor: safe unknown:1"]);
}

#[test]
fn what_is_not_acknowledged_is_sent_again_ever_less_often() {
    let mut world = World::new();
    world.launch(&[task("a", "cpus:1")]);
    let connection = world.attach("built-in", &[], vec![]);
    world.report(connection, 1, status("a", Running));
    world.done();
    world.wait(9);
    assert_eq!(world.done(), Vec::<String>::new());
    world.wait(1);
    assert_eq!(world.done(), ["master: a#1 RUNNING"]);
    for _ in 0..19 {
        world.wait(1);
        world.master(proto_types::link::ToAgent::Ping(1));
    }
    assert!(!world.done().contains(&"master: a#1 RUNNING".to_owned()));
    world.wait(1);
    assert_eq!(world.done(), ["master: a#1 RUNNING"]);
}

#[test]
fn the_unacknowledged_tail_goes_into_the_registration() {
    let mut world = World::new();
    world.launch(&[task("a", "cpus:1")]);
    let connection = world.attach("built-in", &[], vec![]);
    world.report(connection, 1, status("a", Starting));
    world.acknowledge("a", 1);
    world.close_link();
    world.done();
    world.report(connection, 2, status("a", Running));
    world.report(connection, 3, status("a", Finished));
    assert_eq!(world.done(), ["executor: safe a:2", "executor: safe a:3"]);
    world.open_link();
    assert_eq!(world.done(), ["master: register agent-1 epoch 1 a=FINISHED [2 3]"]);
    world.register();
    world.acknowledge("a", 3);
    assert_eq!(world.done(), ["forgot a"]);
}
