//! Whatever app is accepted is the same again after it was written and read.

use crate::documents::{app, legacy_app, pod};
use marathon_lite_core::{
    app::{self, AppDefinition, Change},
    json::{Refusal, parse},
    pods,
    support::Support,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn support() -> Support {
    Support { persistent_volumes: true, ..Support::default() }
}

/// A field with a value of it.
fn field() -> impl Strategy<Value = (&'static str, Value)> {
    let port = 0..=u16::MAX;
    let seconds = 0..=i32::MAX as u64;
    let share = (0..=1000_u32).prop_map(|share| f64::from(share) / 1000.0);
    prop_oneof![
        (1..1_000_000_u64).prop_map(|milli| ("cpus", json!(milli as f64 / 1000.0))),
        (0..1_000_000_u64).prop_map(|milli| ("mem", json!(milli as f64 / 1000.0))),
        (0..1_000_000_u64).prop_map(|whole| ("disk", json!(whole))),
        (0..100_u32).prop_map(|gpus| ("gpus", json!(gpus))),
        (0..=i32::MAX as u32).prop_map(|instances| ("instances", json!(instances))),
        "\\PC{1,20}".prop_map(|cmd| ("cmd", json!(cmd))),
        prop::collection::vec("\\PC{0,8}", 0..4).prop_map(|args| ("args", json!(args))),
        "[a-z]{1,8}".prop_map(|user| ("user", json!(user))),
        prop::collection::btree_map("[^=\\x00]{1,8}", "[^\\x00]{0,8}", 0..4).prop_map(|env| ("env", json!(env))),
        prop::collection::btree_map("\\PC{0,8}", "\\PC{0,8}", 0..4).prop_map(|labels| ("labels", json!(labels))),
        seconds.clone().prop_map(|seconds| ("backoffSeconds", json!(seconds))),
        seconds.clone().prop_map(|seconds| ("maxLaunchDelaySeconds", json!(seconds))),
        seconds.prop_map(|seconds| ("taskKillGracePeriodSeconds", json!(seconds))),
        (1_000..9_999_u32).prop_map(|factor| ("backoffFactor", json!(f64::from(factor) / 1000.0))),
        (share.clone(), share).prop_map(|(least, over)| {
            ("upgradeStrategy", json!({"minimumHealthCapacity": least, "maximumOverCapacity": over}))
        }),
        prop::collection::btree_set(port, 0..4).prop_map(|ports| ("ports", json!(ports))),
        prop::sample::select(vec!["YOUNGEST_FIRST", "oldest_first"]).prop_map(|name| ("killSelection", json!(name))),
        (0..99_u32, 0..99_u32).prop_map(|(inactive, more)| {
            let expunge = inactive + more;
            ("unreachableStrategy", json!({"inactiveAfterSeconds": inactive, "expungeAfterSeconds": expunge}))
        }),
        prop::collection::vec(prop::sample::select(constraints()), 0..3).prop_map(|list| ("constraints", json!(list))),
        prop::collection::vec("(\\.\\./)?[a-z]{1,5}", 0..3).prop_map(|ids| ("dependencies", json!(ids))),
        prop::collection::vec(health_check(), 0..3).prop_map(|checks| ("healthChecks", json!(checks))),
        prop::sample::select(containers()).prop_map(|container| ("container", container)),
        any::<bool>().prop_map(|run_once| ("runOnce", json!(run_once))),
    ]
}

fn constraints() -> Vec<Value> {
    vec![
        json!(["hostname", "UNIQUE"]),
        json!(["prefer:rack", "group_by", 4]),
        json!(["zone", "LIKE", "a|b"]),
        json!(["zone", "IS", 1.5]),
        json!(["zone", "MAX_PER", "3"]),
    ]
}

fn containers() -> Vec<Value> {
    vec![
        json!({"type": "MESOS"}),
        json!({"docker": {"image": "i", "forcePullImage": true}}),
        json!({"docker": {"image": "i", "network": "BRIDGE", "portMappings": [{"containerPort": 80, "name": "web"}]}}),
        json!({"type": "MESOS", "docker": {"image": "i"}, "volumes": [
            {"containerPath": "/a", "hostPath": "b", "mode": "RW"}
        ]}),
    ]
}

fn health_check() -> impl Strategy<Value = Value> {
    (prop::sample::select(vec!["HTTP", "HTTPS", "TCP", "COMMAND"]), 0..99_u32, any::<bool>()).prop_map(
        |(protocol, number, flag)| {
            let mut check =
                json!({"protocol": protocol, "gracePeriodSeconds": number, "maxConsecutiveFailures": number});
            match protocol {
                "COMMAND" => check["command"] = json!({"value": "true"}),
                "TCP" => check["port"] = json!(number + 1),
                _ => check["ignoreHttp1xx"] = json!(flag),
            }
            check
        },
    )
}

fn again(app: &AppDefinition) -> Result<AppDefinition, Refusal> {
    let text = Value::Object(app.render()).to_string();
    app::restore(&parse(text.as_bytes())?, &support())
}

#[test]
fn the_documents_with_every_field() {
    for body in [app(), legacy_app()] {
        let app = app::define(&body, &support()).unwrap();
        assert_eq!(again(&app).unwrap(), app);
        let same = app::define(&Value::Object(app.render()), &support()).unwrap();
        assert_eq!(same, app);
    }
    let pod = pods::define(&pod(), None, &support()).unwrap();
    assert_eq!(pods::restore(&Value::Object(pod.render()), &support()).unwrap(), pod);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_accepted_is_the_same_after_a_round_trip(fields in prop::collection::vec(field(), 0..12)) {
        let mut body = json!({"id": "/g/a", "cmd": "sleep 1"});
        for (name, value) in fields {
            if name == "args" {
                body.as_object_mut().unwrap().remove("cmd");
            }
            body[name] = value;
        }
        let app = app::define(&body, &support());
        prop_assume!(app.is_ok());
        let app = app.unwrap();
        prop_assert_eq!(&again(&app).unwrap(), &app);
        // The answer of the server may be sent back as an update, without what only the server sets.
        let mut update = app.render();
        update.remove("version");
        update.remove("versionInfo");
        let changed = app::change(&Value::Object(update), &app.id, Some(&app), true, &support());
        prop_assert_eq!(changed, Ok(Change::To(Box::new(app))));
    }
}
