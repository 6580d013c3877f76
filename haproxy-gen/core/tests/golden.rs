//! Golden configurations: each app list of `tests/apps` with what becomes of it, which HAProxy itself must accept.

mod support;

use haproxy_gen_core::render::Map;
use std::{fmt::Write as _, path::Path};
use support::{complaint, of_answer};

fn golden(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/apps/{name}.json"));
    let (built, rendered) = of_answer(&std::fs::read(path).expect("the apps"));
    let mut text = rendered.config.clone();
    for map in Map::ALL {
        write!(text, "# {}\n{}\n", map.file_name(), rendered.maps.text(map)).expect("a text");
    }
    if let Some((path, list)) = &rendered.certificates {
        write!(text, "# {path}\n{list}\n").expect("a text");
    }
    for report in &built.reports {
        writeln!(text, "! {report}").expect("a text");
    }
    insta::with_settings!({ prepend_module_to_snapshot => false }, { insta::assert_snapshot!(name, text) });
    assert_eq!(complaint(&rendered), None);
}

#[test]
fn plain_ports() {
    golden("plain");
}

#[test]
fn virtual_hosts_and_paths() {
    golden("vhosts");
}

#[test]
fn tls() {
    golden("tls");
}

#[test]
fn ways_to_balance() {
    golden("balance");
}

#[test]
fn health_checks() {
    golden("checks");
}

#[test]
fn authentication_and_rewriting() {
    golden("rewriting");
}

#[test]
fn blue_and_green() {
    golden("bluegreen");
}

#[test]
fn all_forms_of_ports_and_networks() {
    golden("legacy");
}

#[test]
fn conflicts_and_bad_labels() {
    golden("conflicts");
}
