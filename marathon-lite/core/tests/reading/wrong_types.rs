//! Every field of apps, groups and pods, with every wrong type in it: always a refusal that says where, never a panic.

use crate::documents::{app, documents, group, legacy_app, pod};
use marathon_lite_core::{
    app::{self, PathId, Timestamp},
    group::{self as groups, Root},
    json::Refusal,
    pods,
    support::Support,
};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Places where more than one type is right.
const MANY_TYPES: [&str; 6] =
    ["/env/", "/environment/", "/unreachableStrategy", "/constraints/", "/resourceLimits/", "/value"];

fn support() -> Support {
    Support { persistent_volumes: true, ..Support::default() }
}

fn read(kind: &str, body: &Value) -> Result<(), Refusal> {
    match kind {
        "app" => app::define(body, &support()).map(|_| ()),
        "update" => {
            let id = PathId::parse("/g/a").unwrap();
            let whole = app::define(&json!({"id": "/g/a", "cmd": "x"}), &support()).unwrap();
            app::change(body, &id, Some(&whole), true, &support()).map(|_| ())
        }
        "pod" => pods::define(body, None, &support()).map(|_| ()),
        _ => {
            let before = Root::new(Timestamp::default());
            groups::change(body, &PathId::root(), None, &before, Timestamp::default(), &support()).map(|_| ())
        }
    }
}

/// The pointers to everything in a document.
fn pointers(value: &Value, at: &str, out: &mut Vec<String>) {
    out.push(at.to_owned());
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| pointers(value, &format!("{at}/{key}"), out)),
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(index, value)| pointers(value, &format!("{at}/{index}"), out));
        }
        _ => {}
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn check_refusal(refusal: &Refusal, what: &str) {
    assert_eq!(refusal.status(), 422, "{what}: {refusal}");
    assert!(!refusal.details().is_empty(), "{what}");
    for detail in refusal.details() {
        assert!(detail.path.starts_with(['/', '(']) && !detail.errors.is_empty(), "{what}: {detail:?}");
    }
}

/// Turns the pointer `/volumes/0/mode` into the path `/volumes(0)/mode`.
fn path_of(pointer: &str) -> String {
    let mut path = String::new();
    for part in pointer.split('/').skip(1) {
        if part.bytes().all(|byte| byte.is_ascii_digit()) {
            path.push_str(&format!("({part})"));
        } else {
            path.push_str(&format!("/{part}"));
        }
    }
    if path.is_empty() { "/".to_owned() } else { path }
}

#[test]
fn the_documents_are_right_to_begin_with() {
    for (name, body) in [("app", app()), ("app", legacy_app()), ("group", group()), ("pod", pod())] {
        if let Err(refusal) = read(name, &body) {
            panic!("{name}: {refusal}");
        }
    }
}

#[test]
fn every_wrong_type_is_refused_at_its_place() {
    let wrong = [json!(true), json!(1), json!(1.5), json!("?"), json!([]), json!({}), json!([[null]])];
    let mut tried = 0;
    for (name, body) in documents() {
        let mut places = Vec::new();
        pointers(&body, "", &mut places);
        for pointer in places {
            let right = body.pointer(&pointer).unwrap();
            if MANY_TYPES.iter().any(|many| format!("{pointer}/").contains(many) || pointer.ends_with(many)) {
                continue;
            }
            for value in wrong.iter().filter(|value| kind(value) != kind(right)) {
                let mut changed = body.clone();
                *changed.pointer_mut(&pointer).unwrap() = value.clone();
                let what = format!("{name} with {value} at {pointer}");
                let refusal = read(name, &changed).expect_err(&what);
                check_refusal(&refusal, &what);
                let path = path_of(&pointer);
                // What is refused as a whole is not looked into.
                let within = |above: &str| path.strip_prefix(above).is_some_and(|rest| rest.starts_with(['/', '(']));
                let found = refusal.details().iter().any(|one| one.path == path || within(&one.path));
                assert!(found, "{what}: {refusal}");
                tried += 1;
            }
        }
    }
    assert!(tried > 2_000, "{tried}");
}

#[test]
fn null_is_as_if_it_were_not_there() {
    for (name, body) in documents() {
        let mut places = Vec::new();
        pointers(&body, "", &mut places);
        // Elements of arrays cannot be absent.
        for pointer in places.iter().filter(|pointer| pointer.rsplit('/').next().unwrap().parse::<u32>().is_err()) {
            let Some((above, key)) = pointer.rsplit_once('/') else { continue };
            let mut null = body.clone();
            *null.pointer_mut(pointer).unwrap() = Value::Null;
            let mut absent = body.clone();
            absent.pointer_mut(above).unwrap().as_object_mut().unwrap().remove(key);
            let path = |result: Result<(), Refusal>| {
                result.map_err(|refusal| refusal.details().iter().map(|one| one.path.clone()).collect::<Vec<_>>())
            };
            assert_eq!(path(read(name, &null)), path(read(name, &absent)), "{name} without {pointer}");
        }
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        Just(json!("..")),
        Just(json!(1e308)),
        Just(json!(u64::MAX)),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{0,6}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn anything_anywhere_is_read_or_refused_with_a_path(
        document in 0..5_usize, place in any::<prop::sample::Index>(), value in any_json()
    ) {
        let (name, mut body) = documents().swap_remove(document);
        let mut places = Vec::new();
        pointers(&body, "", &mut places);
        *body.pointer_mut(&places[place.index(places.len())]).unwrap() = value;
        if let Err(refusal) = read(name, &body) {
            check_refusal(&refusal, &body.to_string());
        }
    }
}
