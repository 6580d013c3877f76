//! What fails, and what becomes of it.

use crate::world::{World, path};
use marathon_lite_core::{health::ProbeResult, scheduler::Command};
use proto_types::TaskState;
use serde_json::{Value, json};

fn app(id: &str, cmd: &str, instances: u32) -> Value {
    json!({"id": id, "cmd": cmd, "cpus": 1, "mem": 10, "instances": instances})
}

fn world() -> World {
    World::new(&[("a1", "cpus:8;mem:800;ports:[31000-31100]"), ("a2", "cpus:8;mem:800;ports:[31000-31100]")])
}

#[test]
fn what_fails_is_launched_again_later_and_later() {
    let mut world = world();
    world.cluster.ends.push(("bad".to_owned(), TaskState::Failed));
    let mut body = app("/web", "bad", 1);
    body["backoffSeconds"] = json!(4);
    body["backoffFactor"] = json!(2);
    world.create(body);
    world.pass(2);
    assert_eq!(world.cluster.ever_launched.len(), 1);
    assert_eq!(world.marathon.view().failures[&path("/web")].state, TaskState::Failed);
    assert_eq!(world.marathon.view().queue[&path("/web")].count, 1);
    world.pass(4);
    assert_eq!(world.cluster.ever_launched.len(), 2);
    world.pass(5);
    assert_eq!(world.cluster.ever_launched.len(), 2, "8 seconds now");
    world.pass(3);
    assert_eq!(world.cluster.ever_launched.len(), 3);
    world.command(Command::ResetDelay(path("/web"))).expect("it is there");
    world.pass(1);
    assert_eq!(world.cluster.ever_launched.len(), 4);
    assert!(world.command(Command::ResetDelay(path("/x"))).is_err());
}

#[test]
fn what_ends_by_itself_is_replaced() {
    let mut world = world();
    world.create(app("/web", "one", 2));
    world.pass(5);
    let task = world.instances()[0].id.clone();
    let wall = world.now.wall;
    world.cluster.update(&task, TaskState::Failed, wall);
    world.pass(5);
    assert_eq!(world.running().len(), 2);
    assert_eq!(world.cluster.ever_launched.len(), 3);
}

#[test]
fn the_unhealthy_are_killed_and_replaced() {
    let mut world = world();
    let mut body = app("/web", "one", 1);
    body["healthChecks"] = json!([{"protocol": "HTTP", "gracePeriodSeconds": 0, "maxConsecutiveFailures": 2}]);
    world.create(body);
    world.pass(3);
    world.answer_health(|_| ProbeResult::Passed);
    assert_eq!(world.deployments(), 0);
    let first = world.instances()[0].id.clone();
    for failures in 1..=3 {
        assert_eq!(world.instances()[0].id, first, "{failures}");
        world.answer_health(|_| ProbeResult::Failed("refused".to_owned()));
    }
    assert_eq!(world.count("unhealthy_instance_kill_event"), 1);
    world.pass(5);
    assert!(world.instances().len() == 1 && world.instances()[0].id != first);
}

#[test]
fn the_cut_off_are_replaced_and_killed_when_they_return() {
    let mut world = world();
    world.create(app("/web", "one", 4));
    world.pass(5);
    let agent = world.instances()[0].agent.clone();
    let wall = world.now.wall;
    world.cluster.reach(agent.as_str(), false, wall);
    world.pass(5);
    assert_eq!(world.running().len(), 4);
    assert!(world.instances().len() == 4 && world.instances().iter().all(|instance| instance.agent != agent));
    let wall = world.now.wall;
    world.cluster.reach(agent.as_str(), true, wall);
    world.pass(5);
    assert_eq!(world.running().len(), 4);
}

#[test]
fn those_with_patience_wait_for_the_cut_off() {
    let mut world = world();
    let mut body = app("/web", "one", 4);
    body["unreachableStrategy"] = json!({"inactiveAfterSeconds": 10, "expungeAfterSeconds": 100});
    world.create(body);
    world.pass(5);
    let agent = world.instances()[0].agent.clone();
    let (wall, launched) = (world.now.wall, world.cluster.ever_launched.len());
    world.cluster.reach(agent.as_str(), false, wall);
    world.pass(8);
    assert_eq!(world.cluster.ever_launched.len(), launched, "not yet");
    world.pass(10);
    assert_eq!(world.running().len(), 4);
    let wall = world.now.wall;
    world.cluster.reach(agent.as_str(), true, wall);
    world.pass(5);
    assert_eq!((world.running().len(), world.instances().len()), (4, 4), "one too many goes");
}

#[test]
fn what_runs_once_is_not_started_again() {
    let mut world = world();
    world.cluster.ends.push(("job".to_owned(), TaskState::Finished));
    world.cluster.ends.push(("bad".to_owned(), TaskState::Failed));
    let mut body = app("/job", "job", 3);
    body["runOnce"] = json!(true);
    world.create(body);
    world.pass(20);
    assert_eq!((world.cluster.ever_launched.len(), world.deployments()), (3, 0));
    world.crash();
    world.pass(20);
    assert_eq!(world.cluster.ever_launched.len(), 3);
    let mut body = app("/bad", "bad", 1);
    body["runOnce"] = json!(true);
    body["runOncePolicy"] = json!({"maxAttempts": 2});
    world.create(body);
    world.pass(60);
    assert_eq!(world.cluster.ever_launched.len(), 5);
}

#[test]
fn tasks_that_nobody_knows_are_killed() {
    let mut world = world();
    world.create(app("/web", "one", 1));
    world.pass(5);
    let key = world.store.keys().find(|key| key.starts_with("instances/")).cloned().expect("an instance");
    world.store.remove(&key);
    world.crash();
    world.pass(5);
    assert_eq!((world.running().len(), world.instances().len()), (1, 1));
}

#[test]
fn health_outlives_leaders() {
    let mut world = world();
    let mut body = app("/web", "one", 2);
    body["healthChecks"] = json!([{"protocol": "HTTP"}]);
    world.create(body);
    world.pass(3);
    world.answer_health(|_| ProbeResult::Passed);
    let probes = world.probes.clone();
    world.crash();
    assert!(world.instances().iter().all(|instance| instance.is_healthy(1)), "known at once");
    world.settle();
    assert_eq!(world.probes, probes, "and asked again");
    assert_eq!(world.cluster.ever_launched.len(), 2);
}

#[test]
fn secrets_are_put_in_when_a_task_is_made() {
    use marathon_lite_core::scheduler::{Config, SecretStore};
    let secrets = SecretStore::new(|source| (source == "here").then(|| "value".to_owned()));
    let agents = [("a1", "cpus:8;mem:800;ports:[31000-31100]")];
    let mut world = World::with(Config { secrets, ..Config::default() }, &agents);
    for (id, source) in [("/known", "here"), ("/unknown", "elsewhere")] {
        let mut body = app(id, id, 1);
        body["env"] = json!({"PASSWORD": {"secret": "password"}});
        body["secrets"] = json!({"password": {"source": source}});
        world.create(body);
    }
    world.pass(5);
    assert_eq!(world.running(), ["/known"]);
    let blocked = world.marathon.view().queue[&path("/unknown")].blocked.clone();
    assert!(blocked.is_some_and(|why| why.contains("nothing is found under its source 'elsewhere'")));
}
