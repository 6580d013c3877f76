//! Every published example of Marathon's, and what becomes of it here: a table of files and outcomes.
//!
//! `UPDATE_GOLDEN=1 cargo test -p marathon-lite-core --test reading` writes the table anew.

use marathon_lite_core::{
    app::{self, AppDefinition, PathId, Timestamp},
    group::{self, GroupChange, Root},
    json::{self, Refusal},
    pods,
    support::Support,
};
use serde_json::Value;
use std::{fs, path::Path};

/// Names of files with what the server answers, not with what it is sent.
const ANSWERS: [&str; 8] = [
    "app_task.json",
    "app_tasks.json",
    "tasks.json",
    "queue.json",
    "info.json",
    "deployments.json",
    "deployments_result.json",
    "deployment_steps.json",
];

fn support() -> Support {
    // The server that the examples were written for: its features are on, and it has a network for those who name none.
    Support { persistent_volumes: true, default_network_name: Some("dcos".into()), ..Support::default() }
}

fn files(directory: &Path, out: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, out);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            out.push(path);
        }
    }
}

fn refused(refusal: &Refusal) -> String {
    format!("{} {refusal}", refusal.status())
}

/// What is accepted must come back as it is from its own JSON.
fn accepted(app: &AppDefinition) -> String {
    let restored = app::restore(&Value::Object(app.render()), &support());
    assert_eq!(restored.as_ref(), Ok(app));
    format!("accepted {}", app.id)
}

fn one_app(body: &Value) -> String {
    app::define(body, &support()).map_or_else(|refusal| refused(&refusal), |app| accepted(&app))
}

fn one_group(body: &Value) -> String {
    let before = Root::new(Timestamp::default());
    let version = Timestamp::from_millis(1);
    let known = body.get("id").is_none().then(PathId::root);
    match group::change(body, &PathId::root(), known.as_ref(), &before, version, &support()) {
        Ok(GroupChange::To { id, root }) => {
            let apps: Vec<String> = root.apps().map(|app| accepted(app)).collect();
            format!("accepted group {id} with {} apps", apps.len())
        }
        Ok(GroupChange::Back { .. }) => "goes back to a version".into(),
        Err(refusal) => refused(&refusal),
    }
}

fn one_pod(body: &Value) -> String {
    match pods::define(body, None, &support()) {
        Ok(pod) => {
            let restored = pods::restore(&Value::Object(pod.render()), &support());
            assert_eq!(restored.as_ref(), Ok(&pod));
            format!("accepted pod {}", pod.id)
        }
        Err(refusal) => refused(&refusal),
    }
}

fn patches(body: &Value) -> String {
    let sleep = |id: &str| {
        let body = serde_json::json!({"id": id, "cmd": "sleep 1"});
        app::define(&body, &support()).unwrap()
    };
    let existing = ["/foo", "/test/sleep60", "/test/sleep120"].map(sleep);
    let find = |id: &PathId| existing.iter().find(|app| app.id == *id);
    let list = if body.is_array() { body.clone() } else { Value::Array(vec![body.clone()]) };
    match app::changes(&list, find, true, &support()) {
        Ok(changes) => format!("accepted {} changes", changes.len()),
        Err(refusal) => refused(&refusal),
    }
}

fn outcome(name: &str, text: &[u8]) -> String {
    let file = name.rsplit('/').next().unwrap();
    let body = match json::parse(text) {
        Ok(body) => body,
        Err(refusal) => return refused(&refusal),
    };
    if name.contains("/schema/") {
        return "a schema".into();
    }
    if name.contains("/events/") || ANSWERS.contains(&file) {
        return "an answer of the server".into();
    }
    if name.contains("/pods/") || file == "pod.json" {
        return one_pod(&body);
    }
    if file.ends_with("_patch.json") {
        return patches(&body);
    }
    match (&body, body.get("groups").is_some() || body.get("apps").is_some()) {
        (Value::Array(_), _) => patches(&body),
        (_, true) => one_group(&body),
        (_, false) => one_app(&body),
    }
}

#[test]
fn every_published_example_is_accepted_or_refused_for_a_reason() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let directory = root.join("../../tests/fixtures/marathon");
    let mut paths = Vec::new();
    files(&directory, &mut paths);
    paths.sort();
    let mut table = String::new();
    for path in paths {
        let name = path.strip_prefix(&directory).unwrap().to_str().unwrap().to_owned();
        let line = format!("{name}\n    {}\n", outcome(&name, &fs::read(&path).unwrap()).replace("; /", "\n    /"));
        print!("{line}");
        table.push_str(&line);
    }
    let golden = root.join("tests/reading/fixtures.txt");
    if std::env::vars().any(|(name, _)| name == "UPDATE_GOLDEN") {
        fs::write(&golden, &table).unwrap();
    }
    assert_eq!(table, fs::read_to_string(&golden).unwrap_or_default());
}
