//! Names of what runs.

use super::{Agent, Answer, DnsOptions, Kind, Master, Name, Record, Zone};
use crate::source::{AppId, Known, read_apps};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn name(text: &str) -> Name {
    Name::new(text).expect("a name")
}

fn zone() -> Zone {
    let mut zone = Zone::new(DnsOptions::new("proffer", "marathon").expect("names"));
    let agent = |number: u8| Agent {
        id: format!("x-S{number}"),
        host: format!("agent{number}.lan"),
        address: [10, 0, 0, number].into(),
        port: 5051,
    };
    zone.set_agents(&[agent(1), agent(2)]);
    zone
}

fn known(apps: &[Value]) -> Known {
    let mut known = Known::default();
    known.merge(read_apps(json!({"apps": apps}).to_string().as_bytes()).expect("apps"));
    known
}

fn update(zone: &mut Zone, app: Value) {
    for app in known(&[app]).apps().values() {
        assert_eq!(zone.update_app(app), []);
    }
}

fn task(id: &str, host: &str, port: u16) -> Value {
    json!({"id": id, "host": host, "slaveId": "20260101-S7", "ports": [port, port + 1], "state": "TASK_RUNNING"})
}

fn web(tasks: &[Value]) -> Value {
    json!({"id": "/shop/web", "tasks": tasks, "portDefinitions":
        [{"port": 10000, "name": "http"}, {"port": 10001, "name": "stats", "protocol": "udp"}]})
}

/// Records as text, sorted.
fn ask(zone: &Zone, text: &str, kind: Kind) -> Vec<String> {
    match zone.lookup(&name(text), kind) {
        Answer::Records(records) => records
            .iter()
            .map(|record| match record {
                Record::A(address) => address.to_string(),
                Record::Aaaa(address) => address.to_string(),
                Record::Srv { port, target } => format!("{port} {target}"),
            })
            .collect(),
        other => vec![format!("{other:?}")],
    }
}

#[test]
fn apps_have_addresses_and_ports() {
    let mut zone = zone();
    update(&mut zone, web(&[task("web.1", "10.0.0.1", 31000), task("web.2", "agent2.lan", 31000)]));
    assert_eq!(ask(&zone, "web.shop.marathon.proffer", Kind::A), ["10.0.0.1", "10.0.0.2"]);
    assert_eq!(ask(&zone, "WEB.Shop.marathon.slave.proffer.", Kind::A), ["10.0.0.1", "10.0.0.2"]);
    assert_eq!(ask(&zone, "web.shop.marathon.proffer", Kind::Aaaa), ["NoData"]);
    let ports = ask(&zone, "_web.shop._tcp.marathon.proffer", Kind::Srv);
    assert!(ports.len() == 2 && ports.iter().all(|port| port.starts_with("31000 web.shop-") && port.contains("-s7.")));
    assert_eq!(ask(&zone, "_http._web.shop._tcp.marathon.proffer", Kind::Srv), ports);
    assert_eq!(ask(&zone, "_stats._web.shop._udp.marathon.proffer", Kind::Srv).len(), 2);
    assert_eq!(ask(&zone, "_web.shop._udp.marathon.proffer", Kind::Srv).len(), 2);
    // Each target has just its own address.
    let Answer::Records(records) = zone.lookup(&name("_web.shop._tcp.marathon.proffer"), Kind::Any) else {
        panic!("records");
    };
    let additional = zone.additional(&records);
    assert_eq!(additional.iter().map(|(name, _)| name).collect::<BTreeSet<_>>().len(), 2);
    assert_eq!(additional.len(), 2);
}

#[test]
fn names_in_between_are_there_and_others_are_not() {
    let mut zone = zone();
    update(&mut zone, web(&[task("web.1", "10.0.0.1", 31000)]));
    let answer = |text| zone.lookup(&name(text), Kind::A);
    for text in ["proffer", "shop.marathon.proffer", "marathon.proffer", "_tcp.marathon.proffer"] {
        assert_eq!(answer(text), Answer::NoData, "{text}");
    }
    for text in ["sho.marathon.proffer", "x.web.shop.marathon.proffer", "web.proffer"] {
        assert_eq!(answer(text), Answer::NoSuchName, "{text}");
    }
    for text in ["example.com", "xproffer", "proffer.com"] {
        assert_eq!(answer(text), Answer::NotOurs, "{text}");
    }
}

#[test]
fn tasks_with_addresses_of_their_own_have_these() {
    let mut zone = zone();
    update(
        &mut zone,
        json!({"id": "/db", "networks": [{"mode": "container"}], "container": {"portMappings": [{"containerPort": 5432}]},
               "tasks": [{"id": "db.1", "host": "agent1.lan", "ports": [], "state": "TASK_RUNNING",
                          "ipAddresses": [{"ipAddress": "192.168.0.5"}, {"ipAddress": "fd00::5"}]}]}),
    );
    assert_eq!(ask(&zone, "db.marathon.proffer", Kind::Any), ["192.168.0.5", "fd00::5"]);
    assert_eq!(ask(&zone, "db.marathon.slave.proffer", Kind::A), ["10.0.0.1"]);
    assert!(ask(&zone, "_db._tcp.marathon.proffer", Kind::Srv)[0].starts_with("5432 db-"));
}

