//! What is believed of answers, good and bad.

use super::{App, AppId, Event, Garbage, Known, Network, Next, TaskState, Verdict, read_app, read_apps, read_event};
use proptest::prelude::*;
use serde_json::{Value, json};

fn id(text: &str) -> AppId {
    AppId::new(text).expect("an id")
}

fn task(name: &str, health: Option<&[bool]>) -> Value {
    let mut task = json!({"id": name, "host": "10.0.0.1", "ports": [31000], "state": "TASK_RUNNING"});
    if let Some(health) = health {
        task["healthCheckResults"] = health.iter().map(|alive| json!({"alive": alive})).collect();
    }
    task
}

fn app(name: &str, tasks: &[Value]) -> Value {
    json!({"id": name, "labels": {}, "portDefinitions": [{"port": 10000}], "tasks": tasks})
}

fn answer(apps: &[Value]) -> super::Reading {
    read_apps(json!({"apps": apps}).to_string().as_bytes()).expect("a list")
}

fn known(apps: &[Value]) -> Known {
    let mut known = Known::default();
    known.merge(answer(apps));
    known
}

fn tasks(known: &Known, app: &str) -> Vec<(String, Verdict)> {
    let Some(app) = known.apps().get(&id(app)) else {
        return Vec::new();
    };
    app.tasks.values().map(|task| (task.id.0.clone(), task.verdict)).collect()
}

