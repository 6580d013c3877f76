//! The health check by which HAProxy itself looks at the servers of a port.

use super::{Check, Report};
use crate::{
    labels::{Effect, PortLabels, UrlPath},
    source::{App, CheckProtocol, HealthCheck},
};

/// Whom a check asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// The port that gets the traffic.
    Same,
    /// Another port of the task, by index.
    Index(u32),
    /// A fixed port.
    Fixed(u16),
}

/// The check for a port: the app's check of the same port (or of the one that the label names), or one with a fixed port.
pub(super) fn check_of(
    app: &App,
    index: u32,
    labels: &PortLabels,
    reports: &mut Vec<Report>,
) -> Option<(Check, Asked)> {
    let of = labels.check_port_index.unwrap_or(index);
    let fits =
        |check: &&HealthCheck| check.port_index == Some(of) || (check.port_index.is_none() && check.port.is_some());
    let usable = app.checks.iter().enumerate().filter(|(_, check)| check.protocol != CheckProtocol::Other);
    let (number, check) = usable.into_iter().find(|(_, check)| fits(check))?;
    let path = match check.protocol {
        CheckProtocol::Http | CheckProtocol::Https => {
            match UrlPath::parse_with_query(check.path.as_deref().unwrap_or("/")) {
                Ok(path) => Some(path),
                Err(why) => {
                    reports.push(Report {
                        app: app.id.clone(),
                        port: Some(index),
                        label: format!("healthChecks[{number}].path"),
                        why,
                        remedy: "use a plain path; until then HAProxy checks nothing itself".to_owned(),
                        effect: Effect::Ignored,
                    });
                    return None;
                }
            }
        }
        CheckProtocol::Tcp | CheckProtocol::Other => None,
    };
    let asked = match (check.port, check.port_index) {
        (Some(port), _) => Asked::Fixed(port),
        (None, Some(at)) if at != index => Asked::Index(at),
        _ => Asked::Same,
    };
    let tls = check.protocol == CheckProtocol::Https;
    let (interval_ms, timeout_ms) = (check.interval_ms, check.timeout_ms);
    // Marathon kills a task at the failure after the last that it tolerates.
    let fall = check.failures.saturating_add(1).min(1_000);
    Some((Check { path, tls, interval_ms, timeout_ms, fall }, asked))
}
