//! Whatever an app says of itself, a configuration has no line and no word of its making.

mod support;

use haproxy_gen_core::{
    model::{Options, build},
    render::{Map, Rendered, blame},
};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use support::{complaint, known, of_answer, options, render, verdict};

const LABELS: [&str; 30] = [
    "0_AUTH",
    "0_VHOST",
    "0_GROUP",
    "0_PATH",
    "0_STICKY",
    "0_ENABLED",
    "0_REDIRECT_TO_HTTPS",
    "0_USE_HSTS",
    "0_SSL_CERT",
    "0_BIND_OPTIONS",
    "0_BIND_ADDR",
    "0_PORT",
    "0_MODE",
    "0_BALANCE",
    "0_HTTP_BACKEND_PROXYPASS_PATH",
    "0_HTTP_BACKEND_REVPROXY_PATH",
    "0_HTTP_BACKEND_REDIR",
    "0_BACKEND_WEIGHT",
    "0_BACKEND_NETWORK_ALLOWED_ACL",
    "0_BACKEND_HEALTHCHECK_PORT_INDEX",
    "0_SERVER_WEIGHT",
    "GROUP",
    "APP_ID",
    "DEPLOYMENT_GROUP",
    "DEPLOYMENT_ALT_PORT",
    "DEPLOYMENT_COLOUR",
    "DEPLOYMENT_STARTED_AT",
    "DEPLOYMENT_TARGET_INSTANCES",
    "DEPLOYMENT_NEW_INSTANCES",
    "0_BACKEND_HTTP_OPTIONS",
];

/// How a value may begin, so that it is taken for good at first sight.
const BEGINNINGS: [&str; 14] = [
    "",
    "/",
    "www.example.com",
    "/etc/ssl/proffer-test/",
    "realm:user:$6$salt$abcdefghijklmnopqrstuvwxyz",
    "10.0.0.1",
    "true",
    "80",
    "roundrobin",
    "hdr(x",
    "url_param ",
    "ciphers ",
    "ssl alpn ",
    "2026-01-01T",
];

/// What might end a word or a line.
const BREAKS: [&str; 16] =
    ["\n", "\r\n", " ", "\t", "\"", "'", "#", ";", "\\", "\\n", "\u{0}", "\u{2028}", "%[", "${", "\n  ", "\u{b}"];

fn evil(labels: &[(String, String)], path: &str) -> Value {
    let mut map = serde_json::Map::from_iter([("HAPROXY_GROUP".to_owned(), json!("external"))]);
    map.extend(labels.iter().map(|(key, value)| (key.clone(), json!(value))));
    json!({"id": "/evil", "labels": map, "portDefinitions": [{"port": 10666, "name": path}],
           "healthChecks": [{"protocol": "HTTP", "path": path, "portIndex": 0}],
           "tasks": [{"id": format!("evil.1{path}"), "host": "10.0.0.6", "ports": [31666], "state": "TASK_RUNNING",
                      "healthCheckResults": [{"alive": true}]}]})
}

fn good() -> Value {
    json!({"id": "/good", "labels": {"HAPROXY_GROUP": "external", "HAPROXY_0_VHOST": "good.example.com"},
           "portDefinitions": [{"port": 10001}],
           "tasks": [{"id": "good.1", "host": "10.0.0.1", "ports": [31001], "state": "TASK_RUNNING"}]})
}

/// The words that begin a line of ours.
fn is_ours(line: &str) -> bool {
    const WORDS: [&str; 31] = [
        "global",
        "stats",
        "hard-stop-after",
        "mworker-max-reloads",
        "ssl-default-bind-options",
        "ssl-default-server-options",
        "tune.ssl.default-dh-param",
        "defaults",
        "timeout",
        "#",
        "retries",
        "option",
        "listen",
        "bind",
        "mode",
        "monitor-uri",
        "use_backend",
        "backend",
        "server",
        "frontend",
        "http-request",
        "default_backend",
        "balance",
        "hash-type",
        "acl",
        "retry-on",
        "cookie",
        "dynamic-cookie-key",
        "userlist",
        "user",
        "http-check",
    ];
    let first = line.split_whitespace().next();
    first.is_none_or(|word| {
        WORDS.contains(&word) || ["http-response", "http-after-response", "tcp-request"].contains(&word)
    })
}

