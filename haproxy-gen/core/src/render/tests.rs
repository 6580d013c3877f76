//! Templates of operators, good and bad.

use super::{Map, Params, Part, Renderer, TemplateError, parse_map};
use crate::{
    model::{Model, Options, build},
    source::{Known, read_apps},
};
use std::collections::BTreeMap;

fn model() -> Model {
    let text = br#"{"apps": [{"id": "/web", "portDefinitions": [{"port": 10000}],
        "labels": {"HAPROXY_0_VHOST": "www.example.com", "HAPROXY_0_PATH": "/a"},
        "tasks": [{"id": "web.1", "host": "10.0.0.1", "ports": [31000], "state": "TASK_RUNNING"}]}]}"#;
    let mut known = Known::default();
    known.merge(read_apps(text).expect("apps"));
    build(known.apps(), &Options::default()).model
}

fn with(part: Part, text: &str) -> Result<String, TemplateError> {
    let renderer = Renderer::new(BTreeMap::from([(part, text.to_owned())]))?;
    Ok(renderer.render(&model(), &Params::default())?.config)
}

#[test]
fn an_operators_template_takes_the_place_of_ours() {
    let backend =
        "backend {{ service.name }}\n  mode http\n  # {{ service.app }} {{ service.vhosts[0] }}{{ service.path }}\n";
    let config = with(Part::Backend, backend).expect("a text");
    assert!(
        config.contains("backend web_10000\n  mode http\n  # /web www.example.com/a\n  server 10_0_0_1_31000 "),
        "{config}"
    );
    let config = with(Part::ServerOptions, "check inter 1s\n").expect("a text");
    assert!(config.contains(" weight 100 check inter 1s\n"), "{config}");
}

#[test]
fn a_template_with_an_error_is_named_with_its_line() {
    let error = with(Part::Head, "global\n{% if %}\n").expect_err("no template");
    assert_eq!((error.part, error.line), (Part::Head, Some(2)));
    assert!(error.to_string().starts_with("template head.cfg line 2: syntax error"), "{error}");
    let error =
        with(Part::Backend, "backend {{ service.name }}\n\n  balance {{ service.balanse }}\n").expect_err("misspelt");
    assert_eq!((error.part, error.line), (Part::Backend, Some(3)));
    assert!(with(Part::Backend, "backend other\n").expect_err("another").why.contains("backend web_10000"));
    assert!(with(Part::ServerOptions, "check\ncheck").expect_err("two lines").why.contains("more than one line"));
    assert!(with(Part::ServerOptions, "check; shutdown").is_err());
    assert!(with(Part::Head, "global\u{7}").expect_err("a bell").why.contains("control character"));
}

#[test]
fn membership_is_no_part_of_the_topology() {
    let renderer = Renderer::new(BTreeMap::new()).expect("our own templates");
    let mut model = model();
    let before = renderer.render(&model, &Params::default()).expect("a text");
    let service = model.services.get_mut("web_10000").expect("a service");
    let server = service.servers.remove("10_0_0_1_31000").expect("a server");
    let after = renderer.render(&model, &Params::default()).expect("a text");
    assert!(before.config != after.config && before.topology == after.topology);
    model.services.get_mut("web_10000").expect("a service").servers.insert(server.name.clone(), server);
    model.routes.paths.clear();
    let after = renderer.render(&model, &Params::default()).expect("a text");
    assert!(before.maps != after.maps && before.topology.changes_since(&after.topology).is_empty());
    model.services.clear();
    let after = renderer.render(&model, &Params::default()).expect("a text");
    let changes: Vec<String> = after.topology.changes_since(&before.topology).iter().map(ToString::to_string).collect();
    assert_eq!(changes, ["backend web_10000 is gone", "frontend web_10000 is gone"]);
}

#[test]
fn maps_are_read_back() {
    let renderer = Renderer::new(BTreeMap::new()).expect("our own templates");
    let maps = renderer.render(&model(), &Params::default()).expect("a text").maps;
    assert_eq!(maps.text(Map::Paths), "www.example.com/a web_10000\n");
    let read = parse_map(&format!("# by hand\n\n{}", maps.text(Map::Paths)));
    assert_eq!(read, maps.0[&Map::Paths]);
}

#[test]
fn frontends_can_be_left_out() {
    let params =
        Params { http_port: None, appid_port: None, stats_port: None, stats_socket: None, ..Params::default() };
    let config = Renderer::new(BTreeMap::new()).expect("templates").render(&model(), &params).expect("a text").config;
    assert!(!config.contains("marathon_") && !config.contains("stats") && config.contains("frontend web_10000"));
    let params = Params { certificates: vec!["/etc/ssl/all/".to_owned()], ..Params::default() };
    let config = Renderer::new(BTreeMap::new()).expect("templates").render(&model(), &params).expect("a text").config;
    assert!(config.contains("bind *:443 ssl crt /etc/ssl/all/ alpn h2,http/1.1\n"), "{config}");
}
