//! Deployments from their beginning to their end.

use crate::world::{World, path};
use marathon_lite_core::{
    health::ProbeResult,
    scheduler::{Answer, Command, Edit},
};
use serde_json::{Value, json};

fn app(id: &str, cmd: &str, instances: u32) -> Value {
    json!({"id": id, "cmd": cmd, "cpus": 1, "mem": 10, "instances": instances})
}

fn world() -> World {
    World::new(&[("a1", "cpus:8;mem:800;ports:[31000-31100]"), ("a2", "cpus:8;mem:800;ports:[31000-31100]")])
}

#[test]
fn an_app_comes_up_and_is_scaled_both_ways() {
    let mut world = world();
    let id = world.create(app("/web", "one", 3));
    world.pass(5);
    assert_eq!((world.running().len(), world.deployments()), (3, 0));
    assert!(world.events.iter().any(|event| event.kind == "deployment_success" && event.fields["id"] == id.0));
    assert_eq!((world.count("deployment_info"), world.count("deployment_step_success")), (2, 2));
    world.update("/web", json!({"instances": 6}));
    world.pass(5);
    assert_eq!((world.running().len(), world.deployments()), (6, 0));
    world.update("/web", json!({"instances": 1}));
    world.pass(5);
    assert_eq!((world.running().len(), world.deployments()), (1, 0));
    world.deploy(Edit::DeleteApp(path("/web")));
    world.pass(5);
    assert_eq!((world.running().len(), world.deployments(), world.count("app_terminated_event")), (0, 0, 1));
    let left: Vec<&String> = world.store.keys().filter(|key| key.contains("web")).collect();
    assert_eq!(left, Vec::<&String>::new());
}

#[test]
fn when_nothing_is_wanted_no_offers_are() {
    let mut world = world();
    assert!(world.cluster.suppressed);
    world.create(app("/web", "one", 1));
    assert!(!world.cluster.suppressed);
    world.pass(5);
    assert!(world.cluster.suppressed);
}

/// Never fewer than three old and new ones run.
fn at_least_three(world: &World) -> Result<(), String> {
    let running = world.running();
    if running.len() < 3 { Err(format!("only {running:?}")) } else { Ok(()) }
}

#[test]
fn a_new_version_comes_in_without_a_gap() {
    let mut world = world();
    world.create(app("/web", "one", 3));
    world.pass(5);
    world.watch = Some(at_least_three);
    world.update("/web", json!({"cmd": "two"}));
    world.pass(10);
    assert_eq!((world.running(), world.deployments()), (vec!["two".to_owned(); 3], 0));
    world.deploy(Edit::RestartApp(path("/web")));
    let launched = world.cluster.ever_launched.len();
    world.pass(10);
    assert_eq!(world.cluster.ever_launched.len(), launched + 3);
}

#[test]
fn new_ones_take_over_only_when_they_are_healthy() {
    let mut world = world();
    let mut body = app("/web", "one", 2);
    body["healthChecks"] = json!([{"protocol": "HTTP", "path": "/", "gracePeriodSeconds": 1000}]);
    world.create(body);
    world.pass(3);
    assert_eq!(world.deployments(), 1, "not healthy yet");
    world.answer_health(|_| ProbeResult::Passed);
    assert_eq!(world.deployments(), 0);
    world.update("/web", json!({"cmd": "two"}));
    world.pass(20);
    assert_eq!(world.running(), ["one", "one", "two", "two"]);
    world.answer_health(|_| ProbeResult::Passed);
    world.pass(5);
    assert_eq!((world.running(), world.deployments()), (vec!["two".to_owned(); 2], 0));
}

#[test]
fn readiness_is_waited_for() {
    let mut world = world();
    let mut body = app("/web", "one", 1);
    body["portDefinitions"] = json!([{"port": 0, "name": "http-api"}]);
    body["readinessChecks"] = json!([{"path": "/ready"}]);
    world.create(body);
    world.pass(3);
    assert_eq!(world.deployments(), 1);
    let instance = world.instances()[0].id.clone();
    assert!(world.probes.contains_key(&(instance.clone(), None)));
    let answer = Ok((200, "text/plain".to_owned(), "yes".to_owned()));
    world.input(marathon_lite_core::scheduler::Input::Readiness { instance, response: answer });
    world.settle();
    assert_eq!((world.deployments(), world.probes.len()), (0, 0));
}

#[test]
fn apps_wait_for_those_that_they_depend_on() {
    let mut world = world();
    let mut db = app("/g/db", "db", 1);
    db["healthChecks"] = json!([{"protocol": "TCP"}]);
    let mut web = app("/g/web", "web", 1);
    web["dependencies"] = json!(["/g/db"]);
    world.deploy(Edit::UpdateGroup { id: path("/g"), body: json!({"apps": [web, db]}) });
    world.pass(5);
    assert_eq!(world.running(), ["db"]);
    world.answer_health(|_| ProbeResult::Passed);
    world.pass(5);
    assert_eq!((world.running(), world.deployments()), (vec!["db".to_owned(), "web".to_owned()], 0));
}

#[test]
fn a_deployment_is_taken_back() {
    let mut world = world();
    world.create(app("/web", "one", 2));
    world.pass(5);
    world.create(app("/other", "other", 1));
    world.pass(5);
    world.cluster.ends.push(("bad".to_owned(), proto_types::TaskState::Failed));
    let id = world.update("/web", json!({"cmd": "bad"}));
    world.pass(5);
    world.update("/other", json!({"cmd": "changed"}));
    world.pass(5);
    let answer = world.command(Command::EndDeployment { id, revert: true });
    assert!(matches!(answer, Ok(Answer::Deployed { .. })), "{answer:?}");
    world.pass(20);
    assert_eq!((world.running(), world.deployments()), (vec!["changed".to_owned(), "one".into(), "one".into()], 0));
}

