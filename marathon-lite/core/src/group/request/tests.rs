use super::*;
use crate::{
    app::{AppDefinition, Timestamp},
    group::{Embed, Extras},
    pods::PodDefinition,
};
use serde_json::json;

/// Shows ids only.
struct Ids;

impl Extras for Ids {
    fn app(&mut self, app: &AppDefinition) -> Option<Value> {
        Some(format!("{}x{}", app.id, app.instances).into())
    }

    fn pod(&mut self, pod: &PodDefinition) -> Option<Value> {
        Some(pod.id.as_str().into())
    }
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn changed(before: &Root, id: &str, body: Value, version: u64) -> Result<Root, Refusal> {
    let id = PathId::parse(id).unwrap();
    match change(&body, &PathId::root(), Some(&id), before, at(version), &Support::default())? {
        GroupChange::To { root, .. } => Ok(root),
        GroupChange::Back { version, .. } => panic!("goes back to {version}"),
    }
}

fn apps(root: &Root) -> Vec<String> {
    root.apps().map(|app| format!("{}x{}", app.id, app.instances)).collect()
}

fn shop() -> Root {
    let body = json!({
        "id": "/shop", "apps": [{"id": "web", "cmd": "x", "dependencies": ["/shop/db/main"]}],
        "groups": [{"id": "db", "apps": [{"id": "main", "cmd": "y", "instances": 3}], "dependencies": []}],
    });
    changed(&Root::new(at(0)), "/shop", body, 1).unwrap()
}

#[test]
fn groups_are_read_with_relative_ids_and_written_again() {
    let root = shop();
    let shown = root.render_group(&PathId::root(), Embed::ALL, &mut Ids).unwrap();
    let version = "1970-01-01T00:00:00.001Z";
    assert_eq!(
        shown,
        json!({"id": "/", "apps": [], "pods": [], "dependencies": [], "version": version, "groups": [
            {"id": "/shop", "apps": ["/shop/webx1"], "pods": [], "dependencies": [], "version": version, "groups": [
                {"id": "/shop/db", "apps": ["/shop/db/mainx3"], "pods": [], "groups": [], "dependencies": [],
                 "version": version}
            ]}
        ]})
    );
    let flat = Embed { groups: false, ..Embed::ALL };
    let shown = root.render_group(&PathId::parse("/shop").unwrap(), flat, &mut Ids).unwrap();
    assert_eq!((&shown["apps"], &shown["groups"]), (&json!(["/shop/webx1"]), &json!([])));
    assert!(root.render_group(&PathId::parse("/none").unwrap(), Embed::ALL, &mut Ids).is_none());
}

#[test]
fn lists_that_are_present_replace_and_absent_ones_keep() {
    let root = shop();
    assert_eq!(apps(&changed(&root, "/shop", json!({"dependencies": []}), 2).unwrap()), apps(&root));
    let two = json!({"apps": [{"id": "web", "cmd": "x"}, {"id": "api", "cmd": "z"}]});
    assert_eq!(apps(&changed(&root, "/shop", two, 2).unwrap()), ["/shop/apix1", "/shop/db/mainx3", "/shop/webx1"]);
    assert_eq!(apps(&changed(&root, "/shop", json!({"apps": []}), 2).unwrap()), ["/shop/db/mainx3"]);
    let error = changed(&root, "/shop", json!({"groups": []}), 2).unwrap_err();
    assert_eq!(error.to_string(), "/dependencies: /shop/web depends on /shop/db/main, which would no longer exist");
    assert_eq!(apps(&changed(&root, "/", json!({"groups": []}), 2).unwrap()), [""; 0]);
}

#[test]
fn the_same_body_again_changes_no_app() {
    let root = shop();
    let same = json!({"apps": [{"id": "web", "cmd": "x", "dependencies": ["/shop/db/main"]}]});
    let again = changed(&root, "/shop", same, 9).unwrap();
    assert_eq!(again.changed_apps(&root), []);
}

#[test]
fn pods_are_not_made_by_groups() {
    let error = changed(&shop(), "/shop", json!({"pods": [{"id": "p"}]}), 2).unwrap_err();
    assert!(error.to_string().starts_with("/pods(0): there is no pod /shop/p"), "{error}");
}

#[test]
fn scaling_multiplies_and_rounds_up() {
    let root = changed(&shop(), "/shop", json!({"scaleBy": 1.5}), 2).unwrap();
    assert_eq!(apps(&root), ["/shop/db/mainx5", "/shop/webx2"]);
}

#[test]
fn a_version_alone_goes_back() {
    let version = "2020-01-01T00:00:00.000Z";
    let id = PathId::parse("/shop").unwrap();
    let back = change(&json!({"version": version}), &PathId::root(), Some(&id), &shop(), at(2), &Support::default());
    assert_eq!(back.unwrap(), GroupChange::Back { id, version: version.parse().unwrap() });
    assert!(changed(&shop(), "/shop", json!({"version": version, "apps": []}), 2).is_ok());
}

#[test]
fn errors_say_where_in_the_tree_they_are() {
    let body = json!({"groups": [
        {"id": "a", "apps": [{"cmd": "x"}]},
        {"apps": [{"id": "b", "cpus": "1"}]},
        {"id": "c", "groups": [[]]},
    ]});
    let refusal = changed(&Root::new(at(0)), "/", body, 1).unwrap_err();
    let paths: Vec<&str> = refusal.details().iter().map(|detail| detail.path.as_str()).collect();
    assert_eq!(paths, ["/groups(0)/apps(0)/id", "/groups(1)/apps(0)/cpus", "/groups(1)/id", "/groups(2)/groups(0)"]);
    let body = json!({"groups": [{"id": "/elsewhere/a", "apps": []}, {"id": "b", "apps": [
        {"id": "/x", "cmd": "x"}, {"id": "y"}, {"id": "z", "cmd": "z"}, {"id": "z", "cmd": "z"}
    ]}]});
    let refusal = changed(&Root::new(at(0)), "/", body, 1).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "/groups(0)/id: identifier /elsewhere/a is not child of /. Hint: use relative paths.; \
         /groups(1)/apps(0)/id: identifier /x is not child of /b. Hint: use relative paths.; \
         /groups(1)/apps(1): AppDefinition must either contain one of 'cmd' or 'args', and/or a 'container'.; \
         /groups(1)/apps(3)/id: /b/z stands in this group twice"
    );
}

#[test]
fn service_ports_of_a_group_do_not_meet() {
    let app = |id: &str, ports: Value| json!({"id": id, "cmd": "x", "ports": ports});
    let body = json!({"apps": [app("a", json!([0, 0])), app("b", json!([10_000])), app("c", json!([0]))]});
    let root = changed(&Root::new(at(0)), "/g", body, 1).unwrap();
    let ports: Vec<Vec<u16>> = root.apps().map(|app| app.service_ports()).collect();
    assert_eq!(ports, [vec![10_001, 10_002], vec![10_000], vec![10_003]]);
}
