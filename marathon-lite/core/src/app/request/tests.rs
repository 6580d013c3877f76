use super::*;
use crate::app::{EnvironmentValue, Network, UnreachableStrategy};
use serde_json::json;

fn app(body: Value) -> AppDefinition {
    define(&body, &Support::default()).unwrap_or_else(|refusal| panic!("{refusal}"))
}

fn refused(body: Value) -> String {
    match define(&body, &Support::default()) {
        Ok(app) => panic!("accepted: {app:?}"),
        Err(refusal) => format!("{} {refusal}", refusal.status()),
    }
}

fn changed(existing: &AppDefinition, body: Value) -> AppDefinition {
    match change(&body, &existing.id, Some(existing), true, &Support::default()) {
        Ok(Change::To(app)) => *app,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_smallest_app_has_all_defaults() {
    let app = app(json!({"id": "web", "cmd": "sleep 1", "args": null, "container": null}));
    assert_eq!(
        Value::Object(app.render()),
        json!({
            "id": "/web", "cmd": "sleep 1", "instances": 1, "cpus": 1, "mem": 128, "disk": 0, "gpus": 0, "executor": "",
            "labels": {}, "networks": [{"mode": "host"}], "requirePorts": false,
            "portDefinitions": [{"port": 0, "protocol": "tcp", "name": "default"}],
            "backoffSeconds": 1, "backoffFactor": 1.15, "maxLaunchDelaySeconds": 300,
            "killSelection": "YOUNGEST_FIRST",
            "unreachableStrategy": {"inactiveAfterSeconds": 0, "expungeAfterSeconds": 0},
            "upgradeStrategy": {"minimumHealthCapacity": 1, "maximumOverCapacity": 1},
            "version": "1970-01-01T00:00:00.000Z",
            "versionInfo": {
                "lastScalingAt": "1970-01-01T00:00:00.000Z", "lastConfigChangeAt": "1970-01-01T00:00:00.000Z"
            },
        })
    );
}

#[test]
fn wrong_types_are_named_all_at_once() {
    let refusal =
        define(&json!({"cpus": "1", "instances": 1.5, "args": "x", "killSelection": "NONE"}), &Support::default())
            .unwrap_err();
    assert_eq!(refusal.status(), 422);
    assert_eq!(
        refusal.body(),
        json!({"message": "Invalid JSON", "details": [
            {"path": "/args", "errors": ["error.expected.jsarray"]},
            {"path": "/cpus", "errors": ["error.expected.jsnumber"]},
            {"path": "/id", "errors": [
                "'id' is undefined on object: {\"args\":\"x\",\"cpus\":\"1\",\"instances\":1.5,\"killSelection\":\"NONE\"}"
            ]},
            {"path": "/instances", "errors": ["error.expected.int"]},
            {"path": "/killSelection", "errors": ["error.unknown.enum.literal"]},
        ]})
    );
}

#[test]
fn broken_rules_are_named_all_at_once() {
    let body = json!({
        "id": "/a/restart", "cpus": 0, "upgradeStrategy": {"minimumHealthCapacity": 1.5},
        "acceptedResourceRoles": ["db"],
    });
    let refusal = define(&body, &Support::default()).unwrap_err();
    assert_eq!(
        refusal.body(),
        json!({"message": "Object is not valid", "details": [
            {"path": "/", "errors": [
                "AppDefinition must either contain one of 'cmd' or 'args', and/or a 'container'."
            ]},
            {"path": "/acceptedResourceRoles", "errors": ["acceptedResourceRoles can only contain '*'"]},
            {"path": "/cpus", "errors": ["must be at least 0.001, but is 0"]},
            {"path": "/id", "errors": [
                "must not end with any of the following reserved keywords: restart, tasks, versions"
            ]},
            {"path": "/upgradeStrategy/minimumHealthCapacity", "errors": ["must be at most 1, but is 1.5"]},
        ]})
    );
}

#[test]
fn legacy_forms_become_those_of_today() {
    let app = app(json!({
        "id": "a", "uris": ["http://x/a.tgz", "http://x/b"], "ports": [8080, 0],
        "container": {"docker": {"image": "nginx", "network": "BRIDGE", "portMappings": [
            {"containerPort": 80}, {"containerPort": 53, "hostPort": 1053, "protocol": "udp"}
        ]}},
    }));
    let rendered = Value::Object(app.render());
    assert_eq!(rendered["networks"], json!([{"mode": "container/bridge"}]));
    assert_eq!(
        rendered["container"]["portMappings"],
        json!([
            {"containerPort": 80, "hostPort": 0, "servicePort": 8080, "protocol": "tcp", "labels": {}},
            {"containerPort": 53, "hostPort": 1053, "servicePort": 0, "protocol": "udp", "labels": {}},
        ])
    );
    assert_eq!(rendered["fetch"][0]["extract"], true);
    assert_eq!(rendered["fetch"][1]["extract"], false);
    for legacy in ["uris", "ports", "ipAddress", "portDefinitions"] {
        assert!(rendered.get(legacy).is_none(), "{legacy}");
    }
}

#[test]
fn what_marathon_1_4_wrote_may_say_things_twice() {
    let twice = json!({
        "id": "/a", "cmd": "x", "uris": ["http://x/a"], "fetch": [{"uri": "http://x/a", "extract": false}], "container": {},
        "ports": [10_000], "portDefinitions": [{"port": 10_000, "protocol": "tcp", "labels": {}}], "ipAddress": null,
    });
    let host = app(twice.clone());
    assert_eq!((host.service_ports(), host.fetch.len(), &host.container), (vec![10_000], 1, &None));
    let mut bridge = twice;
    bridge["container"] =
        json!({"docker": {"image": "i", "network": "BRIDGE", "portMappings": [{"containerPort": 80}]}});
    let bridge = app(bridge);
    assert!(bridge.service_ports() == [10_000] && bridge.port_definitions.is_empty());
    for (field, value) in [("uris", json!(["http://x/b"])), ("ports", json!([10_001]))] {
        let mut body =
            json!({"id": "/a", "cmd": "x", "fetch": [{"uri": "http://x/a"}], "portDefinitions": [{"port": 7}]});
        body[field] = value;
        let error = refused(body);
        assert!(error.starts_with(&format!("422 /{field}: must not be set together")), "{error}");
    }
}

#[test]
fn addresses_of_containers() {
    let body = json!({
        "id": "a", "container": {"docker": {"image": "nginx", "network": "USER"}},
        "ipAddress": {"networkName": "dcos", "labels": {"a": "b"}, "discovery": {"ports": [{"name": "http", "number": 80}]}},
    });
    let app = app(body);
    let labels = [("a".to_owned(), "b".to_owned())].into();
    assert_eq!(app.networks, [Network::Container { name: "dcos".into(), labels }]);
    assert_eq!(app.port_names(), [Some("http")]);
    let error = refused(json!({"id": "a", "container": {"docker": {"image": "nginx", "network": "USER"}}}));
    assert!(error.contains("/ipAddress/networkName: not defined"), "{error}");
}

#[test]
fn what_cannot_be_honoured_is_refused_where_it_stands() {
    for (field, value) in [
        ("tty", json!(true)),
        ("executor", json!("/bin/mine")),
        ("check", json!({"tcp": {}})),
        ("resourceLimits", json!({"cpus": "unlimited"})),
        ("executorResources", json!({"cpus": 1})),
        ("role", json!("other")),
        ("gpus", json!(-1)),
    ] {
        let mut body = json!({"id": "a", "cmd": "x"});
        body[field] = value;
        let error = refused(body);
        assert!(error.starts_with(&format!("422 /{field}: ")), "{error}");
    }
    let docker = |key: &str, value: Value| {
        let mut body = json!({"id": "a", "container": {"docker": {"image": "i"}}});
        body["container"]["docker"][key] = value;
        refused(body)
    };
    assert!(docker("pullConfig", json!({"secret": "s"})).starts_with("422 /container/docker/pullConfig: "));
    assert!(docker("credential", json!({"principal": "s"})).starts_with("422 /container/docker/credential: "));
    assert!(docker("network", json!("NONE")).starts_with("422 /container/docker/network: "));
    let parameters = json!([{"key": "cap-add", "value": "ALL"}]);
    assert!(docker("parameters", parameters).starts_with("422 /container/docker/parameters(0): "));
}

#[test]
fn constraints_take_numbers_and_wishes() {
    let app = app(json!({"id": "a", "cmd": "x", "constraints": [
        ["hostname", "unique"], ["rack", "GROUP_BY", 3], ["prefer:zone", "LIKE", "a.*"], ["hostname", "UNIQUE", ""]
    ]}));
    assert_eq!(
        app.render()["constraints"],
        json!([
            ["hostname", "UNIQUE"],
            ["rack", "GROUP_BY", "3"],
            ["prefer:zone", "LIKE", "a.*"],
            ["hostname", "UNIQUE"]
        ])
    );
    let pattern = json!(["a", "LIKE", "r(1"]);
    for wrong in [json!(["a"]), json!(["a", "NEAR"]), json!(["a", "LIKE"]), json!(["a", "MAX_PER", "x"]), pattern] {
        let error = refused(json!({"id": "a", "cmd": "x", "constraints": [wrong]}));
        assert!(error.starts_with("422 /constraints(0): "), "{error}");
    }
}

#[test]
fn an_update_replaces_what_it_names_and_keeps_the_rest() {
    let before = app(json!({"id": "a", "cmd": "x", "env": {"A": "1", "B": "2"}, "instances": 3, "ports": [7]}));
    let after =
        changed(&before, json!({"env": {"C": {"secret": "s"}}, "secrets": {"s": {"source": "file"}}, "cmd": null}));
    assert_eq!(after.env, [("C".to_owned(), EnvironmentValue::Secret("s".into()))].into());
    assert_eq!((after.instances, after.cmd.as_deref(), after.service_ports()), (3, Some("x"), vec![7]));
    let after = changed(&before, json!({"args": ["y"]}));
    assert_eq!((after.cmd, after.args), (None, vec!["y".to_owned()]));
    let whole = change(&json!({"cmd": "y"}), &before.id, Some(&before), false, &Support::default()).unwrap();
    assert!(matches!(whole, Change::To(app) if app.instances == 1 && app.env.is_empty()));
}

#[test]
fn an_update_may_change_the_network() {
    let host = app(json!({"id": "a", "cmd": "x", "ports": [7], "requirePorts": false}));
    let docker = json!({"container": {"docker": {"image": "i", "network": "BRIDGE"}}});
    let bridge = changed(&host, docker);
    assert!(bridge.port_definitions.is_empty() && bridge.service_ports() == [0]);
    assert_eq!(bridge.container.as_ref().unwrap().port_mappings[0].host_port, Some(0));
    let again = changed(&bridge, json!({"networks": [{"mode": "host"}]}));
    assert!(again.container.unwrap().port_mappings.is_empty() && again.port_definitions.len() == 1);
}

#[test]
fn a_version_stands_alone() {
    let before = app(json!({"id": "a", "cmd": "x"}));
    let version = "2020-01-01T00:00:00.000Z";
    let back = change(&json!({"id": "a", "version": version}), &before.id, Some(&before), true, &Support::default());
    assert_eq!(back.unwrap(), Change::Back(version.parse().unwrap()));
    let both = json!({"version": version, "cmd": "y"});
    let refusal = change(&both, &before.id, Some(&before), true, &Support::default()).unwrap_err();
    assert_eq!(refusal.to_string(), "/version: The 'version' field may only be combined with the 'id' field.");
    assert!(change(&both, &before.id, Some(&before), false, &Support::default()).is_ok());
}

#[test]
fn lists_of_updates() {
    let before = app(json!({"id": "a", "cmd": "x"}));
    let body = json!([{"id": "/a", "instances": 4}, {"id": "b", "cmd": "y"}]);
    let found = changes(&body, |id| (*id == before.id).then_some(&before), true, &Support::default()).unwrap();
    assert_eq!(found.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["/a", "/b"]);
    let body = json!([{"instances": 4}, {"id": "b", "cpus": []}, {"id": "c", "cmd": ""}]);
    let refusal = changes(&body, |_| None, true, &Support::default()).unwrap_err();
    let paths: Vec<&str> = refusal.details().iter().map(|detail| detail.path.as_str()).collect();
    assert_eq!(paths, ["(0)/id", "(1)/cpus"]);
}

#[test]
fn apps_with_data_have_other_defaults() {
    let body = json!({"id": "a", "cmd": "x", "container": {"type": "MESOS", "volumes": [
        {"containerPath": "data", "mode": "RW", "persistent": {"size": 10}}
    ]}});
    let error = define(&body, &Support::default()).unwrap_err();
    assert!(error.to_string().starts_with("/container/volumes(0)/persistent: persistent volumes are not available"));
    let app = define(&body, &Support { persistent_volumes: true, ..Support::default() }).unwrap();
    assert!(app.residency.is_some() && app.unreachable_strategy == UnreachableStrategy::Disabled);
    assert_eq!(app.upgrade_strategy.minimum_health_capacity, 0.5);
    assert_eq!(app.upgrade_strategy.maximum_over_capacity, 0.0);
}

#[test]
fn extensions_are_opted_into() {
    let app =
        app(json!({"id": "a", "cmd": "x", "runOnce": true, "runOncePolicy": {"maxAttempts": 3}, "upgradeStrategy": {
            "progressDeadlineSeconds": 600, "rollbackOnFailure": true,
            "canarySteps": [{"instances": 1, "pauseSeconds": 60}, {"share": 0.5}]
        }}));
    let rendered = Value::Object(app.render());
    assert_eq!(rendered["runOncePolicy"], json!({"maxAttempts": 3}));
    assert_eq!(
        rendered["upgradeStrategy"],
        json!({"minimumHealthCapacity": 1, "maximumOverCapacity": 1, "progressDeadlineSeconds": 600,
               "rollbackOnFailure": true, "canarySteps": [
            {"instances": 1, "pauseSeconds": 60}, {"share": 0.5, "pauseSeconds": 0}
        ]})
    );
    let after = changed(&app, json!({"runOnce": false}));
    assert!(after.run_once.is_none());
    let error = refused(json!({"id": "a", "cmd": "x", "runOncePolicy": {"maxAttempts": 3}}));
    assert!(error.contains("/runOncePolicy: needs \"runOnce\""), "{error}");
}

#[test]
fn what_was_written_is_restored_with_its_versions() {
    let mut app = app(json!({"id": "/g/a", "cmd": "x", "dependencies": ["../b"], "healthChecks": [{"path": "/h"}]}));
    app.version = Timestamp::from_millis(3);
    app.version_info.last_config_change_at = Timestamp::from_millis(2);
    assert_eq!(app.dependencies.iter().map(PathId::as_str).collect::<Vec<_>>(), ["/g/b"]);
    assert_eq!(restore(&Value::Object(app.render()), &Support::default()).unwrap(), app);
}
