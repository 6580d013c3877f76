//! Counts, last unused offers and words.

use super::world::{World, path};
use crate::launch::{RejectReason, UNUSED_OFFERS_MAX, explain};
use serde_json::json;

#[test]
fn offers_run_through_a_funnel() {
    let mut world = World::new();
    world.want(json!({"id": "/a", "cmd": "x", "cpus": 4, "mem": 1000, "constraints": [["rack", "IS", "a"]]}), 2);
    let offers = [
        ("h1;rack:b", "cpus:1;mem:10"),
        ("h2;rack:a", "cpus:1;mem:10"),
        ("h3;rack:a", "cpus:2;mem:2000;ports:[1-9]"),
        ("h4;rack:a", "cpus:8;mem:10;ports:[1-9]"),
    ];
    assert_eq!(world.offered(&offers), "");
    let item = world.item("/a");
    let counts = |item: &crate::launch::QueueItem| -> Vec<(RejectReason, u64, u64)> {
        let all = item.rejects_since_launch();
        assert_eq!(all.len(), 10);
        all.into_iter().filter(|one| one.declined > 0).map(|one| (one.reason, one.declined, one.processed)).collect()
    };
    let expected = [
        (RejectReason::UnfulfilledConstraint, 1, 4),
        (RejectReason::InsufficientCpus, 2, 3),
        (RejectReason::InsufficientMemory, 1, 1),
    ];
    assert_eq!(counts(item), expected);
    assert_eq!((item.processed, item.unused, item.last_used_at), (4, 4, None));
    assert_eq!(item.rejects_of_last_offers(), item.rejects_since_launch());
    let all = &item.last_unused_offers.values().next().unwrap();
    assert_eq!(all.reasons().len(), 4, "{:?}", all.shortages);
    // A launch begins the count anew, of the last offers of agents as well.
    world.pass(1);
    assert_eq!(world.offered(&[("h2;rack:a", "cpus:4;mem:1000;ports:[1-9]"), offers[2]]), "h2");
    let item = world.item("/a");
    assert_eq!(counts(item), [(RejectReason::InsufficientCpus, 1, 2)]);
    assert_eq!((item.processed, item.unused, item.last_used_at), (6, 5, Some(world.now)));
    assert_eq!(item.last_unused_offers.len(), 3);
}

#[test]
fn last_unused_offers_are_bounded() {
    let mut world = World::new();
    world.want(json!({"id": "/a", "cmd": "x", "cpus": 99}), 1);
    for first in [0, 60] {
        let offers = (first..first + 90).map(|host| world.offer(&format!("h{host}"), "cpus:1")).collect();
        world.use_offers(offers);
        world.pass(1);
    }
    let item = world.item("/a");
    assert_eq!((item.last_unused_offers.len(), item.unused), (UNUSED_OFFERS_MAX, 180));
    let latest = item.last_unused_offers.values().filter(|unused| unused.offer.agent.as_str() >= "agent-h60").count();
    assert!(latest >= 40, "{latest}");
    assert_eq!(item.rejects_of_last_offers()[4].declined, 100);
}

#[test]
fn words_name_numbers_and_agents() {
    let mut world = World::new();
    let body = json!({"id": "/a", "cmd": "x", "cpus": 4, "mem": 1000, "constraints": [["rack", "LIKE", "a.*"]]});
    let spec = world.want(body, 3);
    world.pass(5);
    let why = |world: &World| explain(world.item("/a"), world.now).join("\n");
    assert_eq!(
        why(&world),
        "3 instances are wanted and not launched, for 5.0 s\n\
         no offers came since then: no agent has anything free for this framework, or it is still being asked"
    );
    world.offered(&[
        ("h1;rack:b1", "cpus:1;mem:2000;ports:[1-9]"),
        ("h2;rack:b2", "cpus:3.5;mem:10;ports:[1-9]"),
        ("h3;rack:a", "cpus:2;mem:2000;ports:[1-9]"),
        ("h4", "cpus:8;mem:2000"),
    ]);
    assert_eq!(
        why(&world),
        "3 instances are wanted and not launched, for 5.0 s\n\
         4 of 4 offers were of no use\n\
         3 of the 4 agents offered last do not satisfy [rack, LIKE, a.*]: they have b1, b2\n\
         3 of the 4 agents offered last lack cpus: an instance needs 4 cpus, the most that is free is 3.5, on h2\n\
         1 of the 4 agents offered last lack mem: an instance needs 1000 MiB of memory, the most that is free is 10, on h2\n\
         1 of the 4 agents offered last lack ports: an instance needs 1, the most that are free are 0, on h4"
    );
    world.queue.failed(spec.id(), spec.config_version(), spec.backoff(), Default::default(), world.now);
    assert!(why(&world).contains("\nwaits 1.0 s more, because instances failed before\n"), "{}", why(&world));
}

#[test]
fn what_no_offer_helps_is_said() {
    let mut world = World::new();
    let body = json!({"id": "/a", "cmd": "x", "env": {"P": {"secret": "pw"}}, "secrets": {"pw": {"source": "/s/pw"}}});
    world.want(body, 1);
    let room = "cpus:4;mem:4096;ports:[31000-31099]";
    assert_eq!(world.offered(&[("h1", room)]), "");
    let lines = explain(world.item("/a"), world.now);
    assert_eq!(lines[1], "no offer helps: secret 'pw' is not there: nothing is found under its source '/s/pw'");
    world.secrets.insert("/s/pw".into(), "hush".into());
    assert_eq!(world.offered(&[("h1", room)]), "h1");
    assert!(world.queue.items().get(&path("/a")).is_none());
}
