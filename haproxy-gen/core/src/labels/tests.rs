//! What labels may say, and what not.

use super::{BindAddress, Effect, Mode, OverrideLabels, Parsed, Policy, PortLabels, parse};
use std::collections::BTreeMap;

fn read(labels: &[(&str, &str)]) -> Parsed {
    let labels: BTreeMap<String, String> = labels.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
    parse(&labels, 2, &Policy::default())
}

/// The labels of port 0 with one label.
fn port(label: &str, value: &str) -> PortLabels {
    let parsed = read(&[(&format!("HAPROXY_0_{label}"), value)]);
    assert_eq!(parsed.faults, [], "{label} {value:?}");
    parsed.labels.ports.get(&0).cloned().unwrap_or_default()
}

/// That a value is refused, and takes out port 0.
fn refused(label: &str, value: &str) {
    let key = format!("HAPROXY_0_{label}");
    let parsed = read(&[(&key, value)]);
    let fault = parsed.faults.first().unwrap_or_else(|| panic!("{label} {value:?} is taken"));
    assert_eq!((fault.label.as_str(), fault.effect), (key.as_str(), Effect::PortLeftOut), "{label} {value:?}");
    assert!(parsed.leaves_out(0) && !parsed.leaves_out(1) && !parsed.is_left_out());
    for text in [&fault.why, &fault.remedy] {
        assert!(!text.is_empty() && text.len() < 400 && !text.contains('\n'), "{text}");
    }
}

/// What no label but one with a list of words takes.
const HOSTILE: [&str; 12] = [
    "x\n  server evil 6.6.6.6:80",
    "x\r\nlisten evil",
    "/x server",
    "x\ty",
    "\"x\"",
    "'x'",
    "x#y",
    "x\\ny",
    "x;y",
    "%[src]",
    "${HOME}",
    "x\u{0}y",
];

#[test]
fn every_label_refuses_hostile_text() {
    let labels = [
        "AUTH",
        "VHOST",
        "GROUP",
        "PATH",
        "STICKY",
        "ENABLED",
        "REDIRECT_TO_HTTPS",
        "USE_HSTS",
        "SSL_CERT",
        "BIND_OPTIONS",
        "BIND_ADDR",
        "PORT",
        "MODE",
        "BALANCE",
        "HTTP_BACKEND_PROXYPASS_PATH",
        "HTTP_BACKEND_REVPROXY_PATH",
        "HTTP_BACKEND_REDIR",
        "BACKEND_WEIGHT",
        "BACKEND_NETWORK_ALLOWED_ACL",
        "BACKEND_HEALTHCHECK_PORT_INDEX",
        "SERVER_WEIGHT",
    ];
    let long = "a".repeat(10_000);
    for label in labels {
        for text in HOSTILE.into_iter().chain([long.as_str()]) {
            refused(label, text);
            refused(label, &format!("/etc/ssl{text}"));
            refused(label, &format!("/{text}"));
        }
    }
    for text in HOSTILE.into_iter().chain([long.as_str()]) {
        for label in ["GROUP", "APP_ID", "DEPLOYMENT_GROUP", "DEPLOYMENT_ALT_PORT", "DEPLOYMENT_STARTED_AT"] {
            assert!(read(&[(&format!("HAPROXY_{label}"), text)]).is_left_out(), "{label} {text:?}");
        }
        let parts = [format!("{text}:u:$6$s$hash"), format!("r:{text}:$6$s$hash"), format!("r:u:$6$s${text}")];
        for auth in parts {
            refused("AUTH", &auth);
        }
    }
}

#[test]
fn names_and_paths() {
    let hosts = |text| port("VHOST", text).vhosts.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(hosts("WWW.example.com, a_b,,*.x.org,a_b"), ["www.example.com", "a_b", "*.x.org"]);
    for bad in ["http://x", "x:80", "x/y", "*", "x.*.y", "x..y", "é.com"] {
        refused("VHOST", bad);
    }
    refused("VHOST", &"a.".repeat(200));
    assert_eq!(port("PATH", "/a/b.c").path.map(|path| path.pattern()), Some("/a/b[.]c".to_owned()));
    for bad in ["books", "/a?b", "/a%20b", "/a b", "/(x)*", "/{x}"] {
        refused("PATH", bad);
    }
}

#[test]
fn numbers_keep_to_their_range() {
    assert_eq!(port("PORT", "65535").port, Some(65535));
    for bad in ["0", "65536", "-1", "80a", "0x50", "+80", "8.0", "99999999999999999999"] {
        refused("PORT", bad);
    }
    assert_eq!(port("BACKEND_WEIGHT", "-5").precedence, Some(-5));
    refused("BACKEND_WEIGHT", "1e3");
    assert_eq!(port("SERVER_WEIGHT", "256").server_weight, Some(256));
    refused("SERVER_WEIGHT", "257");
    refused("BACKEND_HEALTHCHECK_PORT_INDEX", "1000");
}

