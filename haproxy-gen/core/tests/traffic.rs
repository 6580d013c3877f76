//! Requests through a real HAProxy: routes, rewriting and authentication do what the labels say, and none fails while
//! servers come and go.
#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "it is a client and a server of its own")]

mod support;

use haproxy_gen_core::model::{Built, Options, build};
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};
use support::haproxy::{Haproxy, free_port};

/// A server that answers with its name, the path and the host it was asked for.
fn serve(name: &str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let name = name.to_owned();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let name = name.clone();
            thread::spawn(move || converse(stream, &name));
        }
    });
    port
}

fn converse(mut stream: TcpStream, name: &str) {
    let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
    loop {
        let (mut path, mut host) = (String::new(), String::new());
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if path.is_empty() {
                line.split(' ').nth(1).unwrap_or_default().clone_into(&mut path);
            } else if let Some(value) = line.to_ascii_lowercase().strip_prefix("host:") {
                value.trim().clone_into(&mut host);
            } else if line == "\r\n" {
                break;
            }
        }
        let body = format!("{name} {path} {host}");
        let head = format!("HTTP/1.1 200 OK\r\nLocation: /back\r\nContent-Length: {}\r\n\r\n", body.len());
        if stream.write_all(format!("{head}{body}").as_bytes()).is_err() {
            return;
        }
    }
}

