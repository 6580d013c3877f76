//! Delays, patience, and whether offers are wanted.

use super::world::{World, at, launched, path};
use crate::launch::{Interest, RejectReason};
use serde_json::json;
use std::time::Duration;

const ROOM: &str = "cpus:4;mem:4096;ports:[31000-31099]";
const SECOND: Duration = Duration::from_secs(1);

fn refusal(world: &mut World, agent: &str) -> (usize, Duration) {
    let offer = world.offer(agent, ROOM);
    let uses = world.use_offers(vec![offer]);
    (launched(&uses).count(), uses[0].refuse)
}

#[test]
fn nobody_wants_offers_until_somebody_does() {
    let mut world = World::new();
    assert_eq!(world.queue.interest(world.now), Some(Interest::Unwanted));
    assert_eq!(world.queue.interest(world.now), None);
    assert_eq!(refusal(&mut world, "h1"), (0, Duration::from_secs(3600)));
    world.want(json!({"id": "/a", "cmd": "x", "cpus": 9}), 1);
    assert_eq!(world.queue.interest(world.now), Some(Interest::Wanted));
    assert_eq!(refusal(&mut world, "h1"), (0, Duration::from_secs(120)));
    assert_eq!(world.queue.interest(world.now), None);
    world.pass(1);
    let spec = world.want(json!({"id": "/b", "cmd": "x"}), 1);
    assert_eq!(world.queue.interest(world.now), Some(Interest::Wanted), "what was refused is wanted now");
    world.want(json!({"id": "/b", "cmd": "x"}), 2);
    assert_eq!(world.queue.interest(world.now), None, "nothing was refused meanwhile");
    world.queue.want(&spec, 0, world.now);
    assert_eq!(world.queue.interest(world.now), None);
    world.queue.forget(&path("/a"));
    assert_eq!(world.queue.interest(world.now), Some(Interest::Unwanted));
    world.queue.subscribed();
    assert_eq!(world.queue.interest(world.now), Some(Interest::Unwanted), "a new subscription knows nothing");
}

#[test]
fn after_failures_an_app_waits_and_offers_come_back_in_time() {
    let mut world = World::new();
    let body = || json!({"id": "/a", "cmd": "x", "backoffSeconds": 4, "backoffFactor": 2});
    let spec = world.want(body(), 1);
    world.queue.interest(world.now);
    world.queue.failed(spec.id(), spec.config_version(), spec.backoff(), Duration::ZERO, world.now);
    assert_eq!(world.item("/a").delay(world.now), 4 * SECOND);
    world.pass(1);
    assert_eq!(world.item("/a").delay(world.now), 3 * SECOND);
    assert_eq!(refusal(&mut world, "h1"), (0, 3 * SECOND));
    assert_eq!(world.item("/a").processed, 0, "it was not looked at");
    assert_eq!((world.queue.interest(world.now), world.queue.next_wake()), (None, Some(at(1004))));
    world.pass(3);
    assert_eq!(world.queue.interest(world.now), Some(Interest::Wanted));
    assert_eq!(world.item("/a").delayed_until, None);
    assert_eq!(refusal(&mut world, "h1").0, 1);
    // Demand that comes back within the time finds its delay again.
    world.queue.failed(spec.id(), spec.config_version(), spec.backoff(), Duration::ZERO, world.now);
    world.want(body(), 1);
    assert_eq!(world.item("/a").delay(world.now), 8 * SECOND);
    world.queue.reset_delay(spec.id(), world.now);
    assert_eq!((world.item("/a").delay(world.now), world.queue.next_wake()), (Duration::ZERO, None));
    assert_eq!(refusal(&mut world, "h1").0, 1);
}

#[test]
fn a_better_group_is_waited_for_and_not_for_ever() {
    let mut world = World::new();
    let body = || json!({"id": "/a", "cmd": "x", "cpus": 1, "mem": 1, "constraints": [["zone", "GROUP_BY"]]});
    world.want(body(), 2);
    assert_eq!(world.offered(&[("h1;zone:a", ROOM), ("h2;zone:b", ROOM)]), "h1 h2");
    world.want(body(), 5);
    // One more in a is as even as can be; then b is known to be better.
    assert_eq!(world.offered(&[("h1;zone:a", ROOM)]), "h1");
    world.pass(4);
    let offer = world.offer("h1;zone:a", ROOM);
    let uses = world.use_offers(vec![offer]);
    assert_eq!((uses[0].launched.len(), uses[0].refuse), (0, 6 * SECOND));
    let item = world.item("/a");
    assert_eq!(item.rejects_of_last_offers()[1].reason, RejectReason::UnfulfilledConstraint);
    assert_eq!(item.rejects_of_last_offers()[1].declined, 1);
    world.pass(6);
    assert_eq!(world.offered(&[("h1;zone:a", ROOM)]), "h1 h1 h1 h1", "b did not come");
}

