//! What clients ask for, and what they hear.

use crate::world::{World, path};
use marathon_lite_core::scheduler::{Answer, Command, Config, Edit, Refused};
use serde_json::{Value, json};

fn app(id: &str, instances: u32) -> Value {
    json!({"id": id, "cmd": "sleep", "cpus": 1, "mem": 10, "instances": instances})
}

fn update(id: &str, body: Value) -> Edit {
    Edit::UpdateApp { id: path(id), body, partial: true, create: false }
}

fn idle() -> World {
    World::new(&[])
}

#[test]
fn the_deployment_is_seen_when_the_answer_comes() {
    let mut world = idle();
    let Ok(Answer::Deployed { deployment, version, created }) = world.edit(Edit::CreateApp(app("/web", 2))) else {
        panic!("refused")
    };
    let view = world.marathon.view();
    assert_eq!(view.deployments.keys().collect::<Vec<_>>(), [&deployment]);
    assert_eq!(view.root.version(), version);
    let created = created.expect("the app");
    assert_eq!((created.service_ports(), created.version), (vec![0], version), "as it was sent");
    assert_eq!(view.root.app(&path("/web")).map(|app| app.service_ports()), Some(vec![10_000]));
    assert!(world.store.contains_key("apps/web") && world.store.contains_key(&format!("deployments/{deployment}")));
}

#[test]
fn what_is_there_is_not_made_again_and_what_is_not_is_not_found() {
    let mut world = idle();
    world.create(app("/g/web", 1));
    let conflict = |text: &str| Err(Refused::Conflict(text.to_owned()));
    let missing = |text: &str| Err(Refused::NotFound(text.to_owned()));
    assert_eq!(world.edit(Edit::CreateApp(app("/g/web", 1))), conflict("An app with id [/g/web] already exists."));
    let group = |id: &str| Edit::CreateGroup { id: path("/"), body: json!({"id": id}) };
    assert_eq!(world.edit(group("/g")), conflict("Group /g is already created. Use PUT to change this group."));
    assert_eq!(world.edit(update("/x", json!({}))), missing("App '/x' does not exist"));
    assert_eq!(world.edit(Edit::DeleteApp(path("/x"))), missing("App '/x' does not exist"));
    assert_eq!(world.edit(Edit::RestartApp(path("/x"))), missing("App '/x' does not exist"));
    assert_eq!(world.edit(Edit::DeleteGroup(path("/x"))), missing("Group '/x' does not exist"));
    let back = update("/g/web", json!({"version": "2020-01-01T00:00:00.000Z"}));
    assert_eq!(world.edit(back), missing("App '/g/web' does not exist in version 2020-01-01T00:00:00.000Z"));
    let kill =
        Command::KillInstances { instances: vec!["x.1".parse().unwrap()], scale: false, wipe: false, force: false };
    assert_eq!(world.command(kill), missing("Task 'x.1' does not exist"));
    assert!(matches!(world.edit(Edit::CreateApp(json!({"id": "/y"}))), Err(Refused::Request(_))));
}

#[test]
fn locked_apps_are_refused_unless_forced_and_others_are_not() {
    let mut world = idle();
    let first = world.create(app("/a", 1));
    assert_eq!(world.edit(update("/a", json!({"instances": 2}))), Err(Refused::Locked(vec![first.clone()])));
    world.create(app("/b", 1));
    let forced = Command::Edit { edit: update("/a", json!({"instances": 2})), force: true, dry_run: false };
    assert!(world.command(forced).is_ok());
    let view = world.marathon.view();
    assert!(!view.deployments.contains_key(&first) && view.deployments.len() == 2);
    assert_eq!(world.count("deployment_failed"), 1);
}

#[test]
fn too_many_deployments_are_refused() {
    let mut world = World::with(Config { deployments_max: 2, ..Config::default() }, &[]);
    world.create(app("/a", 1));
    world.create(app("/b", 1));
    assert_eq!(world.edit(Edit::CreateApp(app("/c", 1))), Err(Refused::TooManyDeployments));
}

#[test]
fn a_change_of_nothing_is_over_at_once() {
    let mut world = World::new(&[("a1", "cpus:4;mem:100;ports:[31000-31010]")]);
    world.create(app("/a", 1));
    world.pass(2);
    let before = world.marathon.view().root.app(&path("/a")).cloned();
    world.update("/a", json!({"instances": 1}));
    assert_eq!(world.deployments(), 0);
    assert_eq!(world.marathon.view().root.app(&path("/a")).cloned(), before);
}

