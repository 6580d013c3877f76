//! Plans carried out by a real HAProxy: it does what is planned, and what it says afterwards is what was wanted.

mod support;

use haproxy_gen_core::{
    apply::Plan,
    model::{Built, Options, build},
    render::Map,
};
use serde_json::{Value, json};
use support::haproxy::{Haproxy, free_port};

/// Three services with these tasks: (number, state).
fn apps(ports: [u16; 3], tasks: &[(u16, &str)], vhost: &str) -> Built {
    let app = |id: &str, port: u16, labels: Value| {
        let tasks: Vec<Value> = tasks
            .iter()
            .map(|(number, state)| {
                json!({"id": format!("{id}.{number}"), "host": format!("127.0.1.{number}"), "ports": [port],
                       "state": state, "healthCheckResults": [{"alive": true}]})
            })
            .collect();
        json!({"id": id, "labels": labels, "portDefinitions": [{"port": port}], "tasks": tasks,
               "healthChecks": [{"protocol": "HTTP", "path": "/", "portIndex": 0}]})
    };
    let list = json!({"apps": [
        app("/web", ports[0], json!({"HAPROXY_0_VHOST": vhost, "HAPROXY_0_BIND_ADDR": "127.0.0.1"})),
        app("/sticky", ports[1], json!({"HAPROXY_0_MODE": "http", "HAPROXY_0_STICKY": "true",
            "HAPROXY_0_BIND_ADDR": "127.0.0.1", "HAPROXY_0_BALANCE": "leastconn"})),
        app("/hashed", ports[2], json!({"HAPROXY_0_BIND_ADDR": "127.0.0.1", "HAPROXY_0_BALANCE": "source"})),
    ]});
    let known = support::known(list.to_string().as_bytes());
    build(known.apps(), &Options::default())
}

#[test]
fn a_real_haproxy_does_what_is_planned() {
    const RUNNING: &str = "TASK_RUNNING";
    let ports = [free_port(), free_port(), free_port()];
    let http = free_port();
    let one = apps(ports, &[(1, RUNNING)], "a.example.com");
    let Some(mut haproxy) = Haproxy::start(&one, http) else {
        return;
    };
    assert_eq!(haproxy.plan(&one, http, 0), Plan::Nothing, "the file and the model agree");

    let more = apps(ports, &[(1, "TASK_KILLING"), (2, RUNNING), (3, RUNNING)], "b.example.com");
    assert_eq!(haproxy.reach(&more, http), 1, "all of it in one exchange");

    // An operator's hand: another weight, a server taken out, a foreign one, a lost one, wrong maps.
    let (web, map) = (format!("web_{}", ports[0]), Map::Domains.path(&haproxy.place()));
    let server = format!("127_0_1_2_{}", ports[0]);
    for line in [
        format!("set server {web}/{server} weight 7"),
        format!("set server {web}/127_0_1_3_{} state maint", ports[0]),
        format!("set server {web}/{server} addr 127.0.1.9 port 9"),
        format!("add server {web}/foreign 127.0.0.1:9"),
        format!("set server {web}/127_0_1_1_{} state maint; del server {web}/127_0_1_1_{}", ports[0], ports[0]),
        format!("set map {map} b.example.com nowhere; add map {map} c.example.com {web}"),
    ] {
        haproxy.ask(&line);
    }
    haproxy.reach(&more, http);

    haproxy.reach(&one, http);
    let empty = apps(ports, &[], "b.example.com");
    haproxy.reach(&empty, http);
    assert!(haproxy.running().servers.is_empty());
    haproxy.reach(&more, http);

    let renamed = apps([ports[0], ports[1], http], &[], "b.example.com");
    assert!(matches!(haproxy.plan(&renamed, http, 0), Plan::Reload(_)));
}
