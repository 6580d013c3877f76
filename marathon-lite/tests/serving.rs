//! A whole marathon-lite over HTTP, with a store and without a master.

use clap::Parser;
use futures::StreamExt;
use kit::shutdown::CancellationToken;
use marathon_lite::Options;
use serde_json::{Value, json};
use std::{net::SocketAddr, path::Path, time::Duration};
use tokio::{sync::oneshot, task::JoinHandle};

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    options: Options,
}

/// A running instance.
struct Instance {
    address: SocketAddr,
    stop: CancellationToken,
    running: JoinHandle<Result<(), marathon_lite::Error>>,
    client: reqwest::Client,
}

impl Instance {
    async fn start(directory: &Path) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let directory = directory.to_str().unwrap();
        // Nobody listens there: what is wanted is stored and deployed all the same.
        let arguments = ["x", "--listen", "127.0.0.1:0", "--dir", directory, "--master", "127.0.0.1:1"];
        let options = Arguments::parse_from(arguments).options;
        let stop = CancellationToken::new();
        let (ready, bound) = oneshot::channel();
        let stopped = stop.clone();
        let running = tokio::spawn(async move {
            let ready = |address| {
                let _ = ready.send(address);
            };
            Box::pin(marathon_lite::run(options, stopped, ready)).await
        });
        let address = bound.await.expect("it is ready");
        Self { address, stop, running, client: reqwest::Client::new() }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        let response = self.client.get(self.url(path)).send().await.unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap())
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let response = self.client.post(self.url(path)).body(body.to_string()).send().await.unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap())
    }

    async fn stop(self) {
        self.stop.cancel();
        self.running.await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_answered_is_there_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let instance = Instance::start(directory.path()).await;
    let (status, made) = instance.post("/v2/apps", &json!({"id": "/shop/web", "cmd": "sleep 1000"})).await;
    assert_eq!((status, &made["portDefinitions"][0]["port"]), (201, &json!(0)), "{made}");
    let (_, deployments) = instance.get("/v2/deployments").await;
    assert_eq!(deployments[0]["id"], made["deployments"][0]["id"], "it is visible at once");
    let (status, twice) = instance.post("/v2/apps", &json!({"id": "/shop/web", "cmd": "x"})).await;
    assert_eq!((status, twice), (409, json!({"message": "An app with id [/shop/web] already exists."})));
    let (_, before) = instance.get("/v2/apps/shop/web").await;
    assert_ne!(before["app"]["portDefinitions"][0]["port"], 0);
    instance.stop().await;
    let again = Instance::start(directory.path()).await;
    assert_eq!(again.get("/v2/apps/shop/web").await.1, before);
    assert_eq!(again.get("/v2/deployments").await.1, deployments);
    again.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_streamed_until_the_term_is_over() {
    let directory = tempfile::tempdir().unwrap();
    let instance = Instance::start(directory.path()).await;
    let request = instance.client.get(instance.url("/v2/events?event_type=api_post_event"));
    let mut stream = request.header("accept", "text/event-stream").send().await.unwrap().bytes_stream();
    let body = json!({"id": "/a", "cmd": "sleep 1"});
    assert_eq!(instance.post("/v2/apps", &body).await.0, 201);
    let frame = String::from_utf8(stream.next().await.unwrap().unwrap().to_vec()).unwrap();
    assert!(frame.contains("event: api_post_event\r\ndata: {\"appDefinition\":{"), "{frame}");
    let abdicated = instance.client.delete(instance.url("/v2/leader")).send().await.unwrap();
    assert_eq!(abdicated.status(), 200);
    assert!(stream.next().await.is_none());
    for _ in 0..100 {
        if instance.get("/v2/apps/a").await.0 == 200 {
            return instance.stop().await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it never led again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_bodies_of_nonsense_are_no_fault_of_the_server() {
    let directory = tempfile::tempdir().unwrap();
    let instance = Instance::start(directory.path()).await;
    let bodies =
        ["null", "[]", "{}", "1", "\"x\"", "[1]", "{\"id\":1}", "{\"id\":\"/a\"}", "{\"version\":\"x\"}", "", "{"];
    let paths = [
        "apps",
        "apps/a",
        "apps/a/restart",
        "groups",
        "groups/a",
        "pods",
        "pods/a",
        "tasks/delete",
        "deployments/x",
        "queue/a/delay",
        "eventSubscriptions",
        "apps/a/tasks",
        "apps/a/tasks/a.1",
        "pods/a::instances",
        "leader/x",
    ];
    for method in ["POST", "PUT", "PATCH", "DELETE", "GET"] {
        for path in paths {
            for body in bodies {
                let method = method.parse().unwrap();
                let request = instance.client.request(method, instance.url(&format!("/v2/{path}"))).body(body);
                let status = request.send().await.unwrap().status().as_u16();
                assert!(status < 500, "{path} {body}: {status}");
            }
        }
    }
    instance.stop().await;
}