#[test]
fn a_dry_run_says_the_steps_and_does_nothing() {
    let mut world = idle();
    let body = json!({"apps": [app("/g/a", 1), {"id": "/g/b", "cmd": "x", "dependencies": ["/g/a"]}]});
    let edit = Edit::UpdateGroup { id: path("/g"), body };
    let Ok(Answer::Planned(steps)) = world.command(Command::Edit { edit, force: false, dry_run: true }) else {
        panic!("refused")
    };
    let steps: Vec<Vec<String>> = steps
        .iter()
        .map(|step| step.actions.iter().map(|action| format!("{} {}", action.kind.name(), action.id)).collect())
        .collect();
    assert_eq!(
        steps,
        [
            vec!["StartApplication /g/a", "StartApplication /g/b"],
            vec!["ScaleApplication /g/a"],
            vec!["ScaleApplication /g/b"]
        ]
    );
    assert_eq!(world.marathon.view().root.apps_len(), 0);
}

#[test]
fn versions_are_kept_up_to_a_number_and_gone_back_to() {
    let mut world =
        World::with(Config { versions_kept: 3, ..Config::default() }, &[("a1", "cpus:4;mem:100;ports:[31000-31010]")]);
    world.create(app("/a", 1));
    for count in 1..6 {
        world.pass(2);
        world.update("/a", json!({"cmd": format!("sleep {count}")}));
    }
    world.pass(10);
    let view = world.marathon.view();
    let versions: Vec<_> = view.app_versions[&path("/a")].iter().map(|(at, app)| (*at, app.cmd.clone())).collect();
    let commands: Vec<_> = versions.iter().map(|(_, cmd)| cmd.clone().unwrap_or_default()).collect();
    assert_eq!(commands, ["sleep 3", "sleep 4", "sleep 5"]);
    assert_eq!(world.store.keys().filter(|key| key.starts_with("app-versions/a@")).count(), 3);
    assert_eq!(world.store.keys().filter(|key| key.starts_with("root-versions/")).count(), 3);
    world.update("/a", json!({"version": versions[0].0.to_string()}));
    world.pass(10);
    assert_eq!(world.running(), ["sleep 3"]);
}

#[test]
fn groups_go_back_to_a_version_of_the_root() {
    let mut world = World::new(&[("a1", "cpus:9;mem:900;ports:[31000-31010]")]);
    world.create(app("/g/a", 1));
    world.pass(2);
    let version = world.marathon.view().root.version();
    world.create(app("/other", 1));
    world.deploy(Edit::UpdateGroup { id: path("/g"), body: json!({"apps": [app("/g/b", 2)]}) });
    world.pass(5);
    world.crash();
    world.deploy(Edit::UpdateGroup { id: path("/g"), body: json!({"version": version.to_string()}) });
    world.pass(5);
    let view = world.marathon.view();
    let ids: Vec<_> = view.root.apps().map(|app| app.id.to_string()).collect();
    assert_eq!(ids, ["/g/a", "/other"]);
    assert_eq!(world.running().len(), 2);
}

#[test]
fn what_is_stored_is_what_is_seen() {
    let mut world = World::new(&[("a1", "cpus:9;mem:900;ports:[31000-31010]")]);
    world.create(app("/g/a", 2));
    world.pass(3);
    world.create(app("/g/h/b", 20));
    world.deploy(Edit::CreatePod(json!({"id": "/p", "containers": [
        {"name": "one", "exec": {"command": {"shell": "x"}}, "resources": {"cpus": 0.1, "mem": 32}}]})));
    world.update("/g/a", json!({"cmd": "sleep 2"}));
    world.pass(1);
    let before = world.marathon.view();
    world.crash();
    let after = world.marathon.view();
    assert_eq!(after.root, before.root);
    assert_eq!(after.app_versions, before.app_versions);
    assert_eq!(after.pod_versions, before.pod_versions);
    assert_eq!(after.root_versions, before.root_versions);
    assert_eq!(after.failures, before.failures);
    assert_eq!(after.framework, before.framework);
    assert_eq!(after.deployments.keys().collect::<Vec<_>>(), before.deployments.keys().collect::<Vec<_>>());
    for (id, deployment) in &before.deployments {
        let again = &after.deployments[id];
        assert_eq!((&again.steps, again.current_step), (&deployment.steps, deployment.current_step));
        assert_eq!(again.target.changed_apps(&again.original), deployment.target.changed_apps(&deployment.original));
    }
}

#[test]
fn unreadable_objects_are_not_passed_over() {
    use marathon_lite_core::scheduler::Marathon;
    let error =
        Marathon::recover(Config::default(), [("instances/a.1", b"{}".as_slice())], 1, proto_types::Now::default());
    let error = error.map(|_| ()).unwrap_err().to_string();
    assert!(error.starts_with("the stored object \"instances/a.1\" cannot be read: "), "{error}");
    let future = Marathon::recover(Config::default(), [("future/a", b"?".as_slice())], 1, proto_types::Now::default());
    assert!(future.is_ok());
}
