//! What becomes of apps.

use super::{Built, Options, ServerState, build, certificates_named, hosts_named};
use crate::{
    labels::Effect,
    source::{Known, read_apps},
};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn known(apps: &[Value]) -> Known {
    let mut known = Known::default();
    known.merge(read_apps(json!({"apps": apps}).to_string().as_bytes()).expect("apps"));
    known
}

fn built(apps: &[Value], options: &Options) -> Built {
    build(known(apps).apps(), options)
}

fn app(id: &str, ports: &[u16], labels: Value) -> Value {
    let definitions: Vec<Value> = ports.iter().map(|port| json!({"port": port})).collect();
    let numbers: Vec<u16> = (0_u16..).zip(ports).map(|(index, _)| 31000 + index).collect();
    json!({"id": id, "labels": labels, "portDefinitions": definitions, "instances": 1,
           "tasks": [{"id": format!("{id}.1"), "host": "10.0.0.1", "ports": numbers, "state": "TASK_RUNNING"}]})
}

fn names(built: &Built) -> Vec<&str> {
    built.model.services.keys().map(String::as_str).collect()
}

#[test]
fn groups_choose_ports() {
    let apps = [
        app("/in", &[1, 2], json!({"HAPROXY_GROUP": "a,b", "HAPROXY_1_GROUP": "c"})),
        app("/out", &[3, 4], json!({"HAPROXY_1_GROUP": "b", "HAPROXY_1_ENABLED": "true"})),
        app("/off", &[5], json!({"HAPROXY_GROUP": "b", "HAPROXY_0_ENABLED": "false"})),
    ];
    let with = |groups: &[&str], strict| {
        let groups = groups.iter().map(ToString::to_string).collect();
        let built = built(&apps, &Options { groups, strict, ..Options::default() });
        names(&built).join(" ")
    };
    assert_eq!(with(&["b"], false), "in_1 out_4");
    assert_eq!(with(&["c"], false), "in_2");
    assert_eq!(with(&["*"], false), "in_1 in_2 out_3 out_4");
    assert_eq!(with(&["*"], true), "out_4");
    assert_eq!(with(&[], false), "");
}

#[test]
fn of_two_that_want_one_port_the_first_by_id_has_it() {
    let built = built(&[app("/b", &[100], json!({})), app("/a", &[100], json!({}))], &Options::default());
    assert_eq!(names(&built), ["a_100"]);
    let report = &built.reports[0];
    assert_eq!((report.app.as_str(), report.port, report.effect), ("/b", Some(0), Effect::PortLeftOut));
    assert!(report.to_string().contains("port 100 already belongs to /a"));
}

#[test]
fn addresses_divide_a_port_between_two() {
    let at = |address: &str| json!({"HAPROXY_0_BIND_ADDR": address});
    let both = |one, other| {
        names(&built(&[app("/a", &[100], at(one)), app("/b", &[100], at(other))], &Options::default())).len()
    };
    assert_eq!((both("10.0.0.1", "10.0.0.2"), both("10.0.0.1", "10.0.0.1"), both("10.0.0.1", "*")), (2, 1, 1));
}

#[test]
fn services_without_a_port_get_one_and_keep_it() {
    let nameless = |id: &str| json!({"id": id, "networks": [{"mode": "container"}], "container": {"portMappings": [{"containerPort": 80}]}});
    let first = built(&[nameless("/a"), nameless("/b")], &Options::default());
    let ports: Vec<u16> = first.model.services.values().map(|service| service.port).collect();
    assert!(ports[0] != ports[1] && ports.iter().all(|port| (10_050..=10_999).contains(port)));
    // With a range of one port, the one that had it keeps it.
    let narrow = |assigned| Options { service_ports: 10_050..=10_050, assigned, ..Options::default() };
    let before = built(&[nameless("/b")], &narrow(BTreeMap::new())).model.assigned;
    let after = built(&[nameless("/a"), nameless("/b")], &narrow(before));
    assert_eq!(names(&after), ["b_10050"]);
    assert!(after.reports[0].why.contains("all from 10050 to 10050 are taken"));
    // A port that an app names is not given away.
    let named = built(&[nameless("/a"), app("/z", &[10_050], json!({}))], &narrow(BTreeMap::new()));
    assert_eq!(names(&named), ["z_10050"]);
}

#[test]
fn a_higher_weight_goes_before_a_longer_path() {
    let with = |weight: &str| {
        let vhost = "x.example.com";
        let apps = [
            app("/root", &[1], json!({"HAPROXY_0_VHOST": vhost, "HAPROXY_0_BACKEND_WEIGHT": weight})),
            app("/path", &[2], json!({"HAPROXY_0_VHOST": vhost, "HAPROXY_0_PATH": "/p"})),
        ];
        let built = built(&apps, &Options::default());
        (built.model.routes.paths.len(), built.reports.len())
    };
    assert_eq!((with("0"), with("1"), with("2")), ((1, 0), (1, 0), (0, 1)));
}

#[test]
fn only_healthy_tasks_get_traffic_where_health_is_known() {
    let mut checked = app("/a", &[1], json!({}));
    checked["healthChecks"] = json!([{"protocol": "TCP"}]);
    let servers = |app: &Value, healthy_only| {
        built(std::slice::from_ref(app), &Options { healthy_only, ..Options::default() }).model.services["a_1"]
            .servers
            .len()
    };
    assert_eq!((servers(&checked, true), servers(&checked, false)), (0, 1));
    checked["tasks"][0]["healthCheckResults"] = json!([{"alive": false}, {"alive": true}]);
    assert_eq!(servers(&checked, true), 1);
    checked["tasks"][0]["healthCheckResults"] = json!([{"alive": false}]);
    assert_eq!(servers(&checked, true), 0);
}