#[test]
fn only_healthy_tasks_that_stay_have_names() {
    let mut zone = zone();
    let mut with = |change: fn(&mut Value)| {
        let mut app = web(&[task("web.1", "10.0.0.1", 31000)]);
        change(&mut app);
        update(&mut zone, app);
        ask(&zone, "web.shop.marathon.proffer", Kind::A).remove(0)
    };
    assert_eq!(with(|_| {}), "10.0.0.1");
    assert_eq!(with(|app| app["healthChecks"] = json!([{}])), "NoSuchName");
    assert_eq!(
        with(|app| {
            app["healthChecks"] = json!([{}]);
            app["tasks"][0]["healthCheckResults"] = json!([{"alive": true}]);
        }),
        "10.0.0.1"
    );
    assert_eq!(with(|app| app["tasks"][0]["state"] = json!("TASK_KILLING")), "NoSuchName");
}

#[test]
fn machines_have_names() {
    let mut zone = zone();
    assert_eq!(ask(&zone, "agent.proffer", Kind::A), ["10.0.0.1", "10.0.0.2"]);
    assert_eq!(ask(&zone, "agent2.slave.proffer", Kind::A), ["10.0.0.2"]);
    assert_eq!(
        ask(&zone, "_slave._tcp.proffer", Kind::Srv),
        ["5051 agent1.slave.proffer", "5051 agent2.slave.proffer"]
    );
    let master = |number: u8, leading| Master { address: [10, 0, 1, number].into(), port: 5050, leading };
    zone.set_masters(&[master(2, true), master(1, false)]);
    assert_eq!(ask(&zone, "leader.proffer", Kind::A), ["10.0.1.2"]);
    assert_eq!(ask(&zone, "_leader._tcp.proffer", Kind::Srv), ["5050 master1.proffer"]);
    assert_eq!(ask(&zone, "master.proffer", Kind::A), ["10.0.1.1", "10.0.1.2"]);
    zone.set_masters(&[master(1, true)]);
    assert_eq!(ask(&zone, "leader.proffer", Kind::A), ["10.0.1.1"]);
    assert_eq!(ask(&zone, "master1.proffer", Kind::A), ["NoSuchName"]);
}

#[test]
fn the_serial_counts_differences_alone() {
    let mut zone = zone();
    update(&mut zone, web(&[task("web.1", "10.0.0.1", 31000)]));
    let serial = zone.serial();
    update(&mut zone, web(&[task("web.1", "10.0.0.1", 31000)]));
    assert_eq!(zone.serial(), serial);
    zone.remove_app(&AppId::new("/shop/web").expect("an id"));
    assert_eq!(zone.serial(), serial + 1);
    assert_eq!(ask(&zone, "shop.marathon.proffer", Kind::A), ["NoSuchName"]);
}

#[test]
fn what_is_no_name_is_said() {
    let mut zone = zone();
    let mut long = web(&[task("web.1", "10.0.0.1", 31000)]);
    long["id"] = json!(format!("/{}", "a".repeat(64)));
    let unnamed = zone.update_app(known(&[long]).apps().values().next().expect("an app"));
    assert!(unnamed.len() == 1 && unnamed[0].to_string().contains("63 letters"), "{unnamed:?}");
    assert!(DnsOptions::new("a b", "marathon").is_err() && DnsOptions::new("a", "x y").is_err());
}

proptest! {
    #[test]
    fn changes_one_by_one_lead_where_all_at_once_do(
        steps in prop::collection::vec((0_usize..4, prop::collection::btree_set(0_u8..5, 0..4)), 1..30),
    ) {
        const IDS: [&str; 4] = ["/a", "/g/a", "/g/b", "/b/g"];
        let app = |number: usize, tasks: &BTreeSet<u8>| {
            let tasks: Vec<Value> = tasks.iter().map(|at| task(&format!("{number}.{at}"), &format!("10.0.0.{at}"), 31000)).collect();
            json!({"id": IDS[number], "tasks": tasks, "portDefinitions": [{"port": 1}]})
        };
        let mut one = zone();
        let mut last = std::collections::BTreeMap::new();
        for (number, tasks) in &steps {
            update(&mut one, app(*number, tasks));
            last.insert(*number, tasks.clone());
        }
        let mut other = zone();
        last.iter().for_each(|(number, tasks)| update(&mut other, app(*number, tasks)));
        prop_assert_eq!(one.iter().collect::<Vec<_>>(), other.iter().collect::<Vec<_>>());
    }

    #[test]
    fn no_text_makes_a_name_panic(text in any::<String>()) {
        if let Ok(name) = Name::new(&text) {
            prop_assert_eq!(Name::new(&name.to_string()), Ok(name.clone()));
            let _ = zone().lookup(&name, Kind::Any);
        }
    }
}