#[test]
fn garbage_is_refused_and_its_place_named() {
    let refused = |text: &str| read_apps(text.as_bytes()).expect_err("garbage").to_string();
    assert!(refused("<html>").starts_with("the answer is not JSON"));
    assert!(refused(r#"{"apps": [{"id": "/a""#).starts_with("the answer is not JSON"));
    assert_eq!(refused("[]"), "the answer is not a list of apps: its top: has no \"apps\"");
    assert_eq!(refused(r#"{"apps": 3}"#), "the answer is not a list of apps: apps: is not a list");
    assert!(matches!(read_app(b"{}"), Err(Garbage::NotApps(_))));
}

#[test]
fn one_bad_app_or_task_spoils_nothing_else() {
    let mut odd = app("/odd", &[]);
    odd["portDefinitions"] = json!([{"port": 70000}]);
    let mut half = task("half.1", None);
    half["ports"] = json!([1, "x"]);
    let reading = answer(&[app("/good", &[task("good.1", None), half]), odd, json!({"id": "/UPPER"}), json!(7)]);
    assert_eq!(reading.apps.len(), 1);
    let places: Vec<String> = reading.refused.iter().map(|refused| refused.malformed.to_string()).collect();
    assert_eq!(places[0], "apps[0].tasks[1].ports[1]: is not a whole number from 0 to 65535");
    assert_eq!(places[1], "apps[1].portDefinitions[0].port: is not a whole number from 0 to 65535");
    assert!(places[2].starts_with("apps[2].id: is not an app id"));
    assert_eq!(places[3], "apps[3]: has no \"id\"");
}

#[test]
fn the_source_being_away_changes_nothing() {
    let mut known = known(&[app("/a", &[task("a.1", None)])]);
    let digest = known.digest();
    known.source_away("connection refused".to_owned());
    assert_eq!((known.digest(), known.away()), (digest, Some("connection refused")));
    known.merge(answer(&[app("/a", &[task("a.1", None)])]));
    assert_eq!((known.digest(), known.away()), (digest, None));
}

#[test]
fn an_empty_answer_is_believed_the_second_time() {
    let mut known = known(&[app("/a", &[task("a.1", None)])]);
    let merge = known.merge(answer(&[]));
    assert!(merge.doubted && known.apps().len() == 1);
    let merge = known.merge(answer(&[]));
    assert!(!merge.doubted && known.apps().is_empty());
    assert_eq!(merge.changed, [id("/a")].into());
}

#[test]
fn an_app_that_cannot_be_read_stays_as_it_was() {
    let mut known = known(&[app("/a", &[task("a.1", None)]), app("/b", &[]), app("/c", &[])]);
    let merge = known.merge(answer(&[json!({"id": "/a", "labels": 3}), app("/b", &[])]));
    assert_eq!((merge.kept, merge.changed), ([id("/a")].into(), [id("/c")].into()));
    // Without an id it may be any.
    let merge = known.merge(answer(&[json!({"labels": {}}), app("/b", &[])]));
    assert_eq!((merge.kept, merge.changed.len()), ([id("/a")].into(), 0));
    assert_eq!(tasks(&known, "/a").len(), 1);
}

#[test]
fn a_task_that_cannot_be_read_stays_as_it_was() {
    let mut known = known(&[app("/a", &[task("a.1", None), task("a.2", None)])]);
    let mut odd = task("a.1", None);
    odd["ports"] = json!("31000");
    known.merge(answer(&[app("/a", &[odd])]));
    assert_eq!(tasks(&known, "/a"), [("a.1".to_owned(), Verdict::Unknown)]);
    assert_eq!(known.apps()[&id("/a")].tasks.values().next().expect("a task").ports, [31000]);
}

#[test]
fn tasks_stay_when_the_answer_does_not_tell_them() {
    let mut known = known(&[app("/a", &[task("a.1", None)])]);
    let mut bare = app("/a", &[]);
    bare.as_object_mut().expect("an object").remove("tasks");
    known.merge_app(read_app(json!({"app": bare}).to_string().as_bytes()).expect("an app"));
    assert_eq!(tasks(&known, "/a").len(), 1);
}

#[test]
fn health_that_is_not_known_stays_as_it_was() {
    let mut known = known(&[app("/a", &[task("a.1", Some(&[true])), task("a.2", Some(&[false, false]))])]);
    for silent in [None, Some(&[][..])] {
        known.merge(answer(&[app("/a", &[task("a.1", silent), task("a.2", silent), task("a.3", silent)])]));
        let verdicts: Vec<Verdict> = tasks(&known, "/a").into_iter().map(|(_, verdict)| verdict).collect();
        assert_eq!(verdicts, [Verdict::Alive, Verdict::Dead, Verdict::Unknown]);
    }
    // A restart of ours takes them along.
    let mut next = Known::with_verdicts(known.verdicts());
    next.merge(answer(&[app("/a", &[task("a.1", None), task("a.3", None)])]));
    assert_eq!(tasks(&next, "/a")[0].1, Verdict::Alive);
    known.merge(answer(&[app("/a", &[task("a.1", Some(&[false]))])]));
    assert_eq!(tasks(&known, "/a")[0].1, Verdict::Dead);
}

#[test]
fn states_are_kept_or_dropped() {
    let with = |state: &str| {
        let mut task = task("a.1", None);
        task["state"] = json!(state);
        known(&[app("/a", &[task])]).apps()[&id("/a")].tasks.values().next().map(|task| task.state)
    };
    for kept in ["TASK_RUNNING", "TASK_LOST", "TASK_UNREACHABLE"] {
        assert_eq!(with(kept), Some(TaskState::Running), "{kept}");
    }
    assert_eq!(with("TASK_KILLING"), Some(TaskState::Killing));
    for dropped in ["TASK_STAGING", "TASK_STARTING", "TASK_KILLED", "TASK_FINISHED", "TASK_FAILED", "TASK_ERROR", "X"] {
        assert_eq!(with(dropped), None, "{dropped}");
    }
}

#[test]
fn networks_and_ports_have_many_forms() {
    let read = |text: Value| {
        let mut text = text;
        text["id"] = json!("/a");
        let app = App::clone(&known(&[text]).apps()[&id("/a")]);
        (app.network, app.ports.iter().map(|port| (port.service, port.container)).collect::<Vec<_>>())
    };
    let (host, bridge, own) = (Network::Host, Network::Bridge, Network::Container);
    let mapping = json!([{"containerPort": 80, "servicePort": 10000}, {"containerPort": 0}]);
    let mapped = vec![(Some(10000), Some(80)), (None, None)];
    for (text, expected) in [
        (json!({}), (host, vec![])),
        (json!({"networks": [], "ports": [10000, 0]}), (host, vec![(Some(10000), None), (None, None)])),
        (json!({"networks": null, "portDefinitions": [{"port": 0}]}), (host, vec![(None, None)])),
        (
            json!({"networks": [{"mode": "container/bridge"}], "container": {"portMappings": mapping}}),
            (bridge, mapped.clone()),
        ),
        (json!({"networks": [{"name": "x"}], "container": {"portMappings": mapping}}), (own, mapped.clone())),
        (
            json!({"container": {"docker": {"network": "BRIDGE", "portMappings": mapping}}, "ports": [1]}),
            (bridge, mapped),
        ),
        (
            json!({"container": {"docker": {"network": "BRIDGE"}}, "ports": [10001]}),
            (bridge, vec![(Some(10001), None)]),
        ),
        (json!({"container": {"docker": {"image": "x"}}, "ports": [10001]}), (host, vec![(Some(10001), None)])),
        (json!({"ipAddress": {"discovery": {"ports": [{"number": 8080}]}}}), (own, vec![(None, Some(8080))])),
    ] {
        assert_eq!(read(text.clone()), expected, "{text}");
    }
}

#[test]
fn events_are_taken_over_or_say_what_to_ask() {
    let mut known = known(&[app("/a", &[task("a.1", Some(&[true]))])]);
    let event = |value: Value| read_event(value.to_string().as_bytes()).expect("an event");
    let status = |state: &str, ports: Value| {
        event(json!({"eventType": "status_update_event", "appId": "/a", "taskId": "a.1", "taskStatus": state,
                     "host": "10.0.0.1", "ports": ports}))
    };
    let (merge, next) = known.apply(status("TASK_KILLING", json!([])));
    assert_eq!((merge.changed, next), ([id("/a")].into(), Next::Nothing));
    let killing = known.apps()[&id("/a")].tasks.values().next().expect("a task").clone();
    assert_eq!((killing.state, killing.ports, killing.verdict), (TaskState::Killing, vec![31000], Verdict::Alive));
    let (merge, _) = known.apply(status("TASK_KILLING", json!([31000])));
    assert!(merge.changed.is_empty(), "nothing is different");
    known.apply(status("TASK_KILLED", json!([])));
    assert_eq!(tasks(&known, "/a").len(), 0);
    known.apply(status("TASK_RUNNING", json!([31001])));
    assert_eq!(tasks(&known, "/a"), [("a.1".to_owned(), Verdict::Unknown)]);
    let health = |instance: &str| {
        event(json!({"eventType": "health_status_changed_event", "appId": "/a", "instanceId": instance, "alive": true}))
    };
    let (merge, _) = known.apply(health("a.1"));
    assert_eq!((merge.changed.len(), tasks(&known, "/a")[0].1), (1, Verdict::Alive));
    assert_eq!(known.apply(health("a.marathon-1")).1, Next::Nothing);
    assert_eq!(known.apply(health("b.2")).1, Next::App(id("/a")));
    assert_eq!(known.apply(event(json!({"eventType": "deployment_success"}))).1, Next::All);
    assert_eq!(known.apply(event(json!({"eventType": "event_stream_attached"}))).1, Next::Nothing);
    let posted = json!({"eventType": "api_post_event", "appDefinition": {"id": "/new"}});
    assert_eq!(known.apply(event(posted)).1, Next::App(id("/new")));
    known.apply(event(json!({"eventType": "app_terminated_event", "appId": "/a"})));
    assert!(known.apps().is_empty());
    assert!(matches!(read_event(b"{\"eventType\": \"app_terminated_event\"}"), Err(Garbage::NotApps(_))));
    assert!(matches!(read_event(b"{\"eventTy"), Err(Garbage::NotJson(_))));
    assert_eq!(event(json!({"eventType": "pod_created_event"})), Event::Other);
}

/// JSON of the right words with all kinds of values under them.
fn odd_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z/.]{0,6}".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    let words = prop::sample::select(vec![
        "apps",
        "id",
        "labels",
        "tasks",
        "ports",
        "host",
        "networks",
        "mode",
        "container",
        "docker",
        "portMappings",
        "servicePort",
        "portDefinitions",
        "port",
        "healthChecks",
        "healthCheckResults",
        "alive",
        "ipAddresses",
        "state",
        "ipAddress",
        "discovery",
        "eventType",
        "appId",
        "taskId",
        "taskStatus",
    ]);
    leaf.prop_recursive(6, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(words.clone().prop_map(ToOwned::to_owned), inner, 0..8)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_answer_makes_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        let _ = (read_apps(&bytes), read_app(&bytes), read_event(&bytes));
    }

    #[test]
    fn no_json_makes_the_reader_panic(value in odd_json()) {
        let mut known = Known::default();
        for text in [value.to_string(), json!({"apps": [value]}).to_string()] {
            if let Ok(reading) = read_apps(text.as_bytes()) {
                known.merge(reading);
            }
            if let Ok(event) = read_event(text.as_bytes()) {
                known.apply(event);
            }
        }
    }

    #[test]
    fn a_cut_answer_never_shrinks_what_is_known(cut in 0_usize..400) {
        let text = json!({"apps": [app("/a", &[task("a.1", None)]), app("/b", &[task("b.1", None)])]}).to_string();
        let mut known = known(&[app("/a", &[task("a.1", None)]), app("/b", &[task("b.1", None)])]);
        let digest = known.digest();
        if let Ok(reading) = read_apps(&text.as_bytes()[..cut.min(text.len() - 1)]) {
            known.merge(reading);
        }
        prop_assert_eq!(known.digest(), digest);
    }
}