#[test]
fn hosts_and_certificates_are_asked_for_first() {
    let mut named = app("/a", &[1], json!({"HAPROXY_0_SSL_CERT": "/etc/ssl/a.pem", "HAPROXY_0_VHOST": "a"}));
    named["tasks"][0]["host"] = json!("agent1");
    let known = known(&[named]);
    assert_eq!(hosts_named(known.apps()).into_iter().collect::<Vec<_>>(), ["agent1"]);
    let certificates = certificates_named(known.apps(), &Options::default());
    assert_eq!(certificates.iter().map(ToString::to_string).collect::<Vec<_>>(), ["/etc/ssl/a.pem"]);
    let without = build(known.apps(), &Options::default());
    assert_eq!((without.model.services["a_1"].servers.len(), without.reports[0].effect), (0, Effect::TaskLeftOut));
    let hosts = BTreeMap::from([("agent1".to_owned(), [10, 0, 0, 7].into())]);
    let with = build(known.apps(), &Options { hosts, ..Options::default() });
    assert_eq!(with.model.services["a_1"].servers.keys().collect::<Vec<_>>(), ["agent1_10_0_0_7_31000"]);
}

/// A blue and a green app of one deployment group, and how many of the blue servers are retired.
fn retired(blue: usize, green: usize, target: usize) -> (usize, usize) {
    let colour = |colour: &str, number: usize, port: u16| {
        let tasks: Vec<Value> = (0..number)
            .map(|task| json!({"id": format!("{colour}.{task:02}"), "host": "10.0.0.1", "ports": [port + u16::try_from(task).expect("few")], "state": "TASK_RUNNING"}))
            .collect();
        json!({"id": format!("/web-{colour}"), "instances": number, "tasks": tasks, "portDefinitions": [{"port": port}],
               "labels": {"HAPROXY_0_PORT": "10000", "HAPROXY_DEPLOYMENT_GROUP": "web", "HAPROXY_0_MODE": "http",
                          "HAPROXY_DEPLOYMENT_TARGET_INSTANCES": target.to_string(),
                          "HAPROXY_DEPLOYMENT_STARTED_AT": if colour == "blue" { "2026-01-01T00:00:00" } else { "2026-01-02T00:00:00" }}})
    };
    let built = built(&[colour("blue", blue, 20_000), colour("green", green, 21_000)], &Options::default());
    assert_eq!(names(&built), ["web_10000"]);
    let servers = &built.model.services["web_10000"].servers;
    let retired: Vec<&str> = servers
        .values()
        .filter(|server| server.state == ServerState::Maintenance)
        .map(|server| server.task.0.as_str())
        .collect();
    assert!(retired.iter().enumerate().all(|(number, task)| *task == format!("blue.{number:02}")), "the first by id");
    (servers.len(), retired.len())
}

#[test]
fn a_deployment_group_retires_what_healthy_new_tasks_replace() {
    assert_eq!(retired(3, 0, 3), (3, 0));
    assert_eq!(retired(3, 1, 3), (4, 1));
    assert_eq!(retired(3, 3, 3), (6, 3));
    assert_eq!(retired(3, 2, 4), (5, 1));
    assert_eq!(retired(3, 1, 9), (4, 0));
    assert_eq!(retired(1, 5, 3), (6, 1));
}

#[test]
fn a_port_belongs_to_the_deployment_that_went_before() {
    let of = |id: &str, port: u16, started: &str| {
        app(id, &[port], json!({"HAPROXY_DEPLOYMENT_GROUP": "web", "HAPROXY_DEPLOYMENT_STARTED_AT": started}))
    };
    let pair = [of("/b", 100, "2026-01-01T00:00"), of("/a", 101, "2026-01-02T00:00")];
    let built = built(&pair, &Options::default());
    assert_eq!(names(&built), ["web_100"]);
    assert_eq!(built.model.services["web_100"].app.as_str(), "/a");
}

proptest! {
    #[test]
    fn the_order_of_an_answer_means_nothing(
        apps in prop::collection::btree_map("[a-d]", (100_u16..104, prop::option::of("[xy]\\.org"), -2..3_i32), 0..5)
            .prop_map(|apps| apps.into_iter().collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let value = |(id, (port, host, weight)): &(String, (u16, Option<String>, i32))| {
            let weight = weight.to_string();
            let labels = match host {
                Some(host) => json!({"HAPROXY_0_VHOST": host, "HAPROXY_0_BACKEND_WEIGHT": weight}),
                None => json!({}),
            };
            app(&format!("/{id}"), &[*port], labels)
        };
        let list: Vec<Value> = apps.iter().map(value).collect();
        let mut sorted = apps.clone();
        sorted.sort();
        let sorted: Vec<Value> = sorted.iter().map(value).collect();
        let one = built(&list, &Options::default());
        prop_assert_eq!(&one, &built(&sorted, &Options::default()));
        // Each port and each route is lost by all who want it but one, and each loss is reported.
        let ports: std::collections::BTreeSet<u16> = apps.iter().map(|(_, (port, ..))| *port).collect();
        prop_assert_eq!(one.model.services.len(), ports.len());
        let hosts: std::collections::BTreeSet<_> = one.model.services.values().flat_map(|service| &service.vhosts).collect();
        prop_assert_eq!(one.model.routes.domains.len(), hosts.len());
        let routed = one.model.services.values().filter(|service| !service.vhosts.is_empty()).count();
        prop_assert_eq!(one.reports.len(), apps.len() - ports.len() + routed - hosts.len());
    }
}
