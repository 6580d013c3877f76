//! What is asked of instances.

use super::{
    NoAddress,
    address::{authority, of_host, of_port},
};
use crate::{
    app::{AppDefinition, CheckedPort, HealthCheck, HealthProtocol},
    instances::Instance,
};
use std::time::Duration;

/// No health check waits longer than this for its first probe.
const FIRST_AFTER_MAX: Duration = Duration::from_secs(5);

/// What a probe came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProbeResult {
    /// Healthy.
    Passed,
    /// Not healthy, and why.
    Failed(String),
    /// It says nothing: the state stays (1xx answers with `ignoreHttp1xx`).
    Ignored,
}

/// What is asked, by whoever does it for the core.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// `http` or `https`, with host, port and path; or `tcp` with host and port.
    pub target: ProbeTarget,
    /// Until the first one.
    pub first_after: Duration,
    /// From one to the next.
    pub interval: Duration,
    /// How long one may take.
    pub timeout: Duration,
}

/// Whom a probe asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProbeTarget {
    /// A GET; certificates are not checked.
    Http {
        /// The whole URL.
        url: String,
        /// Whether 1xx says nothing.
        ignore_1xx: bool,
    },
    /// A connection.
    Tcp {
        /// Name or address.
        host: String,
        /// The port.
        port: u16,
    },
}

impl ProbeResult {
    /// What an HTTP status means: 200 to 399 is healthy.
    #[must_use]
    pub fn of_status(status: u16, ignore_1xx: bool) -> Self {
        match status {
            200..=399 => Self::Passed,
            100..=199 if ignore_1xx => Self::Ignored,
            _ => Self::Failed(format!("HTTP status {status}")),
        }
    }
}

/// How long after an instance began to run a check is made first.
#[must_use]
pub fn first_after(interval: Duration) -> Duration {
    interval.min(FIRST_AFTER_MAX)
}

