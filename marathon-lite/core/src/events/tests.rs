//! Every event with its fields, byte for byte.

use super::*;
use crate::{
    app::{AppDefinition, CheckedPort, HealthCheck, HealthProtocol, PathId},
    deployment::{Action, ActionKind, Deployment, DeploymentId, Step},
    group::Root,
    instances::{Condition, Instance},
};
use proto_types::{AgentId, ExecutorId, FrameworkId, TaskId, TaskState, TaskStatus, status::Source, time::Wall};
use serde_json::json;

fn now() -> Timestamp {
    "2014-03-01T23:29:30.158Z".parse().unwrap()
}

fn version() -> Timestamp {
    "2014-04-04T06:26:23.051Z".parse().unwrap()
}

fn app() -> PathId {
    PathId::parse("/my-app").unwrap()
}

fn instance() -> Instance {
    let (id, agent) = (TaskId::new("my-app.1").unwrap(), AgentId::new("S1").unwrap());
    let mut one = Instance::new(id, app(), agent, "h1".into(), version());
    one.host_ports = vec![31_372];
    one.ip_addresses = vec!["10.0.0.2".into()];
    one.condition = Condition::Task(TaskState::Running);
    one
}

fn deployment() -> Deployment {
    let action = |kind, id: &str, pod| Action { kind, id: PathId::parse(id).unwrap(), pod };
    Deployment {
        id: DeploymentId("d1".into()),
        version: version(),
        original: Root::new(now()),
        target: Root::new(version()),
        steps: [
            Step { actions: vec![action(ActionKind::StopApplication, "/old", false)] },
            Step {
                actions: vec![
                    action(ActionKind::ScaleApplication, "/my-app", false),
                    action(ActionKind::RestartApplication, "/my-pod", true),
                ],
            },
        ]
        .into(),
        current_step: 1,
        progress: crate::deployment::Progress::default(),
        is_rollback: false,
    }
}

/// That an event has these fields besides its type and time, and no others.
fn assert_event(event: &Event, kind: &str, mut fields: Value) {
    fields["eventType"] = kind.into();
    fields["timestamp"] = "2014-03-01T23:29:30.158Z".into();
    let text = event.json();
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), fields);
    assert!(!text.contains('\n') && !text.contains('\r'), "one line");
}

#[test]
fn of_instances() {
    let one = instance();
    let report = TaskStatus::new(one.id.clone(), TaskState::Running, Source::Executor, Wall(0));
    assert_event(
        &status_update(now(), &one, &report, "a\r\nb"),
        "status_update_event",
        json!({
            "slaveId": "S1", "taskId": "my-app.1", "taskStatus": "TASK_RUNNING", "message": "a\r\nb", "appId": "/my-app",
            "host": "h1", "ipAddresses": [{"ipAddress": "10.0.0.2", "protocol": "IPv4"}], "ports": [31372],
            "version": "2014-04-04T06:26:23.051Z",
        }),
    );
    assert_event(
        &instance_changed(now(), &one),
        "instance_changed_event",
        json!({
            "instanceId": "my-app.1", "condition": "Running", "runSpecId": "/my-app", "agentId": "S1", "host": "h1",
            "runSpecVersion": "2014-04-04T06:26:23.051Z",
        }),
    );
    assert_event(
        &unknown_instance_terminated(now(), &one.id, &app(), Condition::Task(TaskState::GoneByOperator)),
        "unknown_instance_terminated_event",
        json!({"instanceId": "my-app.1", "runSpecId": "/my-app", "condition": "Gone"}),
    );
}

#[test]
fn of_health() {
    let one = instance();
    let check = HealthCheck::new(HealthProtocol::Http, Some(CheckedPort::Index(0)));
    let shown = json!({
        "protocol": "HTTP", "portIndex": 0, "gracePeriodSeconds": 300, "intervalSeconds": 60, "timeoutSeconds": 20,
        "delaySeconds": 15, "maxConsecutiveFailures": 3,
    });
    let version = "2014-04-04T06:26:23.051Z";
    assert_event(
        &add_health_check(now(), &app(), self::version(), &check),
        "add_health_check_event",
        json!({"appId": "/my-app", "healthCheck": shown, "version": version}),
    );
    assert_event(&remove_health_check(now(), &app()), "remove_health_check_event", json!({"appId": "/my-app"}));
    assert_event(
        &failed_health_check(now(), &one, &check),
        "failed_health_check_event",
        json!({"appId": "/my-app", "taskId": "my-app.1", "instanceId": "my-app.1", "healthCheck": shown}),
    );
    assert_event(
        &health_status_changed(now(), &one, true),
        "health_status_changed_event",
        json!({"appId": "/my-app", "instanceId": "my-app.1", "taskId": "my-app.1", "version": version, "alive": true}),
    );
    assert_event(
        &instance_health_changed(now(), &one, Some(false)),
        "instance_health_changed_event",
        json!({"instanceId": "my-app.1", "runSpecId": "/my-app", "healthy": false, "runSpecVersion": version}),
    );
    assert_event(
        &unhealthy_instance_kill(now(), &one, "500 Internal Server Error"),
        "unhealthy_instance_kill_event",
        json!({
            "appId": "/my-app", "taskId": "my-app.1", "instanceId": "my-app.1", "version": version,
            "reason": "500 Internal Server Error", "host": "h1", "slaveId": "S1",
        }),
    );
}

