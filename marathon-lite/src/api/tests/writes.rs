//! What is changed.

use super::*;
use marathon_lite_core::{json::Refusal, scheduler::Edit};

#[tokio::test]
async fn a_new_app_is_answered_as_it_was_sent() {
    let world = World::answering(deployed(Some(app("/new", &[0]))));
    let got = world.post("/v2/apps/?force=True", r#"{"id": "/new", "cmd": "x"}"#).await;
    assert_eq!(got.status, 201);
    assert_eq!((got.header("location"), got.header("marathon-deployment-id")), ("/new", "d-2"));
    let body = got.json();
    assert_eq!(
        (&body["id"], &body["deployments"], &body["tasksRunning"]),
        (&json!("/new"), &json!([{"id": "d-2"}]), &json!(0))
    );
    assert_eq!(body["portDefinitions"][0]["port"], 0);
    let edit = Edit::CreateApp(json!({"id": "/new", "cmd": "x"}));
    assert_eq!(world.commands(), [Command::Edit { edit, force: true, dry_run: false }]);
}

#[tokio::test]
async fn apps_are_changed_and_removed() {
    let world = World::answering(deployed(None));
    let result = json!({"version": "1970-01-01T00:00:03.000Z", "deploymentId": "d-2"});
    for (method, uri) in [
        (Method::PUT, "/v2/apps//shop/web"),
        (Method::PATCH, "/v2/apps/shop/web"),
        (Method::PUT, "/v2/apps?partialUpdate=false"),
        (Method::PATCH, "/v2/apps"),
        (Method::POST, "/v2/apps/shop/web/restart"),
        (Method::DELETE, "/v2/apps/shop/web"),
        (Method::DELETE, "/v2/apps/shop/web?force=false"),
    ] {
        let got = world.send(method, uri, &[], "{}").await;
        assert_eq!(
            (got.status.as_u16(), got.json(), got.header("marathon-deployment-id")),
            (200, result.clone(), "d-2")
        );
    }
    let edit = |edit, force| Command::Edit { edit, force, dry_run: false };
    let (id, body) = (path("/shop/web"), json!({}));
    let update = |create| Edit::UpdateApp { id: id.clone(), body: body.clone(), partial: true, create };
    let updates = |partial, create| Edit::UpdateApps { body: body.clone(), partial, create };
    let expected = [
        edit(update(true), false),
        edit(update(false), false),
        edit(updates(false, true), false),
        edit(updates(true, false), false),
        edit(Edit::RestartApp(id.clone()), false),
        edit(Edit::DeleteApp(id.clone()), true),
        edit(Edit::DeleteApp(id.clone()), false),
    ];
    assert_eq!(world.commands(), expected);
    let created = World::answering(deployed(Some(app("/new", &[]))));
    let got = created.send(Method::PUT, "/v2/apps/new", &[], "{}").await;
    assert_eq!((got.status.as_u16(), got.header("location"), got.json()), (201, "/new", result));
}

#[tokio::test]
async fn refusals_are_marathons() {
    for (refused, status, message) in [
        (Refused::Locked(vec![DeploymentId("d-1".into())]), 409, "App is locked by one or more deployments."),
        (Refused::Conflict("An app with id [/x] already exists.".into()), 409, "An app with id [/x]"),
        (Refused::Request(Refusal::invalid("/cpus", "must be more")), 422, "Object is not valid"),
        (Refused::TooManyDeployments, 403, "Max number"),
        (Refused::NotFound("App '/x' does not exist".into()), 404, "App '/x' does not exist"),
    ] {
        let got = World::answering(Err(refused)).post("/v2/apps", "{}").await;
        assert_eq!(got.status, status);
        assert!(got.json()["message"].as_str().unwrap().starts_with(message), "{}", got.text);
    }
    let silent = World::new();
    assert_eq!(silent.post("/v2/apps", "{}").await.status, 503, "a store that is gone");
    let broken = silent.post("/v2/apps", "{\"id\":").await;
    assert_eq!((broken.status.as_u16(), &broken.json()["message"]), (400, &json!("Invalid JSON")));
    assert!(broken.json()["details"].is_string());
}

#[tokio::test]
async fn instances_are_killed() {
    let killed = vec![Arc::new(instance("/shop/web", 1, TaskState::Running))];
    let world = World::answering(Ok(Answer::Killed(killed)));
    let id = task("/shop/web", 1);
    let got = world.send(Method::DELETE, &format!("/v2/apps/shop/web/tasks/{id}?wipe=true"), &[], "").await;
    assert_eq!((got.status.as_u16(), &got.json()["task"]["id"]), (200, &json!(id.as_str())));
    let got = world.send(Method::DELETE, "/v2/apps/shop/web/tasks?host=h1&force=true", &[], "").await;
    assert_eq!(got.json()["tasks"][0]["id"], id.as_str());
    let body = json!({"ids": [id.as_str(), task("/none", 1).as_str()]}).to_string();
    let got = world.post("/v2/tasks/delete/", &body).await;
    assert_eq!(got.json()["tasks"][0]["servicePorts"], json!([10_001, 0]));
    let kill = |wipe, force| Command::KillInstances { instances: vec![id.clone()], scale: false, wipe, force };
    assert_eq!(world.commands(), [kill(true, false), kill(false, true), kill(false, false)]);
    let none = world.send(Method::DELETE, "/v2/apps/shop/web/tasks?host=other", &[], "").await;
    assert_eq!((none.status.as_u16(), none.json()), (200, json!({"tasks": []})));
    let both = world.send(Method::DELETE, "/v2/apps/shop/web/tasks?scale=true&wipe=true", &[], "").await;
    assert_eq!(
        (both.status.as_u16(), both.json()),
        (400, json!({"message": "You cannot use scale and wipe at the same time."}))
    );
    let unknown =
        world.send(Method::DELETE, &format!("/v2/apps/shop/web/tasks/{}", task("/shop/web", 8)), &[], "").await;
    assert_eq!(unknown.status, 404);
    assert_eq!(world.post("/v2/tasks/delete", r#"{"ids": ["nodot"]}"#).await.status, 400);
    let scaled = World::answering(deployed(None));
    let got = scaled.send(Method::DELETE, "/v2/apps/shop/web/tasks?scale=true", &[], "").await;
    assert_eq!(got.json()["deploymentId"], "d-2");
}

#[tokio::test]
async fn deployments_are_ended() {
    let world = World::answering(deployed(None));
    let got = world.send(Method::DELETE, "/v2/deployments/d-1", &[], "").await;
    assert_eq!((got.status.as_u16(), &got.json()["deploymentId"]), (200, &json!("d-2")));
    let forced = World::answering(Ok(Answer::Done));
    let got = forced.send(Method::DELETE, "/v2/deployments/d-1?force=true", &[], "").await;
    assert_eq!((got.status.as_u16(), got.text.as_str()), (202, ""));
    let id = || DeploymentId("d-1".into());
    assert_eq!(world.commands(), [Command::EndDeployment { id: id(), revert: true }]);
    assert_eq!(forced.commands(), [Command::EndDeployment { id: id(), revert: false }]);
}

#[tokio::test]
async fn groups_are_changed() {
    let world = World::answering(deployed(None));
    let got = world.post("/v2/groups/shop", r#"{"id": "eu"}"#).await;
    assert_eq!(
        (got.status.as_u16(), got.header("location"), got.header("marathon-deployment-id")),
        (201, "/shop/eu", "d-2")
    );
    assert_eq!(world.send(Method::PUT, "/v2/groups", &[], "{}").await.status, 200);
    assert_eq!(world.send(Method::DELETE, "/v2/groups/?force=true", &[], "").await.status, 200);
    let edit = |edit, force| Command::Edit { edit, force, dry_run: false };
    let expected = [
        edit(Edit::CreateGroup { id: path("/shop"), body: json!({"id": "eu"}) }, false),
        edit(Edit::UpdateGroup { id: PathId::root(), body: json!({}) }, false),
        edit(Edit::DeleteGroup(PathId::root()), true),
    ];
    assert_eq!(world.commands(), expected);
    let action = Action { kind: ActionKind::ScaleApplication, id: path("/shop/web"), pod: false };
    let planned = World::answering(Ok(Answer::Planned(vec![Step { actions: vec![action] }])));
    let got = planned.send(Method::PUT, "/v2/groups/shop?dryRun=true", &[], r#"{"scaleBy": 2}"#).await.json();
    assert_eq!(got, json!({"steps": [{"actions": [{"action": "ScaleApplication", "app": "/shop/web"}]}]}));
    let patch = |body: &'static str| world.send(Method::PATCH, "/v2/groups/shop", &[], body);
    assert_eq!(patch(r#"{"enforceRole": true}"#).await.status, 422);
    assert_eq!(patch(r#"{"enforceRole": false}"#).await.status, 200);
    assert_eq!(patch(r#"{"apps": []}"#).await.status, 422);
}

#[tokio::test]
async fn pods_are_made_and_removed() {
    let world = World::answering(deployed(None));
    let got = world.post("/v2/pods", &pod().to_string()).await;
    assert_eq!(
        (got.status.as_u16(), got.header("location"), got.header("marathon-deployment-id")),
        (201, "/v2/pods/shop/cache", "d-2")
    );
    assert_eq!(got.json()["id"], "/shop/cache");
    assert_eq!(world.send(Method::PUT, "/v2/pods/shop/cache", &[], &pod().to_string()).await.status, 200);
    let got = world.send(Method::DELETE, "/v2/pods/shop/cache", &[], "").await;
    assert_eq!((got.status.as_u16(), got.header("location")), (202, "d-2"));
    let killed = World::answering(Ok(Answer::Killed(vec![Arc::new(instance("/shop/cache", 5, TaskState::Running))])));
    let id = task("/shop/cache", 5);
    let got = killed.send(Method::DELETE, &format!("/v2/pods/shop/cache::instances/{id}"), &[], "").await;
    assert_eq!((got.status.as_u16(), &got.json()["id"]), (200, &json!(id.as_str())));
    let got =
        killed.send(Method::DELETE, "/v2/pods/shop/cache::instances", &[], &json!([id.as_str()]).to_string()).await;
    assert_eq!(got.json().as_array().unwrap().len(), 1);
    assert_eq!(killed.send(Method::DELETE, "/v2/pods/shop/cache::instances/x.1", &[], "").await.status, 404);
}

#[tokio::test]
async fn callbacks_come_and_go() {
    let world = World::new();
    let uri = "/v2/eventSubscriptions?callbackUrl=http://127.0.0.1:9/x";
    let got = world.post(uri, "").await.json();
    assert_eq!((&got["eventType"], &got["callbackUrl"]), (&json!("subscribe_event"), &json!("http://127.0.0.1:9/x")));
    assert_eq!(world.get("/v2/eventSubscriptions").await.json(), json!({"callbackUrls": ["http://127.0.0.1:9/x"]}));
    let got = world.send(Method::DELETE, uri, &[], "").await.json();
    assert_eq!(got["eventType"], "unsubscribe_event");
    assert_eq!(world.get("/v2/eventSubscriptions").await.json(), json!({"callbackUrls": []}));
    assert_eq!(world.post("/v2/eventSubscriptions?callbackUrl=ftp://x", "").await.status, 400);
    assert_eq!(world.post("/v2/eventSubscriptions", "").await.status, 400);
    let mut off = World::new();
    Arc::make_mut(&mut off.api.shown).callbacks = false;
    let got = off.get("/v2/eventSubscriptions").await;
    assert_eq!(got.status, 400);
    assert!(got.json()["message"].as_str().unwrap().starts_with("http event callback system is not running"));
}

#[tokio::test]
async fn the_leader_abdicates() {
    let world = World::new();
    assert_eq!(world.send(Method::DELETE, "/v2/leader?backup=file:///x", &[], "").await.status, 400);
    assert!(!world.term.abdicated().is_cancelled());
    let got = world.send(Method::DELETE, "/v2/leader", &[], "").await;
    assert_eq!((got.status.as_u16(), got.json()), (200, json!({"message": "Leadership abdicated"})));
    assert!(world.term.abdicated().is_cancelled());
}

#[tokio::test]
async fn delays_are_reset() {
    let world = World::answering(Ok(Answer::Done));
    let got = world.send(Method::DELETE, "/v2/queue//shop/web/delay", &[], "").await;
    assert_eq!(
        (got.status.as_u16(), got.json()),
        (404, json!({"message": "Application /shop/web not found in tasks queue."}))
    );
}
