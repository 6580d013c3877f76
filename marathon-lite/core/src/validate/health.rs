//! Health and readiness checks.

use crate::{
    app::{AppDefinition, CheckedPort, HealthCheck, HealthProtocol},
    json::Report,
};

pub(super) fn check(app: &AppDefinition, at: &str, report: &Report) {
    let ports = app.service_ports().len();
    for (index, check) in app.health_checks.iter().enumerate() {
        health_check(check, ports, &format!("{at}/healthChecks({index})"), report);
    }
    if app.health_checks.iter().filter(|check| check.protocol.is_executor_level()).count() > 1 {
        let why = "can contain at most one health check that runs beside the task: COMMAND, MESOS_HTTP, MESOS_HTTPS \
                   or MESOS_TCP";
        report.refuse(&format!("{at}/healthChecks"), why);
    }
    readiness_checks(app, at, report);
}

fn health_check(check: &HealthCheck, ports: usize, path: &str, report: &Report) {
    let command = check.protocol == HealthProtocol::Command;
    if command && check.command.is_none() {
        report.refuse(&format!("{path}/command"), "not defined; a COMMAND check needs {\"value\": \"...\"}");
    }
    if !command && check.command.is_some() {
        report.refuse(&format!("{path}/command"), "is allowed with protocol COMMAND only");
    }
    if check.path.is_some() && !check.protocol.is_http() {
        report.refuse(&format!("{path}/path"), format!("is not allowed with protocol {}", check.protocol.name()));
    }
    if check.ignore_http_1xx == Some(true) && !matches!(check.protocol, HealthProtocol::Http | HealthProtocol::Https) {
        report.refuse(&format!("{path}/ignoreHttp1xx"), "is allowed with protocol HTTP and HTTPS only");
    }
    match check.port {
        Some(CheckedPort::Index(index)) if usize::from(index) >= ports && !command => report.refuse(
            &format!("{path}/portIndex"),
            "Health check port indices must address an element of the ports array or container port mappings.",
        ),
        Some(CheckedPort::Number(0)) => {
            report.refuse(&format!("{path}/port"), "must be at least 1, but is 0");
        }
        None if !command => {
            report.refuse(path, "needs a 'port', since the app has no ports that 'portIndex' could name")
        }
        _ => {}
    }
}

fn readiness_checks(app: &AppDefinition, at: &str, report: &Report) {
    if app.readiness_checks.len() > 1 {
        report.refuse(&format!("{at}/readinessChecks"), "may contain one readiness check only");
    }
    let names = app.port_names();
    for (index, check) in app.readiness_checks.iter().enumerate() {
        let path = format!("{at}/readinessChecks({index})");
        if check.timeout >= check.interval {
            let (timeout, interval) = (check.timeout.as_secs(), check.interval.as_secs());
            report.refuse(
                &format!("{path}/timeoutSeconds"),
                format!("Timeout ({timeout} seconds) must be less than the interval ({interval} seconds)."),
            );
        }
        if !names.contains(&Some(check.port_name.as_str())) {
            let why = format!("'{}' is not the name of a port of this app", check.port_name);
            report.refuse(&format!("{path}/portName"), why);
        }
    }
}
