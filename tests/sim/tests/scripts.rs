//! Every script in `scripts/` prints what it says. With `UPDATE_GOLDEN=1` the scripts are rewritten instead.

use sim::{
    Invariant,
    sabotage::Switch,
    script::{self, Mismatch, Script},
};
use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
};

fn scripts() -> Vec<(PathBuf, Script)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts");
    let entries = fs::read_dir(&directory).expect("there are scripts");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a directory reads").path()).collect();
    paths.sort();
    let read = |path: PathBuf| {
        let script = Script::parse(&fs::read_to_string(&path).expect("a script reads"));
        (path, script)
    };
    paths.into_iter().map(read).collect()
}

/// The path from the root of the repository.
fn name(path: &Path) -> String {
    format!("tests/sim/scripts/{}", path.file_name().unwrap_or_default().to_string_lossy())
}

#[test]
fn every_script_prints_what_it_says() {
    let update = env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1");
    let mut told = Vec::new();
    for (path, script) in scripts() {
        let (mut failures, right) = script::run(&script, None);
        if update {
            fs::write(&path, right.print()).expect("a script can be written");
            failures.retain(|failure| !failure.is_stale_text());
        }
        told.extend(failures.iter().map(|failure| format!("{}:{failure}", name(&path))));
    }
    assert!(told.is_empty(), "UPDATE_GOLDEN=1 accepts new output\n{}", told.join("\n"));
}

#[test]
fn every_script_is_written_as_it_would_be_rewritten() {
    for (path, script) in scripts() {
        let text = fs::read_to_string(&path).expect("a script reads");
        assert!(script.print() == text, "{} is not in the form in which it would be rewritten", name(&path));
    }
}

#[test]
fn every_invariant_is_shown_by_a_script() {
    let mut missing: BTreeSet<&str> = Invariant::ALL.iter().map(|invariant| invariant.name()).collect();
    for (path, script) in scripts() {
        for shown in script.header("shows") {
            let known = Invariant::ALL.iter().any(|invariant| invariant.name() == shown);
            assert!(known, "{} shows {shown:?}, which is no invariant", name(&path));
            missing.remove(shown);
        }
    }
    assert!(missing.is_empty(), "no script shows {missing:?}");
}

/// A script that passes whatever happens shows nothing: those that name a switch must find it.
#[test]
fn scripts_find_the_faults_that_they_name() {
    let mut told = Vec::new();
    for (path, script) in scripts() {
        for word in script.header("finds") {
            let switch: Switch = word.parse().unwrap_or_else(|error| panic!("{}: {error}", name(&path)));
            let (failures, _) = script::run(&script, Some(switch));
            let found = failures.iter().find_map(|failure| match &failure.what {
                Mismatch::Violation(violation) => Some(violation),
                Mismatch::Text { .. } | Mismatch::Command(_) => None,
            });
            match found {
                Some(violation) if switch.breaks().contains(&violation.invariant) => {}
                Some(violation) => told.push(format!("{}: {switch} is named wrongly: {violation}", name(&path))),
                None => told.push(format!("{}: {switch} is not found", name(&path))),
            }
        }
    }
    assert!(told.is_empty(), "{}", told.join("\n"));
}
