//! Resources of each kind, roles, ports and maintenance.

use super::world::{World, at, launched};
use crate::launch::{RejectReason, Settings};
use proto_types::{agent::Unavailability, time::Wall};
use serde_json::{Value, json};

/// Whether one instance of the app is launched on an offer of these resources; else why not.
fn outcome(body: Value, resources: &str) -> String {
    outcome_with(Settings { role: "web".into(), ..Settings::default() }, body, resources)
}

fn outcome_with(settings: Settings, body: Value, resources: &str) -> String {
    let mut world = World::with(settings);
    let spec = world.want(body, 1);
    if !world.offered(&[("h1", resources)]).is_empty() {
        return "launched".to_owned();
    }
    let item = world.item(spec.id().as_str());
    let unused = item.last_unused_offers.values().next().unwrap();
    let reasons: Vec<&str> = unused.reasons().into_iter().map(RejectReason::name).collect();
    format!("{}: {}", reasons.join(","), unused.details(&item.spec).join("; "))
}

const PLENTY: &str = "cpus:8;mem:8192;disk:10000;gpus:2;ports:[31000-31009]";

#[test]
fn each_amount_must_be_there() {
    let app = |field: &str, amount: Value| {
        let mut body = json!({"id": "/a", "cmd": "x", "cpus": 1, "mem": 128, "portDefinitions": []});
        body[field] = amount;
        body
    };
    assert_eq!(outcome(app("cpus", json!(8)), PLENTY), "launched");
    assert_eq!(outcome(app("cpus", json!(8.001)), PLENTY), "InsufficientCpus: needs 8.001 cpus, 8 are free");
    assert_eq!(outcome(app("mem", json!(8193)), PLENTY), "InsufficientMemory: needs 8193 MiB of memory, 8192 are free");
    assert_eq!(
        outcome(app("disk", json!(10_001)), PLENTY),
        "InsufficientDisk: needs 10001 MiB of disk, 10000 are free"
    );
    assert_eq!(outcome(app("gpus", json!(2)), PLENTY), "launched");
    assert_eq!(outcome(app("gpus", json!(3)), PLENTY), "InsufficientGpus: needs 3 gpus, 2 are free");
    assert_eq!(
        outcome(app("cpus", json!(2)), "cpus:1;mem:64"),
        "InsufficientCpus,InsufficientMemory: needs 2 cpus, 1 are free; needs 128 MiB of memory, 64 are free"
    );
}

#[test]
fn resources_of_accepted_roles_are_used_and_reserved_ones_first() {
    let app = |roles: Value| json!({"id": "/a", "cmd": "x", "cpus": 2, "mem": 10, "portDefinitions": [], "acceptedResourceRoles": roles});
    let mixed = "cpus:4;mem:100;cpus(web):1.5;mem(web):5";
    assert_eq!(outcome(app(json!(["*"])), mixed), "launched");
    assert_eq!(
        outcome(app(json!(["web"])), mixed),
        "InsufficientCpus,InsufficientMemory: needs 2 cpus, 1.5 are free; needs 10 MiB of memory, 5 are free"
    );
    let none = outcome(app(json!(["web"])), "cpus:4;mem:100");
    assert!(none.starts_with("UnfulfilledRole,InsufficientCpus"), "{none}");
    let mut world = World::new();
    world.want(json!({"id": "/first", "cmd": "x", "cpus": 2, "mem": 10, "portDefinitions": []}), 1);
    world.want(app(json!(["*"])), 1);
    world.offered(&[("h1", "cpus:2;mem:10")]);
    let item = world.queue.items().values().next().unwrap();
    let reasons = item.last_unused_offers.values().next().unwrap().reasons();
    assert_eq!(reasons[0], RejectReason::InsufficientCpus, "what another app took was for the role");
    let mut world = World::new();
    world.want(app(Value::Null), 1);
    let offer = world.offer("h1", mixed);
    let uses = world.use_offers(vec![offer]);
    let task = &launched(&uses).next().unwrap().tasks[0];
    assert_eq!(task.resources.to_string(), "cpus:0.5;cpus(web):1.5;mem:5;mem(web):5");
    let settings =
        Settings { role: "web".into(), default_accepted_roles: ["*".to_owned()].into(), ..Settings::default() };
    let refused = outcome_with(settings, app(Value::Null), "cpus:1;mem:100;cpus(web):4;mem(web):100");
    assert_eq!(refused, "InsufficientCpus: needs 2 cpus, 1 are free");
}

