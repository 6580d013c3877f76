//! Instances that do not lead.

use super::*;
use coordination::{Leader, Sighting};
use proto_types::Epoch;
use tokio::{net::TcpListener, sync::watch};

/// A standby that believes that somebody leads there.
fn standby(leader: &str) -> World {
    let mut world = World::new();
    let leader = Leader { address: leader.to_owned(), epoch: Epoch(1) };
    let (sender, sightings) = watch::channel(Sighting { leader: Some(leader), trouble: None });
    // The last sighting stays readable.
    drop(sender);
    world.api.handle = Arc::new(Handle::new("h1:8080".into(), Some(sightings)));
    world
}

/// Serves a world on a free port.
async fn serve(world: &World) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let router = router(world.api.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

#[tokio::test]
async fn requests_are_passed_on_to_the_leader() {
    let leader = World::answering(deployed(Some(app("/new", &[]))));
    let standby = standby(&serve(&leader).await);
    let got = standby.post("/v2/apps?force=true", r#"{"id": "/new"}"#).await;
    assert_eq!((got.status.as_u16(), got.header("location")), (201, "/new"));
    assert_eq!((got.header("x-marathon-leader"), got.header("via")), ("http://h0:8080", "1.1 h1:8080"));
    let edit = marathon_lite_core::scheduler::Edit::CreateApp(json!({"id": "/new"}));
    assert_eq!(leader.commands(), [Command::Edit { edit, force: true, dry_run: false }]);
    let missing = standby.get("/v2/apps/none").await;
    assert_eq!((missing.status.as_u16(), missing.json()), (404, json!({"message": "App '/none' does not exist"})));
    let text = standby.send(Method::GET, "/v2/tasks", &[("accept", "text/plain")], "").await;
    assert!(text.text.starts_with("job\t"));
    assert_eq!(standby.get("/ping").await.header("via"), "", "it answers that itself");
}

#[tokio::test]
async fn streams_are_sent_to_the_leader() {
    let got =
        standby("h0:8080").send(Method::GET, "/v2/events?event_type=x", &[("accept", "text/event-stream")], "").await;
    assert_eq!((got.status.as_u16(), got.header("location")), (302, "http://h0:8080/v2/events?event_type=x"));
}

#[tokio::test]
async fn loops_and_dead_leaders_are_noticed() {
    let standby = standby("127.0.0.1:1");
    let looped = standby.send(Method::GET, "/v2/apps", &[("via", "1.1 h9:80, 1.1 h1:8080")], "").await;
    assert_eq!((looped.status.as_u16(), looped.json()), (502, json!({"message": "Detected proxying loop."})));
    let dead = standby.get("/v2/apps").await;
    assert_eq!(dead.status, 502);
    assert!(dead.json()["message"].as_str().unwrap().starts_with("Error while proxying request to 127.0.0.1:1"));
}