/// The probe of a health check for an instance, which runs; none: its executor makes the check.
///
/// # Errors
/// Why the instance cannot be asked, or not yet.
pub fn probe(app: &AppDefinition, check: &HealthCheck, instance: &Instance) -> Result<Option<Probe>, NoAddress> {
    if check.protocol.is_executor_level() {
        return Ok(None);
    }
    let (host, port) = match check.port {
        Some(CheckedPort::Number(port)) => (of_host(app, instance)?, port),
        Some(CheckedPort::Index(index)) => of_port(app, instance, usize::from(index))?,
        None => {
            of_port(app, instance, 0).map_err(|why| if why == NoAddress::NotYet { why } else { NoAddress::NoPort })?
        }
    };
    let url = |scheme: &str| ProbeTarget::Http {
        url: format!("{scheme}://{}{}", authority(&host, port), check.request_path()),
        ignore_1xx: check.ignore_http_1xx.unwrap_or(false),
    };
    let target = match check.protocol {
        HealthProtocol::Http => url("http"),
        HealthProtocol::Https => url("https"),
        HealthProtocol::Tcp => ProbeTarget::Tcp { host: host.clone(), port },
        HealthProtocol::Command | HealthProtocol::MesosHttp | HealthProtocol::MesosHttps | HealthProtocol::MesosTcp => {
            return Ok(None);
        }
    };
    let (interval, timeout) = (check.interval, check.timeout);
    Ok(Some(Probe { target, first_after: first_after(interval), interval, timeout }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::Network;
    use crate::app::{Container, Engine, PathId, PortDefinition, PortMapping, Timestamp};
    use proto_types::{AgentId, Labels, TaskId};

    fn app() -> AppDefinition {
        AppDefinition::new(PathId::parse("/web").unwrap())
    }

    fn instance(host_ports: &[u16], address: Option<&str>) -> Instance {
        let (id, agent) = (TaskId::new("web.1").unwrap(), AgentId::new("a1").unwrap());
        let mut instance = Instance::new(id, PathId::parse("/web").unwrap(), agent, "h1".into(), Timestamp::default());
        instance.host_ports = host_ports.to_vec();
        instance.ip_addresses = address.map(str::to_owned).into_iter().collect();
        instance
    }

    fn url(app: &AppDefinition, check: &HealthCheck, instance: &Instance) -> Result<String, NoAddress> {
        match probe(app, check, instance)?.unwrap().target {
            ProbeTarget::Http { url, .. } => Ok(url),
            ProbeTarget::Tcp { host, port } => Ok(format!("tcp://{host}:{port}")),
        }
    }

    fn mapped(network: Network, mappings: &[(u16, Option<u16>)]) -> AppDefinition {
        let mapping = |(container_port, host_port): &(u16, Option<u16>)| PortMapping {
            container_port: *container_port,
            host_port: *host_port,
            ..PortMapping::default()
        };
        let container = Container {
            engine: Engine::Docker,
            docker: None,
            volumes: Vec::new(),
            port_mappings: mappings.iter().map(mapping).collect(),
        };
        AppDefinition { networks: vec![network], port_definitions: Vec::new(), container: Some(container), ..app() }
    }

    #[test]
    fn with_the_agents_network_it_is_the_agent_that_is_asked() {
        let app = AppDefinition { port_definitions: vec![PortDefinition::default(); 2], ..app() };
        let one = instance(&[31_000, 31_007], Some("10.0.0.1"));
        let mut check = HealthCheck::new(HealthProtocol::Http, Some(CheckedPort::Index(1)));
        assert_eq!(url(&app, &check, &one).unwrap(), "http://h1:31007/");
        check.path = Some("health?deep=1".into());
        check.protocol = HealthProtocol::Https;
        check.port = None;
        assert_eq!(url(&app, &check, &one).unwrap(), "https://h1:31000/health?deep=1");
        check.port = Some(CheckedPort::Number(80));
        check.protocol = HealthProtocol::Tcp;
        assert_eq!(url(&app, &check, &one).unwrap(), "tcp://h1:80");
        check.port = Some(CheckedPort::Index(2));
        assert_eq!(url(&app, &check, &one), Err(NoAddress::NoSuchPort(2)));
        let portless = AppDefinition { port_definitions: Vec::new(), ..app };
        check.port = None;
        assert_eq!(url(&portless, &check, &one), Err(NoAddress::NoPort));
    }

    #[test]
    fn with_a_bridge_it_is_the_port_on_the_agent() {
        let app = mapped(Network::Bridge { labels: Labels::new() }, &[(80, Some(0))]);
        let check = HealthCheck::new(HealthProtocol::Http, Some(CheckedPort::Index(0)));
        assert_eq!(url(&app, &check, &instance(&[31_000], Some("172.17.0.2"))).unwrap(), "http://h1:31000/");
    }

    #[test]
    fn with_a_network_of_the_engine_it_is_the_container() {
        let network = Network::Container { name: "dcos".into(), labels: Labels::new() };
        let app = mapped(network, &[(80, None), (0, Some(0)), (8080, None)]);
        let check = |index| HealthCheck::new(HealthProtocol::Http, Some(CheckedPort::Index(index)));
        let one = instance(&[31_000], Some("fd00::2"));
        assert_eq!(url(&app, &check(0), &one).unwrap(), "http://[fd00::2]:80/");
        assert_eq!(url(&app, &check(1), &one).unwrap(), "http://[fd00::2]:31000/");
        assert_eq!(url(&app, &check(2), &one).unwrap(), "http://[fd00::2]:8080/");
        let fresh = instance(&[31_000], None);
        assert_eq!(url(&app, &check(0), &fresh), Err(NoAddress::NotYet));
        assert_eq!(url(&app, &check(1), &fresh).unwrap(), "http://h1:31000/");
    }

    #[test]
    fn the_first_probe_is_soon_and_executors_need_none() {
        let one = instance(&[31_000], None);
        let mut check = HealthCheck::new(HealthProtocol::Http, None);
        assert_eq!(probe(&app(), &check, &one).unwrap().unwrap().first_after, Duration::from_secs(5));
        check.interval = Duration::from_secs(2);
        assert_eq!(probe(&app(), &check, &one).unwrap().unwrap().first_after, Duration::from_secs(2));
        for protocol in HealthProtocol::ALL.into_iter().filter(|protocol| protocol.is_executor_level()) {
            assert_eq!(probe(&app(), &HealthCheck::new(protocol, None), &one), Ok(None));
        }
    }

    #[test]
    fn statuses_from_200_to_399_are_healthy() {
        for status in [200, 204, 302, 399] {
            assert_eq!(ProbeResult::of_status(status, false), ProbeResult::Passed);
        }
        for status in [100, 199, 400, 500, 599] {
            assert!(matches!(ProbeResult::of_status(status, false), ProbeResult::Failed(_)));
        }
        assert_eq!(ProbeResult::of_status(103, true), ProbeResult::Ignored);
    }
}