/// An answer: its status, its head and its body.
fn get(port: u16, host: &str, path: &str, more: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{more}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("a written request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, head.to_ascii_lowercase(), body.to_owned())
}

fn app(id: &str, port: u16, servers: &[u16], labels: &Value) -> Value {
    let mut labels = labels.clone();
    labels["HAPROXY_0_BIND_ADDR"] = json!("127.0.0.1");
    let tasks: Vec<Value> = servers
        .iter()
        .map(
            |port| json!({"id": format!("{id}.{port}"), "host": "127.0.0.1", "ports": [port], "state": "TASK_RUNNING"}),
        )
        .collect();
    json!({"id": id, "labels": labels, "portDefinitions": [{"port": port}], "tasks": tasks})
}

fn built(apps: &[Value]) -> Built {
    let known = support::known(json!({"apps": apps}).to_string().as_bytes());
    let built = build(known.apps(), &Options::default());
    assert_eq!(built.reports, []);
    built
}

/// An app for each label that says where a request goes or what becomes of it.
fn labelled() -> Vec<Value> {
    let server = |name: &str| [serve(name)];
    let host = |name: &str| json!({"HAPROXY_0_VHOST": name});
    let hash = "$6$saltsalt$TVLlQcbpFVof5W3Yz4DTP6gRstiNuHwwTt6GLc1E5n0U0aDehy0S5knV8wiOQSpT0Y77vwPZN.Pq.H91p5hVO1";
    vec![
        app("/root", free_port(), &server("root"), &host("www.example.com")),
        app(
            "/books",
            free_port(),
            &server("books"),
            &json!({"HAPROXY_0_VHOST": "www.example.com", "HAPROXY_0_PATH": "/books"}),
        ),
        app(
            "/new",
            free_port(),
            &server("new"),
            &json!({"HAPROXY_0_VHOST": "www.example.com", "HAPROXY_0_PATH": "/books/new"}),
        ),
        app("/any", free_port(), &server("any"), &host("*.example.com")),
        app(
            "/anypath",
            free_port(),
            &server("anypath"),
            &json!({"HAPROXY_0_VHOST": "*.example.com", "HAPROXY_0_PATH": "/p"}),
        ),
        app(
            "/https",
            free_port(),
            &server("https"),
            &json!({"HAPROXY_0_VHOST": "s.org", "HAPROXY_0_REDIRECT_TO_HTTPS": "true"}),
        ),
        app(
            "/auth",
            free_port(),
            &server("auth"),
            &json!({"HAPROXY_0_VHOST": "a.org", "HAPROXY_0_AUTH": format!("My Realm:joe:{hash}")}),
        ),
        app(
            "/far",
            free_port(),
            &server("far"),
            &json!({"HAPROXY_0_VHOST": "f.org", "HAPROXY_0_BACKEND_NETWORK_ALLOWED_ACL": "10.9.9.9 10.8.0.0/16"}),
        ),
        app(
            "/near",
            free_port(),
            &server("near"),
            &json!({"HAPROXY_0_VHOST": "n.org", "HAPROXY_0_BACKEND_NETWORK_ALLOWED_ACL": "10.9.9.9 127.0.0.0/8"}),
        ),
        app(
            "/pass",
            free_port(),
            &server("pass"),
            &json!({"HAPROXY_0_VHOST": "p.org,q.org", "HAPROXY_0_HTTP_BACKEND_PROXYPASS_PATH": "/v1.0",
            "HAPROXY_0_HTTP_BACKEND_REVPROXY_PATH": "/v1.0", "HAPROXY_0_HTTP_BACKEND_REDIR": "/start"}),
        ),
    ]
}

#[test]
fn requests_go_where_the_labels_say() {
    let http = free_port();
    let Some(haproxy) = Haproxy::start(&built(&labelled()), http) else {
        return;
    };
    expect_routes(http);
    expect_access(http);
    expect_rewriting(http);
    drop(haproxy);
}

fn expect_routes(http: u16) {
    let body = |host: &str, path: &str| {
        let (status, _, body) = get(http, host, path, "");
        format!("{status} {}", body.split(' ').next().unwrap_or_default().trim())
    };
    for (host, path, expected) in [
        ("www.example.com", "/", "200 root"),
        ("WWW.Example.com:8080", "/x?y=/books", "200 root"),
        ("www.example.com", "/books", "200 books"),
        ("www.example.com", "/books/1?a", "200 books"),
        ("www.example.com", "/books/new/2", "200 new"),
        ("other.example.com", "/books", "200 any"),
        ("other.example.com", "/p/1", "200 anypath"),
        ("n.org", "/", "200 near"),
    ] {
        assert_eq!(body(host, path), expected, "{host}{path}");
    }
}

fn expect_access(http: u16) {
    let status = |host: &str, path: &str, more: &str| get(http, host, path, more).0;
    assert_eq!(status("a.b.example.com", "/", ""), 503);
    assert_eq!(status("unknown.org", "/", ""), 503);
    assert_eq!(status("f.org", "/", ""), 403);
    assert_eq!(status("a.org", "/", ""), 401);
    assert_eq!(status("a.org", "/", "Authorization: Basic am9lOnNlY3JldA==\r\n"), 200);
    assert_eq!(status("a.org", "/", "Authorization: Basic am9lOndyb25n\r\n"), 401);
    let (status, head, _) = get(http, "s.org", "/x", "");
    assert!(status == 301 && head.contains("location: https://s.org/x"), "{head}");
    assert_eq!(get(http, "s.org", "/x", "X-Forwarded-Proto: https\r\n").0, 200);
}

fn expect_rewriting(http: u16) {
    let (_, head, body) = get(http, "q.org", "/v1.0/a/b", "");
    assert_eq!(body, "pass /a/b p.org");
    assert!(head.contains("location: /v1.0/back"), "{head}");
    assert_eq!(get(http, "q.org", "/v1x0/a", "").2, "pass /v1x0/a p.org");
    assert_eq!(get(http, "q.org", "/v1.0", "").2, "pass / p.org");
    let (status, head, _) = get(http, "q.org", "/", "");
    assert!(status == 301 && head.contains("location: /start"), "{head}");
}

#[test]
fn no_request_fails_while_servers_come_and_go() {
    let servers: Vec<u16> = ["one", "two", "three", "four"].map(serve).into();
    let labels = json!({"HAPROXY_0_VHOST": "w.org", "HAPROXY_0_STICKY": "true"});
    let plain = json!({"HAPROXY_0_VHOST": "x.org"});
    let http = free_port();
    let ports = [free_port(), free_port()];
    let with =
        |chosen: &[u16]| built(&[app("/web", ports[0], chosen, &labels), app("/plain", ports[1], chosen, &plain)]);
    let first = with(&servers[..1]);
    let Some(mut haproxy) = Haproxy::start(&first, http) else {
        return;
    };
    let done = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = ["w.org", "x.org"]
        .into_iter()
        .map(|host| {
            let done = done.clone();
            thread::spawn(move || {
                let mut served = std::collections::BTreeSet::new();
                while !done.load(Ordering::Relaxed) {
                    let (status, _, body) = get(http, host, "/", "");
                    assert_eq!(status, 200);
                    served.insert(body);
                }
                served
            })
        })
        .collect();
    for round in 0..8 {
        let chosen = [servers[round % 4], servers[(round + 1) % 4]];
        let wanted = with(&chosen);
        // Idle connections may hold a server back for a moment; the next plan takes it away.
        for _ in 0..400 {
            if haproxy.advance(&wanted, http) {
                break;
            }
            thread::sleep(Duration::from_millis(100));
        }
        assert!(haproxy.advance(&wanted, http), "all servers that are not wanted are gone");
        thread::sleep(Duration::from_millis(50));
    }
    // A client with a cookie comes back to its server, also to one that came at run time.
    let (_, head, body) = get(http, "w.org", "/", "");
    let cookie =
        head.split("set-cookie: ").nth(1).and_then(|rest| rest.split(';').next()).expect("a cookie").to_owned();
    for _ in 0..6 {
        assert_eq!(get(http, "w.org", "/", &format!("Cookie: {cookie}\r\n")).2, body);
    }
    done.store(true, Ordering::Relaxed);
    for client in clients {
        assert_eq!(client.join().expect("no request failed").len(), 4, "each server was used");
    }
}
