//! Each resource against a hand-made view, and a driver that answers what it is told to.

mod resources;
mod rules;
mod standby;
mod writes;

use super::{Api, Shown, router};
use crate::{
    callbacks::Callbacks,
    driver::Message,
    events::Events,
    handle::Handle,
    metrics::Metrics,
    proxy::Proxy,
    term::{Inbox, Term},
};
use axum::{
    body::Body,
    http::{HeaderMap, Method, Request, StatusCode},
};
use marathon_lite_core::{
    app::{AppDefinition, HealthCheck, HealthProtocol, PathId, PortDefinition, ReadinessCheck, Timestamp, VersionInfo},
    deployment::{Action, ActionKind, Deployment, DeploymentId, Progress, Step},
    group::Root,
    instances::{CheckHealth, Condition, Instance, TaskFailure, instance_id},
    pods,
    scheduler::{Answer, Command, Refused, View},
    support::Support,
};
use proto_types::{AgentId, FrameworkId, TaskId, TaskState};
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tower::ServiceExt;

/// What was asked of the driver.
type Asked = Arc<Mutex<Vec<Command>>>;

/// A server with a hand-made view.
struct World {
    api: Api,
    term: Arc<Term>,
    asked: Asked,
}

/// An answer.
struct Got {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Got {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

fn path(text: &str) -> PathId {
    PathId::parse(text).unwrap()
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn task(app: &str, number: u32) -> TaskId {
    instance_id(&path(app), &format!("00000000-0000-4000-8000-{number:012}")).unwrap()
}

fn app(id: &str, ports: &[u16]) -> AppDefinition {
    let mut app = AppDefinition::new(path(id));
    app.cmd = Some("sleep 1000".into());
    app.port_definitions =
        ports.iter().map(|port| PortDefinition { port: *port, ..PortDefinition::default() }).collect();
    app.version = at(2000);
    app.version_info = VersionInfo { last_scaling_at: at(2000), last_config_change_at: at(1000) };
    app
}

fn instance(app: &str, number: u32, state: TaskState) -> Instance {
    let agent = AgentId::new(format!("A{number}")).unwrap();
    let mut one = Instance::new(task(app, number), path(app), agent, format!("h{number}"), at(1000));
    one.condition = Condition::Task(state);
    one.host_ports = vec![31_000 + u16::try_from(number).unwrap()];
    one.started_at = (state == TaskState::Running).then(|| at(1500));
    one
}

fn pod() -> Value {
    json!({"id": "/shop/cache", "containers": [
        {"name": "redis", "resources": {"cpus": 0.1, "mem": 32}, "exec": {"command": {"shell": "redis"}}}
    ]})
}

/// A shop: a web server with health and readiness checks that is being deployed, a job without ports, and a pod.
fn view() -> View {
    let mut web = app("/shop/web", &[10_001, 0]);
    web.labels = [("tier".to_owned(), "front".to_owned())].into();
    web.health_checks = vec![HealthCheck::new(HealthProtocol::Http, None)];
    web.readiness_checks = vec![ReadinessCheck::default()];
    let mut job = app("/job", &[]);
    job.cmd = Some("run Report".into());
    let old = AppDefinition { version: at(1000), instances: 7, ..web.clone() };
    let mut root = Root::new(at(1));
    root.put_app(Arc::new(web.clone()), at(2000));
    root.put_app(Arc::new(job), at(2000));
    root.put_pod(Arc::new(pods::define(&pod(), None, &Support::default()).unwrap()), at(2000));
    let mut healthy = instance("/shop/web", 1, TaskState::Running);
    healthy.health = vec![CheckHealth { alive: Some(true), ..CheckHealth::default() }];
    healthy.config_version = at(1000);
    healthy.readiness.last_response = Some((503, "text/plain".into(), "soon".into()));
    let mut unknown = instance("/shop/web", 2, TaskState::Running);
    unknown.health = vec![CheckHealth::default()];
    let staged = instance("/shop/web", 3, TaskState::Staging);
    let of_job = instance("/job", 4, TaskState::Running);
    let of_pod = instance("/shop/cache", 5, TaskState::Running);
    let by_id = |instances: Vec<Instance>| -> imbl::OrdMap<TaskId, Arc<Instance>> {
        instances.into_iter().map(|one| (one.id.clone(), Arc::new(one))).collect()
    };
    let failure = TaskFailure {
        task: task("/shop/web", 9),
        state: TaskState::Failed,
        message: "exited with code 1".into(),
        host: "h9".into(),
        agent: None,
        timestamp: at(900),
        version: at(800),
    };
    let action = Action { kind: ActionKind::RestartApplication, id: path("/shop/web"), pod: false };
    let steps = vec![Step { actions: vec![action] }];
    let deployment = Deployment {
        id: DeploymentId("d-1".into()),
        version: at(2000),
        original: Root::new(at(1)),
        target: root.clone(),
        progress: Progress::begin(&steps[0], at(2000)),
        steps: steps.into(),
        current_step: 0,
        is_rollback: false,
    };
    let versions = [(at(1000), Arc::new(old)), (at(2000), Arc::new(web))].into_iter().collect();
    View {
        framework: Some(FrameworkId::new("F-1").unwrap()),
        instances: [
            (path("/shop/web"), by_id(vec![healthy, unknown, staged])),
            (path("/job"), by_id(vec![of_job])),
            (path("/shop/cache"), by_id(vec![of_pod])),
        ]
        .into_iter()
        .collect(),
        deployments: [(deployment.id.clone(), Arc::new(deployment))].into_iter().collect(),
        queue: imbl::OrdMap::new(),
        failures: [(path("/shop/web"), failure)].into_iter().collect(),
        app_versions: imbl::OrdMap::unit(path("/shop/web"), versions),
        pod_versions: imbl::OrdMap::new(),
        root_versions: [(at(1), Root::new(at(1))), (at(2000), root.clone())].into_iter().collect(),
        root,
    }
}

impl World {
    /// A server whose driver answers every command so.
    fn answering(result: Result<Answer, Refused>) -> Self {
        Self::with(view(), Some(result))
    }

    fn new() -> Self {
        Self::with(view(), None)
    }

    fn with(view: View, result: Option<Result<Answer, Refused>>) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let bell = proffer_framework::Framework::builder("test").build().unwrap().handle();
        let (inbox, mut messages) = Inbox::new(bell);
        let asked = Asked::default();
        let recorded = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Some(message) = messages.recv().await {
                match message {
                    Message::Command { command, answer, .. } => {
                        recorded.lock().unwrap().push(*command);
                        if let Some(result) = result.clone() {
                            answer.send(result).unwrap();
                        }
                    }
                    Message::KeepCallbacks { done, .. } => done.send(()).unwrap(),
                    Message::Input(_) => {}
                }
            }
        });
        let events = Arc::new(Events::new(3, 100));
        let callbacks = Callbacks::new(reqwest::Client::new(), Arc::clone(&events), &[]);
        let term = Arc::new(Term::new(view, inbox, events, callbacks, Duration::from_millis(500)));
        let handle = Arc::new(Handle::new("h0:8080".into(), None));
        handle.lead(Arc::clone(&term));
        let shown = Shown {
            framework_name: "marathon".into(),
            role: "*".into(),
            http_port: 8080,
            callbacks: true,
            body_bytes_max: 10_000,
            allowed_origins: vec!["http://ui".into()],
            ..Shown::default()
        };
        let (counts, metrics) = Metrics::new(&handle);
        let proxy = Arc::new(Proxy::new().unwrap());
        Self { api: Api { handle, shown: Arc::new(shown), metrics, counts, proxy }, term, asked }
    }

    async fn get(&self, uri: &str) -> Got {
        self.send(Method::GET, uri, &[], "").await
    }

    async fn post(&self, uri: &str, body: &str) -> Got {
        self.send(Method::POST, uri, &[], body).await
    }

    async fn send(&self, method: Method, uri: &str, headers: &[(&str, &str)], body: &str) -> Got {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let response = router(self.api.clone()).oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Got { status: parts.status, headers: parts.headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    fn commands(&self) -> Vec<Command> {
        self.asked.lock().unwrap().clone()
    }
}

/// A deployment that was begun.
fn deployed(created: Option<AppDefinition>) -> Result<Answer, Refused> {
    Ok(Answer::Deployed { deployment: DeploymentId("d-2".into()), version: at(3000), created: created.map(Arc::new) })
}
