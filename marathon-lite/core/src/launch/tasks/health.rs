//! The health checks that an executor runs beside a task.

use super::port::Port;
use crate::{
    app::{self, AppDefinition, CheckedPort, HealthProtocol, Scheme},
    pods::{PodCommand, PodHealthCheck, PodProbe},
};
use proto_types::health::{HealthCheck, Probe};
use std::collections::BTreeMap;

/// The app's check of this kind, if it has one; the others are the scheduler's.
pub(super) fn of_app(app: &AppDefinition, ports: &[Port<'_>]) -> Option<HealthCheck> {
    let check = app.health_checks.iter().find(|check| check.protocol.is_executor_level())?;
    Some(HealthCheck {
        probe: probe(check, ports)?,
        delay: check.delay,
        interval: check.interval,
        timeout: check.timeout,
        grace_period: check.grace_period,
        consecutive_failures: check.max_consecutive_failures,
    })
}

/// Executors ask containers that have an address of their own under that one, so the port is the one inside.
fn probe(check: &app::HealthCheck, ports: &[Port<'_>]) -> Option<Probe> {
    let port = || match check.port {
        Some(CheckedPort::Number(number)) => Some(number),
        Some(CheckedPort::Index(index)) => ports.get(usize::from(index))?.inside,
        None => ports.first()?.inside,
    };
    let http =
        |scheme: &str| Some(Probe::Http { scheme: scheme.to_owned(), port: port()?, path: check.request_path() });
    match check.protocol {
        HealthProtocol::MesosHttp => http("http"),
        HealthProtocol::MesosHttps => http("https"),
        HealthProtocol::MesosTcp => Some(Probe::Tcp { port: port()? }),
        HealthProtocol::Command => Some(line(check.command.clone()?)),
        HealthProtocol::Http | HealthProtocol::Https | HealthProtocol::Tcp => None,
    }
}

fn line(line: String) -> Probe {
    Probe::Command { command: vec![line], shell: true, environment: BTreeMap::new() }
}

/// The check of a pod's container.
pub(super) fn of_container(check: &PodHealthCheck, ports: &[Port<'_>]) -> Option<HealthCheck> {
    let port = |name: &str| ports.iter().find(|port| port.name == name)?.inside;
    let probe = match &check.probe {
        PodProbe::Http { endpoint, path, scheme } => Probe::Http {
            scheme: match scheme {
                Scheme::Http => "http".to_owned(),
                Scheme::Https => "https".to_owned(),
            },
            port: port(endpoint)?,
            path: format!("/{}", path.as_deref().unwrap_or_default().trim_start_matches('/')),
        },
        PodProbe::Tcp { endpoint } => Probe::Tcp { port: port(endpoint)? },
        PodProbe::Command(PodCommand::Shell(text)) => line(text.clone()),
        PodProbe::Command(PodCommand::Argv(arguments)) => {
            Probe::Command { command: arguments.clone(), shell: false, environment: BTreeMap::new() }
        }
    };
    Some(HealthCheck {
        probe,
        delay: check.delay,
        interval: check.interval,
        timeout: check.timeout,
        grace_period: check.grace_period,
        consecutive_failures: check.max_consecutive_failures,
    })
}
