//! `/v2/tasks`: the instances of all apps, as JSON or as the text that proxies of old are made from.

use super::{
    Api, Term,
    app_info::all,
    call::{Answered, Call, ok},
    errors::Failure,
    kill,
    task_info::TaskInfo,
};
use axum::{http::header, response::IntoResponse};
use marathon_lite_core::{
    app::AppDefinition,
    instances::{Condition, Instance},
    scheduler::View,
};
use proto_types::TaskState;
use serde::{Serialize, Serializer};
use std::fmt::Write;

/// Answers a request below `/v2/tasks`.
pub(crate) async fn answer(api: &Api, term: &Term, call: &Call) -> Answered {
    match (call.method.as_str(), &call.parts()[2..]) {
        ("GET", []) if call.accepts("text/plain") && !call.accepts("application/json") => {
            let view = term.view();
            api.write(move || {
                Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], endpoints(&view)).into_response())
            })
            .await
        }
        ("GET", []) => {
            let wanted = Wanted::of(call);
            let (view, role) = (term.view(), api.shown.role.clone());
            api.write(move || ok(&List { view: &view, wanted, role: &role })).await
        }
        (_, []) => Err(Failure::method("GET, HEAD")),
        ("POST", ["delete"]) => kill::listed(api, term, call).await,
        (_, ["delete"]) => Err(Failure::method("POST")),
        _ => Err(Failure::no_such_address()),
    }
}

/// Which states are wanted; none named: all.
#[derive(Debug, Clone, Copy, Default)]
struct Wanted {
    running: bool,
    staging: bool,
}

impl Wanted {
    fn of(call: &Call) -> Self {
        let mut wanted = Self::default();
        for status in call.query.all("status").chain(call.query.all("status[]")) {
            match status.to_ascii_lowercase().as_str() {
                "running" => wanted.running = true,
                "staging" => wanted.staging = true,
                _ => {}
            }
        }
        wanted
    }

    fn admits(self, condition: Condition) -> bool {
        match condition {
            _ if !self.running && !self.staging => true,
            Condition::Created | Condition::Task(TaskState::Staging | TaskState::Starting) => self.staging,
            Condition::Task(TaskState::Running) => self.running,
            _ => false,
        }
    }
}

struct List<'a> {
    view: &'a View,
    wanted: Wanted,
    role: &'a str,
}

impl Serialize for List<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([("tasks", Tasks(self))])
    }
}

struct Tasks<'a>(&'a List<'a>);

impl Serialize for Tasks<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeSeq;
        let List { view, wanted, role } = self.0;
        let mut out = serializer.serialize_seq(None)?;
        for (id, instances) in &view.instances {
            if view.root.pod(id).is_some() {
                continue;
            }
            let app = view.root.app(id);
            let service_ports = app.map(|app| app.service_ports()).unwrap_or_default();
            let role = app.and_then(|app| app.role.as_deref()).unwrap_or(role);
            for instance in instances.values().filter(|instance| wanted.admits(instance.condition)) {
                out.serialize_element(&TaskInfo { instance, service_ports: &service_ports, role })?;
            }
        }
        out.end()
    }
}

/// A line for each service port: the app, the port, and where its running instances are.
fn endpoints(view: &View) -> String {
    let mut text = String::new();
    for app in view.root.apps() {
        let running: Vec<&Instance> = all(view.instances.get(&app.id)).filter(|instance| instance.runs()).collect();
        lines(app, &running, &mut text);
    }
    text
}

fn lines(app: &AppDefinition, running: &[&Instance], text: &mut String) {
    let name = app.id.safe_path();
    let service_ports = app.service_ports();
    let mut line = |port: &str, mut addresses: Vec<String>| {
        addresses.sort();
        let _ = write!(text, "{name}\t{port}\t");
        for address in addresses {
            let _ = write!(text, "{address}\t");
        }
        text.push('\n');
    };
    if service_ports.is_empty() {
        return line(" ", running.iter().map(|instance| instance.host.clone()).collect());
    }
    for (index, port) in service_ports.iter().enumerate() {
        let at = |instance: &&Instance| Some(format!("{}:{}", instance.host, instance.host_ports.get(index)?));
        let addresses = running.iter().filter_map(at).collect();
        if *port == 0 { line(" ", addresses) } else { line(&port.to_string(), addresses) }
    }
}
