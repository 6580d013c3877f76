//! What tests of rendered configurations have in common.
#![allow(dead_code, reason = "each test uses what it needs")]

pub(crate) mod haproxy;

use haproxy_gen_core::{
    labels::Policy,
    model::{Built, Options, build},
    render::{Map, Params, Rendered, Renderer},
    source::{Known, read_apps},
};
use std::{collections::BTreeMap, path::Path, process::Command};

/// Where certificates lie in golden configurations; for HAProxy the text is replaced by a directory that is there.
pub(crate) const CERTIFICATES: &str = "/etc/ssl/proffer-test";

/// Where maps lie in golden configurations; replaced likewise.
pub(crate) const MAPS: &str = "/var/lib/proffer-test";

pub(crate) fn options() -> Options {
    Options {
        groups: ["external".to_owned()].into(),
        policy: Policy { certificate_roots: vec![CERTIFICATES.to_owned()], ..Policy::default() },
        hosts: BTreeMap::from([
            ("agent1".to_owned(), [10, 0, 0, 1].into()),
            ("agent2".to_owned(), [10, 0, 0, 2].into()),
        ]),
        unusable_certificates: BTreeMap::from([(format!("{CERTIFICATES}/missing.pem"), "no such file".to_owned())]),
        ..Options::default()
    }
}

pub(crate) fn params() -> Params {
    Params {
        directory: MAPS.to_owned(),
        stats_socket: Some("/run/haproxy/proffer.sock".to_owned()),
        own_address: Some("127.0.0.1:9092".to_owned()),
        slow_start_ms: Some(10_000),
        ..Params::default()
    }
}

pub(crate) fn known(answer: &[u8]) -> Known {
    let mut known = Known::default();
    known.merge(read_apps(answer).expect("a readable answer"));
    known
}

pub(crate) fn render(built: &Built) -> Rendered {
    let renderer = Renderer::new(BTreeMap::new()).expect("our own templates");
    renderer.render(&built.model, &params()).expect("a configuration")
}

pub(crate) fn of_answer(answer: &[u8]) -> (Built, Rendered) {
    let built = build(known(answer).apps(), &options());
    let rendered = render(&built);
    (built, rendered)
}

/// What `haproxy -c` says about a configuration, warnings too; none if it is content, or not installed.
pub(crate) fn complaint(rendered: &Rendered) -> Option<String> {
    let (valid, text) = verdict(rendered)?;
    (!valid || text.contains("[WARNING]")).then(|| format!("{text}\n{}", rendered.config))
}

/// Whether `haproxy -c` takes a configuration, and what it says; none if it is not installed.
pub(crate) fn verdict(rendered: &Rendered) -> Option<(bool, String)> {
    let directory = tempfile::tempdir().expect("a directory");
    let place = directory.path().to_str().expect("a plain path").to_owned();
    let put = |name: &str, text: &str| {
        let text = text.replace(CERTIFICATES, &place).replace(MAPS, &place);
        std::fs::write(directory.path().join(name), text).expect("a written file");
    };
    let certificate = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/apps/test.pem");
    std::fs::copy(certificate, directory.path().join("test.pem")).expect("a certificate");
    for map in Map::ALL {
        put(map.file_name(), &rendered.maps.text(map));
    }
    if let Some((path, text)) = &rendered.certificates {
        put(path.rsplit('/').next().expect("a name"), text);
    }
    put("haproxy.cfg", &rendered.config);
    let output =
        Command::new("/usr/sbin/haproxy").arg("-c").arg("-f").arg(directory.path().join("haproxy.cfg")).output();
    let output = output.ok()?;
    Some((output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned()))
}
