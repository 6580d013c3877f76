//! Spread, constraints and several apps on the same offers.

use super::world::{World, launched};
use crate::instances::Instance;
use serde_json::json;
use std::sync::Arc;

const ROOM: &str = "cpus:4;mem:4096;ports:[31000-31099]";

fn app(constraints: serde_json::Value) -> serde_json::Value {
    json!({"id": "/a", "cmd": "x", "cpus": 1, "mem": 100, "constraints": constraints})
}

#[test]
fn instances_spread_over_agents_and_fill_them() {
    let mut world = World::new();
    world.want(app(json!([])), 10);
    assert_eq!(
        world.offered(&[("h1", ROOM), ("h2", ROOM), ("h3", "cpus:1;mem:100;ports:[1-9]")]),
        "h1 h1 h1 h1 h2 h2 h2 h2 h3"
    );
    assert_eq!(world.item("/a").count, 1);
    world.want(app(json!([])), 4);
    assert_eq!(world.offered(&[("h3", ROOM), ("h4", ROOM)]), "h3 h3 h4 h4", "those that run count");
    assert!(world.queue.items().is_empty());
}

#[test]
fn several_apps_share_offers_in_the_order_in_which_they_waited() {
    let mut world = World::new();
    world.want(json!({"id": "/late", "cmd": "x", "cpus": 3, "mem": 100}), 0);
    world.want(json!({"id": "/z", "cmd": "x", "cpus": 2, "mem": 100}), 1);
    world.pass(1);
    world.want(json!({"id": "/b", "cmd": "x", "cpus": 2, "mem": 100}), 1);
    world.want(json!({"id": "/c", "cmd": "x", "cpus": 2, "mem": 100}), 1);
    let offer = world.offer("h1", ROOM);
    let uses = world.use_offers(vec![offer]);
    let apps: Vec<&str> = launched(&uses).map(|one| one.instance.app.as_str()).collect();
    assert_eq!(apps, ["/z", "/b"]);
    assert_eq!(uses[0].acceptance().launches[0].tasks.len(), 2);
}

#[test]
fn unique_and_max_per_hold_within_a_batch_and_over_batches() {
    let mut world = World::new();
    world.want(app(json!([["hostname", "UNIQUE"]])), 3);
    assert_eq!(world.offered(&[("h1", ROOM), ("h2", ROOM)]), "h1 h2");
    assert_eq!(world.offered(&[("h1", ROOM), ("h3", ROOM)]), "h3");
    let mut world = World::new();
    world.want(app(json!([["rack", "MAX_PER", 2]])), 6);
    assert_eq!(
        world.offered(&[("h1;rack:a", ROOM), ("h2;rack:a", ROOM), ("h3;rack:b", ROOM), ("h4", ROOM)]),
        "h1 h2 h3 h3"
    );
}

#[test]
fn cluster_stays_where_the_first_instance_is() {
    let mut world = World::new();
    world.want(app(json!([["rack", "CLUSTER"]])), 8);
    let hosts = world.offered(&[("h1;rack:a", ROOM), ("h2;rack:b", ROOM), ("h3;rack:a", ROOM)]);
    assert_eq!(hosts, "h1 h1 h1 h1 h3 h3 h3 h3");
}

#[test]
fn groups_fill_evenly_and_a_full_one_stops_nobody() {
    let zones =
        [("h1;zone:a", ROOM), ("h2;zone:a", ROOM), ("h3;zone:b", ROOM), ("h4;zone:c", "cpus:1;mem:100;ports:[1-9]")];
    let mut world = World::new();
    world.want(app(json!([["zone", "GROUP_BY"]])), 6);
    assert_eq!(world.offered(&zones), "h1 h1 h2 h3 h3 h4", "c is full, a and b go on evenly");
    let mut world = World::new();
    world.want(app(json!([["zone", "GROUP_BY", 2]])), 6);
    let hosts = world.offered(&zones);
    assert_eq!(hosts.split(' ').collect::<std::collections::BTreeSet<_>>().len(), 3, "{hosts}: two groups only");
    let mut world = World::new();
    world.want(app(json!([["zone", "GROUP_BY", 7]])), 4);
    assert_eq!(world.offered(&[("h1;zone:a", ROOM)]), "h1 h1 h1 h1", "nobody waits for groups that nobody knows");
}

#[test]
fn wishes_come_first_where_they_can() {
    let mut world = World::new();
    world.want(app(json!([["prefer:rack", "IS", "b"]])), 6);
    assert_eq!(world.offered(&[("h1;rack:a", ROOM), ("h2;rack:b", ROOM)]), "h1 h1 h2 h2 h2 h2");
    let mut world = World::new();
    world.want(app(json!([["prefer:hostname", "UNIQUE"]])), 3);
    assert_eq!(world.offered(&[("h1", ROOM), ("h2", ROOM)]), "h1 h1 h2");
}

#[test]
fn a_new_version_is_spread_by_itself_and_old_instances_still_hold_what_is_unique() {
    let mut world = World::new();
    world.want(app(json!([["zone", "GROUP_BY"]])), 3);
    assert_eq!(world.offered(&[("h1;zone:a", ROOM)]), "h1 h1 h1");
    let next = |constraints| {
        let crate::launch::RunSpec::App(app) = super::world::app_spec(app(constraints)) else { unreachable!() };
        let mut app = (*app).clone();
        app.version_info.last_config_change_at = super::world::at(5);
        crate::launch::RunSpec::App(Arc::new(app))
    };
    world.queue.want(&next(json!([["zone", "GROUP_BY"]])), 2, world.now);
    assert_eq!(world.offered(&[("h1;zone:a", ROOM), ("h2;zone:b", ROOM)]), "h1 h2");
    world.queue.want(&next(json!([["hostname", "UNIQUE"]])), 2, world.now);
    assert_eq!(world.offered(&[("h1;zone:a", ROOM), ("h3;zone:a", ROOM)]), "h3");
}

#[test]
fn instances_that_are_over_hold_nothing() {
    let mut world = World::new();
    world.want(app(json!([["hostname", "UNIQUE"]])), 1);
    assert_eq!(world.offered(&[("h1", ROOM)]), "h1");
    let running: Vec<Arc<Instance>> = world.instances.values().flat_map(|all| all.values().cloned()).collect();
    world.want(app(json!([["hostname", "UNIQUE"]])), 1);
    assert_eq!(world.offered(&[("h1", ROOM)]), "");
    let condition = crate::instances::Condition::Task(proto_types::TaskState::Killed);
    world.add(Instance { condition, ..(*running[0]).clone() });
    assert_eq!(world.offered(&[("h1", ROOM)]), "h1");
}