#[test]
fn a_cancelled_deployment_leaves_everything_as_it_is() {
    let mut world = world();
    let id = world.create(app("/web", "one", 20));
    world.pass(3);
    let running = world.running().len();
    assert_eq!(running, 16, "as many as fit");
    assert_eq!(world.command(Command::EndDeployment { id, revert: false }), Ok(Answer::Done));
    assert_eq!((world.deployments(), world.running().len()), (0, 16));
    let missing =
        Command::EndDeployment { id: marathon_lite_core::deployment::DeploymentId("x".into()), revert: false };
    assert!(world.command(missing).is_err());
}

#[test]
fn a_deployment_without_progress_fails_and_is_taken_back_if_asked() {
    let mut world = world();
    world.create(app("/web", "one", 2));
    world.pass(5);
    world.cluster.ends.push(("bad".to_owned(), proto_types::TaskState::Failed));
    let strategy = json!({"progressDeadlineSeconds": 30, "rollbackOnFailure": true});
    world.update("/web", json!({"cmd": "bad", "upgradeStrategy": strategy}));
    world.pass(20);
    assert_eq!(world.deployments(), 1);
    world.pass(60);
    assert_eq!((world.running(), world.deployments()), (vec!["one".to_owned(); 2], 0));
    assert_eq!(world.count("deployment_failed"), 1);
}

#[test]
fn instances_are_killed_and_come_back_or_not() {
    let mut world = world();
    world.create(app("/web", "one", 3));
    world.pass(5);
    let first = world.instances()[0].id.clone();
    let kill = |scale| Command::KillInstances { instances: vec![first.clone()], scale, wipe: false, force: false };
    let answer = world.command(kill(false));
    assert!(matches!(&answer, Ok(Answer::Killed(killed)) if killed.len() == 1), "{answer:?}");
    world.pass(5);
    assert_eq!(world.running().len(), 3);
    let first = world.instances()[0].id.clone();
    let kill = Command::KillInstances { instances: vec![first.clone()], scale: true, wipe: false, force: false };
    let answer = world.command(kill);
    assert!(matches!(answer, Ok(Answer::Deployed { .. })), "{answer:?}");
    world.pass(5);
    assert_eq!((world.running().len(), world.deployments()), (2, 0));
    assert!(world.instances().iter().all(|instance| instance.id != first));
    assert_eq!(world.marathon.view().root.app(&path("/web")).map(|app| app.instances), Some(2));
}

#[test]
fn pods_run_as_one() {
    let mut world = world();
    let container =
        |name: &str| json!({"name": name, "exec": {"command": {"shell": name}}, "resources": {"cpus": 0.5, "mem": 32}});
    let body = json!({"id": "/p", "containers": [container("one"), container("two")], "scaling": {"kind": "fixed", "instances": 2}});
    world.deploy(Edit::CreatePod(body));
    world.pass(5);
    assert_eq!((world.running().len(), world.instances().len(), world.deployments()), (4, 2, 0));
    world.deploy(Edit::DeletePod(path("/p")));
    world.pass(5);
    assert_eq!((world.running().len(), world.instances().len(), world.deployments()), (0, 0, 0));
}

#[test]
fn careful_steps_pause_and_outlive_leaders() {
    let mut world = world();
    world.create(app("/web", "one", 4));
    world.pass(5);
    let strategy = json!({"canarySteps": [{"instances": 1, "pauseSeconds": 60}]});
    world.update("/web", json!({"cmd": "two", "upgradeStrategy": strategy}));
    world.pass(40);
    let new = |world: &World| world.running().iter().filter(|command| *command == "two").count();
    assert_eq!(new(&world), 1);
    world.crash();
    world.pass(10);
    assert_eq!(new(&world), 1, "the pause goes on");
    world.pass(20);
    assert_eq!((world.running(), world.deployments()), (vec!["two".to_owned(); 4], 0));
}

#[test]
fn what_is_taken_back_is_not_launched_anew() {
    let mut world = world();
    let mut body = app("/web", "one", 3);
    body["healthChecks"] = json!([{"protocol": "TCP"}]);
    world.create(body);
    world.pass(3);
    world.answer_health(|_| ProbeResult::Passed);
    let before: Vec<_> = world.instances().iter().map(|instance| instance.id.clone()).collect();
    let id = world.update("/web", json!({"cmd": "two"}));
    world.pass(5);
    assert_eq!(world.running(), ["one", "one", "one", "two", "two", "two"]);
    world.command(Command::EndDeployment { id, revert: true }).expect("it is there");
    world.pass(5);
    let after: Vec<_> = world.instances().iter().map(|instance| instance.id.clone()).collect();
    assert_eq!((after, world.deployments()), (before, 0));
}

#[test]
fn a_forced_scale_goes_on_with_the_replacement_that_it_cancels() {
    let mut world = world();
    let mut body = app("/web", "one", 2);
    body["healthChecks"] = json!([{"protocol": "TCP"}]);
    world.create(body);
    world.pass(3);
    world.answer_health(|_| ProbeResult::Passed);
    world.update("/web", json!({"cmd": "two"}));
    world.pass(1);
    let (id, body) = (path("/web"), json!({"instances": 3}));
    let edit = Edit::UpdateApp { id, body, partial: true, create: false };
    world.command(Command::Edit { edit, force: true, dry_run: false }).expect("it is forced");
    for _ in 0..5 {
        world.pass(2);
        world.answer_health(|_| ProbeResult::Passed);
    }
    assert_eq!((world.running(), world.deployments()), (vec!["two".to_owned(); 3], 0));
}
