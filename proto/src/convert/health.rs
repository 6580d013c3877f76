//! Health checks.

use super::{
    Invalid,
    at::{At, list, required},
    text::{environment, filled, millis, port, to_millis, without_nul},
};
use crate::v1::{self, health_check::Probe as WireProbe};
use proto_types::health::{HealthCheck, Probe};

pub(crate) fn health_check(wire: v1::HealthCheck, at: &At<'_>) -> Result<HealthCheck, Invalid> {
    let interval = wire.interval_ms.unwrap_or(10_000);
    if interval == 0 {
        return Err(at.field("interval_ms").invalid("must be at least 1"));
    }
    Ok(HealthCheck {
        probe: probe(required(wire.probe, &at.field("probe"))?, at)?,
        delay: millis(wire.delay_ms.unwrap_or(15_000)),
        interval: millis(interval),
        timeout: millis(wire.timeout_ms.unwrap_or(20_000)),
        grace_period: millis(wire.grace_period_ms.unwrap_or(10_000)),
        consecutive_failures: wire.consecutive_failures.unwrap_or(3),
    })
}

fn probe(wire: WireProbe, at: &At<'_>) -> Result<Probe, Invalid> {
    match wire {
        WireProbe::Http(wire) => http(wire, &at.field("http")),
        WireProbe::Tcp(wire) => Ok(Probe::Tcp { port: port(wire.port, &at.field("tcp").field("port"))? }),
        WireProbe::Command(wire) => command(wire, &at.field("command")),
        WireProbe::Grpc(wire) => {
            Ok(Probe::Grpc { port: port(wire.port, &at.field("grpc").field("port"))?, service: wire.service })
        }
    }
}

fn http(wire: v1::HttpProbe, at: &At<'_>) -> Result<Probe, Invalid> {
    let scheme = if wire.scheme.is_empty() { "http".to_owned() } else { wire.scheme };
    if !matches!(scheme.as_str(), "http" | "https") {
        return Err(at.field("scheme").invalid(format_args!("{scheme:?} is neither http nor https")));
    }
    let path = if wire.path.is_empty() { "/".to_owned() } else { wire.path };
    if !path.starts_with('/') || path.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(at.field("path").invalid(format_args!("{path:?} must begin with '/' and contain no spaces")));
    }
    Ok(Probe::Http { scheme, port: port(wire.port, &at.field("port"))?, path })
}

fn command(wire: v1::CommandProbe, at: &At<'_>) -> Result<Probe, Invalid> {
    let at = at.field("command");
    let wire = required(wire.command, &at)?;
    if wire.shell && !wire.arguments.is_empty() {
        return Err(at.field("arguments").invalid("not with shell; write them into value, or leave shell out"));
    }
    let mut command = list(wire.arguments, &at.field("arguments"), without_nul)?;
    command.insert(0, filled(wire.value, &at.field("value"))?);
    Ok(Probe::Command {
        command,
        shell: wire.shell,
        environment: environment(wire.environment, &at.field("environment"))?,
    })
}

impl From<&HealthCheck> for v1::HealthCheck {
    fn from(check: &HealthCheck) -> Self {
        Self {
            probe: Some(WireProbe::from(&check.probe)),
            delay_ms: Some(to_millis(check.delay)),
            interval_ms: Some(to_millis(check.interval)),
            timeout_ms: Some(to_millis(check.timeout)),
            grace_period_ms: Some(to_millis(check.grace_period)),
            consecutive_failures: Some(check.consecutive_failures),
        }
    }
}

impl From<&Probe> for WireProbe {
    fn from(probe: &Probe) -> Self {
        match probe {
            Probe::Http { scheme, port, path } => {
                Self::Http(v1::HttpProbe { scheme: scheme.clone(), port: (*port).into(), path: path.clone() })
            }
            Probe::Tcp { port } => Self::Tcp(v1::TcpProbe { port: (*port).into() }),
            Probe::Command { command, shell, environment } => {
                let (value, arguments) = command
                    .split_first()
                    .map_or_else(Default::default, |(value, arguments)| (value.clone(), arguments.to_vec()));
                let command = v1::Command {
                    value,
                    shell: *shell,
                    arguments,
                    environment: environment.clone(),
                    ..v1::Command::default()
                };
                Self::Command(v1::CommandProbe { command: Some(command) })
            }
            Probe::Grpc { port, service } => {
                Self::Grpc(v1::GrpcProbe { port: (*port).into(), service: service.clone() })
            }
        }
    }
}
