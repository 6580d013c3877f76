use super::world::{World, status, task};
use crate::Input;
use proto_types::{
    AgentId, ClusterId,
    TaskState::{Killed, Running},
    link::{RefusedReason, ToAgent},
};
use std::time::Duration;

#[test]
fn the_epoch_is_journalled_before_anything_of_it_is_done() {
    let mut world = World::unregistered();
    world.open_link();
    assert_eq!(world.done(), ["master: register nobody epoch 0"]);
    world.register();
    assert_eq!(world.all_done(), ["journal: epoch 1", "journal: identified agent-1 of cluster"]);
    world.open_link();
    world.register();
    world.epoch = 2;
    world.done();
    world.launch(&[task("a", "cpus:1")]);
    assert_eq!(world.all_done()[0], "journal: epoch 2");
}

#[test]
fn a_lower_epoch_is_refused() {
    let mut world = World::new();
    world.open_link();
    world.epoch = 3;
    world.register();
    world.open_link();
    world.epoch = 2;
    world.done();
    world.launch(&[task("a", "cpus:1")]);
    assert_eq!(world.all_done(), ["master: closed, Deposed"]);
    world.launch(&[task("a", "cpus:1")]);
    assert_eq!(world.all_done(), Vec::<String>::new());
    world.restart(false);
    world.open_link();
    assert_eq!(world.done(), ["master: register agent-1 epoch 3"]);
    world.launch(&[task("a", "cpus:1")]);
    assert_eq!(world.done(), ["master: closed, Deposed"]);
}

#[test]
fn a_newer_link_replaces_the_older() {
    let mut world = World::new();
    let old = crate::LinkId(1);
    world.open_link();
    assert_eq!(world.done(), ["master: closed, Replaced", "master: register agent-1 epoch 1"]);
    let message = ToAgent::Ping(1);
    world.give(Input::FromMaster { link: old, epoch: proto_types::Epoch(1), message });
    world.give(Input::LinkClosed { link: old });
    assert_eq!(world.done(), Vec::<String>::new());
    world.register();
    world.master(ToAgent::Ping(2));
    assert_eq!(world.done(), ["master: pong 2"]);
}

#[test]
fn a_silent_master_is_left() {
    let mut world = World::new();
    world.wait(29);
    world.master(ToAgent::Ping(1));
    world.wait(29);
    world.done();
    world.wait(1);
    assert_eq!(world.done(), ["master: closed, Silent"]);
}

#[test]
fn another_cluster_touches_nothing() {
    let mut world = World::new();
    world.launch(&[task("a", "cpus:1")]);
    world.attach("built-in", &[], vec![]);
    world.open_link();
    world.done();
    world.master(ToAgent::Refused { reason: RefusedReason::WrongCluster, message: String::new() });
    assert_eq!(world.all_done(), ["master: closed, Refused"]);
    world.open_link();
    assert_eq!(world.done(), ["master: register agent-1 epoch 1 a=STAGING []"]);
}

#[test]
fn another_cluster_raises_no_fence() {
    let mut world = World::new();
    world.open_link();
    world.epoch = 50;
    world.done();
    world.launch(&[task("a", "cpus:1")]);
    assert_eq!(world.all_done(), Vec::<String>::new(), "nobody was admitted");
    world.master(ToAgent::Refused { reason: RefusedReason::WrongCluster, message: String::new() });
    assert_eq!(world.all_done(), ["master: closed, Refused"]);
    world.open_link();
    world.done();
    world.master(ToAgent::Registered {
        id: AgentId::new("another").unwrap(),
        cluster: ClusterId::new("another").unwrap(),
        ping_interval: Duration::from_secs(5),
        ping_misses: 6,
        reconnect_within: Duration::ZERO,
    });
    assert_eq!(world.all_done(), ["master: closed, Refused"]);
    world.epoch = 2;
    world.open_link();
    world.done();
    world.register();
    assert_eq!(world.all_done(), ["journal: epoch 2"]);
    world.launch(&[task("a", "cpus:1")]);
    assert!(world.all_done().contains(&"journal: launched a".to_owned()));
}

#[test]
fn a_refusal_of_a_lower_epoch_is_told_but_nothing_is_given_up_for_it() {
    let mut world = World::new();
    world.launch(&[task("a", "cpus:1")]);
    world.epoch = 0;
    world.done();
    world.master(ToAgent::Refused { reason: RefusedReason::WrongCluster, message: String::new() });
    assert_eq!(world.all_done(), ["master: closed, Refused"]);
    world.open_link();
    world.done();
    world.master(ToAgent::Refused { reason: RefusedReason::Gone, message: String::new() });
    assert_eq!(world.all_done(), ["master: closed, Deposed"]);
}

#[test]
fn an_agent_that_is_gone_ends_its_tasks_and_begins_anew() {
    let mut world = World::new();
    world.launch(&[task("a", "cpus:1"), task("b", "cpus:1")]);
    let connection = world.attach("built-in", &[], vec![]);
    world.report(connection, 1, status("a", Running));
    world.report(connection, 1, status("b", Killed));
    world.open_link();
    world.done();
    world.master(ToAgent::Refused { reason: RefusedReason::Gone, message: String::new() });
    assert_eq!(
        world.all_done(),
        [
            "journal: abandoned",
            "journal: acknowledged b#1",
            "journal: shut down f",
            "executor: kill a",
            "master: closed, Refused",
            "forgot b"
        ]
    );
    world.open_link();
    assert_eq!(world.done(), ["master: register nobody epoch 1"]);
    world.restart(false);
    assert_eq!(world.done(), ["machine: watch built-in"]);
    world.open_link();
    assert_eq!(world.done(), ["master: register nobody epoch 1"]);
    let connection = world.attach("built-in", &["a"], vec![]);
    assert_eq!(world.done(), ["executor: subscribed", "executor: kill a"]);
    world.report(connection, 2, status("a", Killed));
    assert_eq!(world.done(), ["executor: safe a:2", "executor: shutdown", "forgot a"]);
}

#[test]
fn what_is_refused_under_a_new_id_is_told_until_it_is_acknowledged() {
    let mut world = World::new();
    world.launch(&[task("a", "cpus:1")]);
    let gone = || ToAgent::Refused { reason: RefusedReason::Gone, message: String::new() };
    world.master(gone());
    world.open_link();
    world.register();
    world.done();
    world.launch(&[task("b", "cpus:1")]);
    assert_eq!(world.done(), ["master: b#1 DROPPED FrameworkRemoved"]);
    world.restart_rotated(false);
    world.open_link();
    assert!(world.done().contains(&"master: register agent-1 epoch 1 b=DROPPED [1]".to_owned()));
    world.register();
    world.master(gone());
    assert!(world.done().contains(&"forgot b".to_owned()));
}