#[test]
fn choices() {
    assert!(port("STICKY", "TRUE").sticky && !port("STICKY", "no").sticky);
    refused("STICKY", "maybe");
    assert_eq!(port("MODE", "tcp").mode, Some(Mode::Tcp));
    refused("MODE", "health");
    let balance = |text| port("BALANCE", text).balance.map(|balance| balance.to_string());
    for good in ["roundrobin", "leastconn", "first", "source", "uri", "random", "random(2)", "static-rr", "hdr(X-User)"]
    {
        assert_eq!(balance(good).as_deref(), Some(good));
    }
    assert_eq!(balance("url_param user").as_deref(), Some("url_param user"));
    for bad in ["best", "random(x)", "random(0)", "random(2", "hdr", "hdr()", "hdr(a b)", "url_param", "leastconn 2"] {
        refused("BALANCE", bad);
    }
    assert_eq!(port("BIND_ADDR", "0.0.0.0").bind_address, BindAddress::Any);
    assert_eq!(port("BIND_ADDR", "::1").bind_address.to_string(), "::1");
    refused("BIND_ADDR", "localhost");
}

#[test]
fn files_lie_where_labels_may_name_them() {
    let paths = |text| port("SSL_CERT", text).certificates.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(paths("/etc/ssl/a.pem,/etc/ssl/b/c.pem"), ["/etc/ssl/a.pem", "/etc/ssl/b/c.pem"]);
    for bad in ["/etc/shadow", "etc/ssl/a", "/etc/ssl/../shadow", "/etc/sslx/a", "/etc/ssl/a b"] {
        refused("SSL_CERT", bad);
    }
    refused("SSL_CERT", &vec!["/etc/ssl/a"; 13].join(","));
    refused("BIND_OPTIONS", "ca-file /etc/shadow");
    assert_eq!(port("BIND_OPTIONS", "verify required  ca-file /etc/ssl/ca.pem").bind_files.len(), 1);
    for bad in ["uid root", "verify", "verify maybe", "maxconn many", "ssl-min-ver TLSv9", "server x", "ciphers"] {
        refused("BIND_OPTIONS", bad);
    }
}

#[test]
fn authentication_has_its_form() {
    let auth = port("AUTH", "My Realm:joe:$6$salt$abcdefghijklmnopqrstuvwxyz").auth.expect("someone");
    assert_eq!((auth.realm.as_str(), auth.user.as_str()), ("My Realm", "joe"));
    for bad in [
        "realm:joe",
        "realm:joe:secret",
        "realm:joe:",
        ":joe:$6$a$abcdefghijklmnopqrstuvwxyz",
        "r::$6$a$b",
        "r:j:$9$a$abcdefghijklmnopqrstuvwxyz",
    ] {
        refused("AUTH", bad);
    }
    let told = read(&[("HAPROXY_0_AUTH", "realm:joe:secret")]).faults.remove(0);
    assert!(!told.why.contains("secret"), "a password is not shown");
}

#[test]
fn networks() {
    let list = port("BACKEND_NETWORK_ALLOWED_ACL", "10.0.0.0/8  127.0.0.1,::1/128").allowed;
    assert_eq!(list.iter().map(ToString::to_string).collect::<Vec<_>>(), ["10.0.0.0/8", "127.0.0.1", "::1/128"]);
    for bad in ["10.0.0.0/33", "10.0.0", "any", "10.0.0.0/", "::/129", "10.0.0.0/+8"] {
        refused("BACKEND_NETWORK_ALLOWED_ACL", bad);
    }
}

#[test]
fn a_bad_label_takes_out_its_port_or_its_app_alone() {
    let parsed =
        read(&[("HAPROXY_0_PORT", "x"), ("HAPROXY_1_PORT", "10001"), ("OTHER", "\n"), ("HAPROXY_0_PATH", " ")]);
    assert_eq!((parsed.leaves_out(0), parsed.leaves_out(1), parsed.faults.len()), (true, false, 1));
    let parsed = read(&[("HAPROXY_2_PORT", "1"), ("HAPROXY_0_NONSENSE", "1"), ("HAPROXY_X\n", "1"), ("HAPROXY_", "1")]);
    assert!(parsed.faults.iter().all(|fault| fault.effect == Effect::Ignored) && parsed.faults.len() == 4);
    assert!(parsed.faults.iter().all(|fault| !fault.label.contains('\n')));
}

#[test]
fn pieces_of_configuration_are_refused_or_ignored() {
    let labels = BTreeMap::from([("HAPROXY_0_BACKEND_HTTP_OPTIONS".to_owned(), "  option forwardfor\n".to_owned())]);
    let effect = |overrides| {
        let policy = Policy { overrides, ..Policy::default() };
        parse(&labels, 1, &policy).faults[0].effect
    };
    assert_eq!(effect(OverrideLabels::Refuse), Effect::PortLeftOut);
    assert_eq!(effect(OverrideLabels::Ignore), Effect::Ignored);
}
