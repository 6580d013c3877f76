//! Which names and paths lead where.

use super::{Report, Service};
use crate::labels::{Effect, Host, Mode};
use std::collections::BTreeMap;

/// The keys of HAProxy's maps, and the backends they lead to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Routes {
    /// By name alone. `*.example.com` stands for any one label.
    pub domains: BTreeMap<String, String>,
    /// By name and the beginning of the path, as in `www.example.com/books`; the longest wins.
    pub paths: BTreeMap<String, String>,
    /// By the header `X-Marathon-App-Id`.
    pub apps: BTreeMap<String, String>,
}

/// A service asks for a name.
struct Claim<'a> {
    path: &'a str,
    service: &'a Service,
}

/// Routes to services, where of several that ask for the same the one of the highest precedence wins, then the one with
/// the longest path, then the one whose app's id comes first.
pub(super) fn route(services: &BTreeMap<String, Service>, reports: &mut Vec<Report>) -> Routes {
    let mut routes = Routes::default();
    let mut claims: BTreeMap<&Host, Vec<Claim<'_>>> = BTreeMap::new();
    for service in services.values().filter(|service| service.mode == Mode::Http) {
        let path = service.path.as_ref().map_or("/", |path| path.as_str());
        for host in &service.vhosts {
            claims.entry(host).or_default().push(Claim { path, service });
        }
    }
    for (host, mut claims) in claims {
        claims.sort_by_key(|claim| {
            let Claim { path, service } = claim;
            (-i64::from(service.precedence), usize::MAX - path.len(), &service.app, service.index)
        });
        let mut won: Vec<Claim<'_>> = Vec::new();
        for claim in claims {
            if let Some(winner) = won.iter().find(|winner| claim.path.starts_with(winner.path)) {
                reports.push(lost(host, &claim, winner));
                continue;
            }
            let backend = claim.service.name.clone();
            match claim.path {
                "/" => routes.domains.insert(host.to_string(), backend),
                path => routes.paths.insert(format!("{host}{path}"), backend),
            };
            won.push(claim);
        }
    }
    let mut by_app: Vec<&Service> = services.values().filter(|service| service.mode == Mode::Http).collect();
    by_app.sort_by_key(|service| (&service.app, service.index));
    for service in by_app {
        routes.apps.entry(service.asked_as.to_ascii_lowercase()).or_insert_with(|| service.name.clone());
    }
    routes
}

fn lost(host: &Host, claim: &Claim<'_>, winner: &Claim<'_>) -> Report {
    Report {
        app: claim.service.app.clone(),
        port: Some(claim.service.index),
        label: format!("HAPROXY_{}_VHOST", claim.service.index),
        why: format!("{host}{} already leads to {} by {host}{}", claim.path, winner.service.app, winner.path),
        remedy: format!("take another name or path, or set HAPROXY_{}_BACKEND_WEIGHT", claim.service.index),
        effect: Effect::RouteLeftOut,
    }
}