#[test]
fn a_better_agent_that_comes_is_taken() {
    let mut world = World::new();
    let body = || json!({"id": "/a", "cmd": "x", "cpus": 1, "mem": 1, "constraints": [["prefer:rack", "IS", "b"]]});
    world.want(json!({"id": "/other", "cmd": "x", "cpus": 99}), 1);
    assert_eq!(world.offered(&[("h1;rack:a", ROOM), ("h2;rack:b", ROOM)]), "", "both are known");
    world.want(body(), 1);
    assert_eq!(world.offered(&[("h1;rack:a", ROOM)]), "");
    world.pass(1);
    assert_eq!(world.offered(&[("h1;rack:a", ROOM), ("h2;rack:b", ROOM)]), "h2");
    world.want(body(), 1);
    world.queue.agent_gone(&proto_types::AgentId::new("agent-h2").unwrap());
    assert_eq!(world.offered(&[("h1;rack:a", ROOM)]), "h1", "the better one is gone");
}

#[test]
fn an_agent_that_is_too_small_is_not_waited_for() {
    let mut world = World::new();
    world.want(json!({"id": "/other", "cmd": "x", "cpus": 99}), 1);
    world.offered(&[("h2;rack:b", "cpus:1;mem:99")]);
    world.want(json!({"id": "/a", "cmd": "x", "cpus": 2, "constraints": [["prefer:rack", "IS", "b"]]}), 1);
    assert_eq!(world.offered(&[("h1;rack:a", ROOM)]), "h1");
}

#[test]
fn what_eases_constraints_is_news() {
    let mut world = World::new();
    world.want(json!({"id": "/a", "cmd": "x", "constraints": [["hostname", "UNIQUE"]]}), 2);
    world.want(json!({"id": "/b", "cmd": "x", "cpus": 99}), 1);
    world.queue.interest(world.now);
    assert_eq!(refusal(&mut world, "h1").0, 1);
    world.queue.instance_gone(&path("/b"));
    assert_eq!(world.queue.interest(world.now), None);
    world.pass(1);
    world.queue.instance_gone(&path("/a"));
    assert_eq!(world.queue.interest(world.now), Some(Interest::Wanted));
}

#[test]
fn what_was_refused_is_asked_back_only_so_often() {
    let mut world = World::new();
    world.want(json!({"id": "/a", "cmd": "x", "cpus": 9}), 1);
    assert_eq!(world.queue.interest(world.now), Some(Interest::Wanted));
    for id in ["/b", "/c"] {
        refusal(&mut world, "h1");
        world.want(json!({"id": id, "cmd": "x", "cpus": 9}), 1);
        assert_eq!(world.queue.interest(world.now), None);
    }
    world.now = world.now.after(Duration::from_millis(100));
    assert_eq!(world.queue.interest(world.now), Some(Interest::Wanted), "later, once for both");
    assert_eq!(world.queue.interest(world.now), None);
}

#[test]
fn a_clock_that_is_set_back_makes_nobody_wait_longer() {
    let mut world = World::new();
    let zones = json!([["zone", "GROUP_BY"]]);
    let spec = world.want(json!({"id": "/a", "cmd": "x", "backoffSeconds": 4}), 1);
    world.queue.failed(spec.id(), spec.config_version(), spec.backoff(), Duration::ZERO, world.now);
    world.want(json!({"id": "/b", "cmd": "x", "cpus": 1, "mem": 1, "constraints": zones}), 3);
    assert_eq!(world.offered(&[("h1;zone:a", ROOM), ("h2;zone:b", "cpus:1;mem:1;ports:[1-9]")]), "h1 h1 h2");
    world.want(json!({"id": "/b", "cmd": "x", "cpus": 1, "mem": 1, "constraints": zones}), 1);
    assert_eq!(world.offered(&[("h1;zone:a", ROOM)]), "");
    world.now = at(10);
    assert_eq!(world.offered(&[("h1;zone:a", ROOM)]), "");
    assert_eq!((world.item("/a").delay(world.now), world.queue.next_wake()), (4 * SECOND, Some(at(14))));
    world.pass(10);
    assert_eq!(world.offered(&[("h1;zone:a", ROOM)]), "h1 h1", "both");
}
