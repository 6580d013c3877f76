//! What holds for every answer, standbys, and the event stream.

use super::*;
use futures::StreamExt;
use marathon_lite_core::events::Event;
use serde_json::Map;

#[tokio::test]
async fn every_answer_has_marathons_headers() {
    let world = World::new();
    for uri in ["/v2/apps", "/v2/none", "/ping", "/v2/apps/none"] {
        let got = world.get(uri).await;
        assert_eq!(got.header("cache-control"), "no-cache, no-store, must-revalidate", "{uri}");
        assert_eq!((got.header("pragma"), got.header("expires")), ("no-cache", "0"));
        assert_eq!((got.header("x-frame-options"), got.header("x-xss-protection")), ("DENY", "1; mode=block"));
        assert_eq!(got.header("x-marathon-leader"), "http://h0:8080");
        assert!(got.headers.get("etag").is_none());
    }
    let crossing = world.send(Method::GET, "/v2/apps", &[("origin", "http://ui")], "").await;
    assert_eq!(crossing.header("access-control-allow-origin"), "http://ui");
    let stranger = world.send(Method::GET, "/v2/apps", &[("origin", "http://other")], "").await;
    assert_eq!(stranger.header("access-control-allow-origin"), "");
    assert_eq!(world.send(Method::OPTIONS, "/v2/apps", &[], "").await.status, 200);
}

#[tokio::test]
async fn what_is_not_there_is_said() {
    let world = World::new();
    for uri in ["/v2", "/v2/none", "/nothing", "/v2/info/x", "/v2/artifacts", "/v2/deployments/a/b", "/v2/tasks/x"] {
        let got = world.get(uri).await;
        assert_eq!((got.status.as_u16(), got.json()), (404, json!({"message": "URI not found"})), "{uri}");
    }
    for (method, uri) in [
        (Method::DELETE, "/v2/apps"),
        (Method::POST, "/v2/apps/shop/web"),
        (Method::GET, "/v2/tasks/delete"),
        (Method::GET, "/v2/deployments/d-1"),
        (Method::POST, "/v2/info"),
        (Method::PUT, "/v2/leader"),
        (Method::GET, "/v2/queue/a/delay"),
        (Method::POST, "/v2/events"),
        (Method::POST, "/ping"),
        (Method::PUT, "/v2/groups/versions/1970-01-01T00:00:02.000Z"),
        (Method::PATCH, "/v2/pods"),
    ] {
        let got = world.send(method, uri, &[], "").await;
        assert_eq!(got.status, 405, "{uri}");
        assert!(!got.header("allow").is_empty());
    }
}

#[tokio::test]
async fn bodies_have_bounds() {
    let world = World::new();
    assert_eq!(world.post("/v2/apps", &"x".repeat(10_001)).await.status, 413);
    let deep = world.post("/v2/apps", &"[".repeat(9_000)).await;
    assert_eq!((deep.status.as_u16(), &deep.json()["message"]), (400, &json!("Invalid JSON")));
    let binary = world.send(Method::GET, "/v2/apps/%ff%00", &[], "").await;
    assert_eq!(binary.status, 422);
}

#[tokio::test]
async fn nobody_leads() {
    let world = World::new();
    world.api.handle.step_down();
    let got = world.get("/v2/apps").await;
    assert_eq!((got.status.as_u16(), got.json()), (502, json!({"message": "Could not determine the current leader"})));
    assert_eq!(got.header("x-marathon-leader"), "");
    assert_eq!(world.get("/ping").await.status, 200, "it is alive");
}

#[tokio::test]
async fn streams_are_asked_for_by_name() {
    let world = World::new();
    for accept in [vec![], vec![("accept", "application/json")], vec![("accept", "*/*")]] {
        assert_eq!(world.send(Method::GET, "/v2/events", &accept, "").await.status, 405);
    }
}

/// A stream of events, as text.
async fn stream(world: &World, uri: &str, last: Option<&str>) -> (HeaderMap, impl StreamExt<Item = String> + Unpin) {
    let mut request = Request::builder().uri(uri).header("accept", "text/event-stream");
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    let response = router(world.api.clone()).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
    let (parts, body) = response.into_parts();
    let pieces = body.into_data_stream().map(|piece| String::from_utf8(piece.unwrap().to_vec()).unwrap());
    (parts.headers, Box::pin(pieces))
}

fn publish(world: &World, kind: &'static str) {
    world.term.events().publish(&Event { kind, timestamp: at(5), fields: Map::new() });
}

#[tokio::test]
async fn streams_tell_events_in_frames() {
    let world = World::new();
    let (headers, mut events) = stream(&world, "/v2/events", None).await;
    assert_eq!(
        (headers["content-type"].as_bytes(), headers["connection"].as_bytes()),
        (&b"text/event-stream"[..], &b"close"[..])
    );
    let attached = events.next().await.unwrap();
    assert!(attached.starts_with("id: 3-1\r\nevent: event_stream_attached\r\ndata: {\"eventType\":"), "{attached}");
    publish(&world, "deployment_success");
    let expected = "id: 3-2\r\nevent: deployment_success\r\n\
                    data: {\"eventType\":\"deployment_success\",\"timestamp\":\"1970-01-01T00:00:00.005Z\"}\r\n\r\n";
    assert_eq!(events.next().await.unwrap(), expected);
    world.api.handle.step_down();
    assert_eq!(events.next().await, None, "the term is over");
}

#[tokio::test]
async fn streams_are_filtered_and_resumed() {
    let world = World::new();
    for kind in ["status_update_event", "app_terminated_event", "status_update_event"] {
        publish(&world, kind);
    }
    let uri = "/v2/events?event_type=status_update_event&event_type=api_post_event";
    let (_, mut events) = stream(&world, uri, Some("3-1")).await;
    let frame = events.next().await.unwrap();
    assert!(frame.starts_with("id: 3-3\r\nevent: status_update_event"), "{frame}");
    assert!(!frame.contains("attached"));
    let (_, mut events) = stream(&world, uri, Some("2-1")).await;
    assert!(events.next().await.unwrap().starts_with("event: events_lost"), "it asked for what it missed");
}

#[tokio::test]
async fn streams_end_for_the_slow() {
    let world = World::new();
    let (_, mut events) = stream(&world, "/v2/events?event_type=x", None).await;
    for _ in 0..200 {
        publish(&world, "status_update_event");
    }
    assert!(events.next().await.unwrap().starts_with(": too slow"));
    assert_eq!(events.next().await, None);
}
