//! How long it takes from the answer of an API with 1,000 apps and 5,000 tasks to a configuration and to a plan, step by
//! step: `cargo run --release -p haproxy-gen-core --example thousand_apps`.

use haproxy_gen_core::{
    apply::{Applied, Drains, Policy, Running, plan},
    dns::{DnsOptions, Zone},
    model::{Options, build},
    render::{Params, Renderer},
    source::{Known, read_apps},
};
use proto_types::time::Monotonic;
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn app(number: usize) -> Value {
    let id = format!("/group{}/app{number}", number % 10);
    let tasks: Vec<Value> = (0..5)
        .map(|task| {
            let host = format!("10.{}.{}.{}", number / 250, number % 250, task + 1);
            json!({"id": format!("group_app{number}.{task}"), "appId": id, "host": host, "slaveId": "20260101-S1",
                   "ports": [31000 + task, 31100 + task], "servicePorts": [], "state": "TASK_RUNNING",
                   "ipAddresses": [{"ipAddress": host, "protocol": "IPv4"}], "startedAt": "2026-01-01T00:00:00.000Z",
                   "stagedAt": "2026-01-01T00:00:00.000Z", "version": "2026-01-01T00:00:00.000Z",
                   "healthCheckResults": [{"alive": true, "consecutiveFailures": 0, "instanceId": "x"}]})
        })
        .collect();
    json!({"id": id, "instances": 5, "tasks": tasks, "networks": [{"mode": "host"}],
           "labels": {"HAPROXY_GROUP": "external", "HAPROXY_0_VHOST": format!("app{number}.example.com"),
                      "HAPROXY_0_STICKY": "true", "HAPROXY_0_REDIRECT_TO_HTTPS": "true"},
           "portDefinitions": [{"port": 10_000 + number, "name": "http", "protocol": "tcp"}],
           "healthChecks": [{"protocol": "HTTP", "path": "/health", "portIndex": 0, "intervalSeconds": 10}]})
}

#[expect(clippy::disallowed_types, reason = "it measures")]
fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let start = std::time::Instant::now();
    let result = work();
    println!("{what:<28} {:>9.3} ms", start.elapsed().as_secs_f64() * 1e3);
    result
}

fn main() {
    let text = json!({"apps": (0..1_000).map(app).collect::<Vec<_>>()}).to_string();
    println!("{} bytes of JSON", text.len());
    timed("all of it", || {
        let mut known = Known::default();
        let reading = timed("read", || read_apps(text.as_bytes()).expect("apps"));
        timed("merge", || known.merge(reading));
        timed("digest", || known.digest());
        let built = timed("model", || build(known.apps(), &Options::default()));
        assert_eq!((built.model.services.len(), built.reports.len()), (1_000, 0));
        let renderer = Renderer::new(BTreeMap::new()).expect("templates");
        let params = Params::default();
        let rendered = timed("render", || renderer.render(&built.model, &params).expect("a configuration"));
        println!("{} bytes of configuration", rendered.config.len());
        let running = Running { backends: built.model.services.keys().cloned().collect(), ..Running::default() };
        let applied = Applied { topology: Some(&rendered.topology), directory: &params.directory };
        timed("plan (5,000 servers to add)", || {
            let now = Monotonic::default();
            plan(&running, &built.model, &rendered, applied, &mut Drains::default(), now, Policy::default())
        });
        let mut zone = Zone::new(DnsOptions::new("proffer", "marathon").expect("names"));
        timed("names", || known.apps().values().for_each(|app| drop(zone.update_app(app))));
    });
}