#[test]
fn ports_are_dynamic_fixed_or_none() {
    let host = |require: bool, ports: Value| json!({"id": "/a", "cmd": "x", "cpus": 1, "mem": 1, "requirePorts": require, "portDefinitions": ports});
    let few = "cpus:8;mem:8192;ports:[80-80,31000-31001]";
    assert_eq!(outcome(host(false, json!([{"port": 0}, {"port": 9000}, {"port": 0}])), few), "launched");
    let four = json!([{"port": 0}, {"port": 0}, {"port": 0}, {"port": 0}]);
    assert_eq!(outcome(host(false, four), few), "InsufficientPorts: needs 4 ports, 3 are free");
    assert_eq!(outcome(host(true, json!([{"port": 80}, {"port": 0}])), few), "launched");
    assert_eq!(outcome(host(true, json!([{"port": 81}])), few), "InsufficientPorts: needs port 81, which is not free");
    let bridge = |host_port: Value| {
        json!({"id": "/a", "cpus": 1, "mem": 1, "networks": [{"mode": "container/bridge"}], "container": {
            "docker": {"image": "i"}, "portMappings": [{"containerPort": 80, "hostPort": host_port}]}})
    };
    assert_eq!(outcome(bridge(json!(80)), few), "launched");
    assert_eq!(outcome(bridge(json!(8080)), few), "InsufficientPorts: needs port 8080, which is not free");
    assert_eq!(outcome(bridge(json!(0)), "cpus:1;mem:1"), "InsufficientPorts: needs 1 ports, 0 are free");
    let own = json!({"id": "/a", "cpus": 1, "mem": 1, "networks": [{"mode": "container", "name": "n"}], "container": {
        "docker": {"image": "i"}, "portMappings": [{"containerPort": 80}]}});
    assert_eq!(outcome(own, "cpus:1;mem:1"), "launched", "reached under its own address");
}

#[test]
fn agents_in_maintenance_are_left_alone() {
    let case = |start: u64, end: Option<u64>, draining: u64| {
        let settings =
            Settings { role: "web".into(), draining: std::time::Duration::from_secs(draining), ..Settings::default() };
        let mut world = World::with(settings);
        world.want(json!({"id": "/a", "cmd": "x"}), 1);
        let mut offer = world.offer("h1", PLENTY);
        let end = end.map(|end| Wall(at(end).millis()));
        offer.unavailability = Some(Unavailability { start: Wall(at(start).millis()), end });
        launched(&world.use_offers(vec![offer])).count() == 1
    };
    assert!(!case(990, None, 0) && !case(1000, Some(1001), 0), "it is on");
    assert!(case(1001, None, 0) && !case(1001, None, 1), "it comes");
    assert!(case(900, Some(1000), 0), "it is over");
}

#[test]
fn agents_with_gpus_are_kept_for_those_who_need_them() {
    let body = |behaviour: &str| json!({"id": "/a", "cmd": "x", "labels": {"GPU_SCHEDULING_BEHAVIOR": behaviour}});
    let kept = "DeclinedScarceResources: its agent has gpus, which are kept for apps that use them";
    let restricting = || Settings { role: "web".into(), restrict_gpus: true, ..Settings::default() };
    assert_eq!(outcome(body("restricted"), PLENTY), kept);
    assert_eq!(outcome(body(""), PLENTY), "launched");
    assert_eq!(outcome_with(restricting(), body(""), PLENTY), kept);
    assert_eq!(outcome_with(restricting(), body("unrestricted"), PLENTY), "launched");
    let mut world = World::new();
    world.want(body(""), 1);
    assert_eq!(world.offered(&[("gpu", PLENTY), ("plain", "cpus:8;mem:8192;ports:[1-9]")]), "plain");
}

#[test]
fn offers_of_one_agent_are_used_together() {
    let mut world = World::new();
    world.want(json!({"id": "/a", "cmd": "x", "cpus": 3, "mem": 100, "portDefinitions": []}), 1);
    let offers = vec![
        world.offer("h1", "cpus:2;mem:50"),
        world.offer("h2", "cpus:2;mem:500"),
        world.offer("h1", "cpus:2;mem:50"),
    ];
    let uses = world.use_offers(offers);
    let used: Vec<_> = uses.iter().map(|one| (one.offers.len(), one.launched.len())).collect();
    assert_eq!(used, [(2, 1), (1, 0)]);
    let acceptance = uses[0].acceptance();
    assert_eq!((acceptance.offers.len(), acceptance.launches.len()), (2, 1));
    assert!(uses[1].acceptance().launches.is_empty());
}

#[test]
fn what_may_be_taken_back_is_not_used() {
    let mut world = World::new();
    world.want(json!({"id": "/a", "cmd": "x", "cpus": 1, "mem": 1, "portDefinitions": []}), 1);
    let mut offer = world.offer("h1", "cpus:4;mem:100");
    let revocable = offer.resources.iter().cloned().map(|mut resource| {
        resource.kind.revocable = true;
        resource
    });
    offer.resources = revocable.collect();
    assert_eq!(launched(&world.use_offers(vec![offer])).count(), 0);
}