fn check(rendered: &Rendered, services: &BTreeSet<String>) -> Result<(), TestCaseError> {
    let mut backends = BTreeSet::new();
    for line in rendered.config.lines() {
        prop_assert!(is_ours(line), "{:?}", line);
        prop_assert!(!line.contains(char::is_control), "{:?}", line);
        for word in line.split([' ', ';', '"', '\'', '#']) {
            prop_assert!(!word.starts_with("injected"), "{:?}", line);
        }
        if let Some(name) = line.strip_prefix("backend ") {
            backends.insert(name.to_owned());
        }
    }
    backends.remove("haproxy_gen");
    prop_assert_eq!(&backends, services);
    prop_assert!(services.contains("good_10001"));
    let texts = Map::ALL.map(|map| rendered.maps.text(map));
    for line in texts.iter().flat_map(|text| text.lines()) {
        let words: Vec<&str> = line.split(' ').collect();
        prop_assert!(words.len() == 2 && services.contains(words[1]), "{:?}", line);
        prop_assert!(!line.contains([';', '\\', '#', '"', '\'']) && !line.contains(char::is_control), "{:?}", line);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_line_is_not_ours(
        labels in prop::collection::vec((
            prop::sample::select(LABELS.to_vec()),
            prop::sample::select(BEGINNINGS.to_vec()),
            prop::sample::select(BREAKS.to_vec()),
            prop_oneof![Just("injected 1".to_owned()), Just("injected".to_owned()), any::<String>()],
        ), 1..5),
        path in prop_oneof![Just("/".to_owned()), any::<String>(), Just("/x\ninjected".to_owned()), Just("/?injected #".to_owned())],
    ) {
        let labels: Vec<(String, String)> = labels
            .into_iter()
            .map(|(label, beginning, stop, rest)| (format!("HAPROXY_{label}"), format!("{beginning}{stop}{rest}")))
            .collect();
        let answer = json!({"apps": [evil(&labels, &path), good()]}).to_string();
        let (built, rendered) = of_answer(answer.as_bytes());
        check(&rendered, &built.model.services.keys().cloned().collect())?;
        // What was not taken was reported.
        for (key, _) in labels.iter().filter(|(_, value)| value.contains(['\n', '\u{0}', '"'])) {
            prop_assert!(built.reports.iter().any(|report| report.label == *key), "{}", key);
        }
    }
}

#[test]
fn haproxy_takes_whatever_is_rendered_for_odd_but_allowed_values() {
    let allowed = [
        ("0_AUTH", "a.b-c @d:u.s@e-r:$y$j9T$abc$abcdefghijklmnopqrstuvwxyz0123456789"),
        ("0_AUTH", "r:u:ab01234567890"),
        ("0_VHOST", "a_b.-x,*.example.com,10.0.0.1"),
        ("0_PATH", "/a~b@c:d+e,f=g&h"),
        ("0_HTTP_BACKEND_PROXYPASS_PATH", "/a~b@c:d+e,f=g&h.i/"),
        ("0_HTTP_BACKEND_REVPROXY_PATH", "/a~b@c:d+e,f=g&h"),
        ("0_HTTP_BACKEND_REDIR", "/a~b@c:d+e,f=g&h"),
        ("0_BALANCE", "url_param a_b-c"),
        ("0_BIND_ADDR", "::1"),
        ("0_BIND_ADDR", "::"),
        ("0_BIND_OPTIONS", "ssl crt /etc/ssl/proffer-test/test.pem no-sslv3 force-tlsv12 strict-sni"),
        ("0_BIND_OPTIONS", "accept-proxy backlog 100 maxconn 10 nice 1"),
        ("0_BIND_OPTIONS", "accept-proxy backlog 100 maxconn 10 nice 10 tfo defer-accept transparent mss 1400"),
        ("0_BACKEND_NETWORK_ALLOWED_ACL", "::/0 0.0.0.0/0 ::ffff:10.0.0.1"),
        ("DEPLOYMENT_GROUP", "a:b/c.d_e-f"),
        ("0_PORT", "65535"),
        ("0_SERVER_WEIGHT", "0"),
    ];
    for (label, value) in allowed {
        let mut labels = vec![(format!("HAPROXY_{label}"), value.to_owned())];
        if !label.ends_with("VHOST") {
            labels.push(("HAPROXY_0_VHOST".to_owned(), "evil.example.com".to_owned()));
        }
        let answer = json!({"apps": [evil(&labels, "/x?a=1&b=2"), good()]}).to_string();
        let built = build(known(answer.as_bytes()).apps(), &options());
        if let Some((valid, text)) = verdict(&render(&built)) {
            assert!(valid, "{label} {value}: {text}");
        }
    }
}

#[test]
fn what_only_haproxy_can_judge_takes_out_its_app_alone() {
    let labels = |value: &str| vec![("HAPROXY_0_BIND_OPTIONS".to_owned(), value.to_owned())];
    let certificate = format!("ssl crt {}/test.pem", support::CERTIFICATES);
    for options_text in ["ssl", &format!("{certificate} ciphers NO-SUCH-CIPHER"), &format!("{certificate} curves none")]
    {
        let answer = json!({"apps": [evil(&labels(options_text), "/"), good()]}).to_string();
        let (built, rendered) = of_answer(answer.as_bytes());
        let Some((valid, text)) = verdict(&rendered) else {
            return;
        };
        assert!(!valid, "{options_text}");
        let blamed = blame(&rendered, &text);
        assert_eq!(blamed.keys().map(String::as_str).collect::<Vec<_>>(), ["evil_10666"], "{text}");
        let again = Options { refused: blamed, ..options() };
        let built_again = build(known(answer.as_bytes()).apps(), &again);
        assert_eq!(built_again.reports.len(), built.reports.len() + 1);
        assert_eq!(complaint(&render(&built_again)), None);
    }
}