#[test]
fn of_deployments() {
    let one = deployment();
    let first = json!({"actions": [{"action": "StopApplication", "app": "/old"}]});
    let second = json!({"actions": [
        {"action": "ScaleApplication", "app": "/my-app"}, {"action": "RestartApplication", "pod": "/my-pod"},
    ]});
    let plan = json!({
        "id": "d1", "version": "2014-04-04T06:26:23.051Z", "steps": [first, second], "original": {}, "target": {},
    });
    let step = |step: &Value| json!({"plan": plan, "currentStep": step});
    assert_event(&deployment_info(now(), &one), "deployment_info", step(&second));
    assert_event(&deployment_step_success(now(), &one, 0), "deployment_step_success", step(&first));
    assert_event(&deployment_step_failure(now(), &one, 1), "deployment_step_failure", step(&second));
    assert_event(&deployment_step_success(now(), &one, 9), "deployment_step_success", step(&json!({"actions": []})));
    assert_event(&deployment_success(now(), &one), "deployment_success", json!({"id": "d1", "plan": plan}));
    assert_event(&deployment_failed(now(), &one, None), "deployment_failed", json!({"id": "d1", "plan": plan}));
    assert_event(
        &deployment_failed(now(), &one, Some("cancelled")),
        "deployment_failed",
        json!({"id": "d1", "plan": plan, "reason": "cancelled"}),
    );
}

#[test]
fn of_what_clients_do() {
    let definition = AppDefinition::new(app());
    assert_event(
        &api_post(now(), "::1", "/v2/apps/my-app", &definition),
        "api_post_event",
        json!({"clientIp": "::1", "uri": "/v2/apps/my-app", "appDefinition": definition.render()}),
    );
    let pod = json!({"clientIp": "::1", "uri": "/v2/pods/p"});
    assert_event(&pod_created(now(), "::1", "/v2/pods/p"), "pod_created_event", pod.clone());
    assert_event(&pod_updated(now(), "::1", "/v2/pods/p"), "pod_updated_event", pod.clone());
    assert_event(&pod_deleted(now(), "::1", "/v2/pods/p"), "pod_deleted_event", pod);
    assert_event(&app_terminated(now(), &app()), "app_terminated_event", json!({"appId": "/my-app"}));
    let changed = json!({"groupId": "/my-app", "version": "2014-04-04T06:26:23.051Z"});
    assert_event(&group_change_success(now(), &app(), version()), "group_change_success", changed.clone());
    let mut failed = changed;
    failed["reason"] = "no".into();
    assert_event(&group_change_failed(now(), &app(), version(), "no"), "group_change_failed", failed);
    let callback = json!({"clientIp": "::1", "callbackUrl": "http://c"});
    assert_event(&subscribe(now(), "::1", "http://c"), "subscribe_event", callback.clone());
    assert_event(&unsubscribe(now(), "::1", "http://c"), "unsubscribe_event", callback);
}

#[test]
fn of_the_system() {
    let address = json!({"remoteAddress": "1.2.3.4"});
    assert_event(&event_stream_attached(now(), "1.2.3.4"), "event_stream_attached", address.clone());
    assert_event(&event_stream_detached(now(), "1.2.3.4"), "event_stream_detached", address);
    assert_event(&events_lost(now(), None), "events_lost", json!({}));
    assert_event(&events_lost(now(), Some(3)), "events_lost", json!({"missed": 3}));
    let (executor, agent) = (ExecutorId::new("e1").unwrap(), AgentId::new("S1").unwrap());
    assert_event(
        &framework_message(now(), &executor, &agent, "aGk="),
        "framework_message_event",
        json!({"executorId": "e1", "slaveId": "S1", "message": "aGk="}),
    );
    let framework = FrameworkId::new("F1").unwrap();
    let master = "10.0.0.1:5050";
    assert_event(
        &scheduler_registered(now(), &framework, master),
        "scheduler_registered_event",
        json!({"frameworkId": "F1", "master": master}),
    );
    assert_event(&scheduler_reregistered(now(), master), "scheduler_reregistered_event", json!({"master": master}));
    assert_event(&scheduler_disconnected(now()), "scheduler_disconnected_event", json!({}));
}
