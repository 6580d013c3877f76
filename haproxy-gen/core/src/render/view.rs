//! A service as templates see it: texts and flags.

use crate::{
    labels::Mode,
    model::{Check, Service},
};
use serde::Serialize;

#[derive(Debug, Serialize)]
pub(super) struct ServiceView {
    name: String,
    app: String,
    index: u32,
    port: u16,
    address: String,
    bind_options: Vec<String>,
    /// Whether the options name protocols for ALPN themselves.
    alpn: bool,
    certificates: Vec<String>,
    mode: &'static str,
    http: bool,
    balance: String,
    hash: bool,
    sticky: bool,
    cookie: String,
    /// All names, wildcards too.
    vhosts: Vec<String>,
    /// The names that are names of one host.
    hosts: Vec<String>,
    host_pattern: String,
    path: Option<String>,
    auth: Option<AuthView>,
    allowed: Vec<String>,
    redirect_to_https: bool,
    hsts: bool,
    proxypass: Option<String>,
    revproxy: Option<String>,
    redirect: Option<String>,
    check: Option<CheckView>,
}

#[derive(Debug, Serialize)]
struct AuthView {
    realm: String,
    user: String,
    hash: String,
}

#[derive(Debug, Serialize)]
struct CheckView {
    path: Option<String>,
    tls: bool,
    interval_ms: u64,
    /// While a server is neither quite up nor quite down it is asked more often.
    fast_ms: u64,
    timeout_ms: u64,
    fall: u32,
}

/// How often a server is asked that has just failed or come back, at least.
const FAST_MS: u64 = 1_000;

fn texts<T: ToString>(items: &[T]) -> Vec<String> {
    items.iter().map(T::to_string).collect()
}

impl ServiceView {
    pub(super) fn of(service: &Service) -> Self {
        let hosts: Vec<String> =
            service.vhosts.iter().filter(|host| !host.is_wildcard()).map(ToString::to_string).collect();
        let host_pattern = hosts.iter().map(|host| host.replace('.', "[.]")).collect::<Vec<_>>().join("|");
        let bind_options = texts(&service.bind_options);
        Self {
            name: service.name.clone(),
            app: service.app.to_string(),
            index: service.index,
            port: service.port,
            address: service.address.to_string(),
            alpn: bind_options.iter().any(|option| option.starts_with("alpn ")),
            bind_options,
            certificates: texts(&service.certificates),
            mode: if service.mode == Mode::Http { "http" } else { "tcp" },
            http: service.mode == Mode::Http,
            balance: service.balance.to_string(),
            hash: service.balance.is_hash(),
            sticky: service.sticky,
            cookie: "proffer_server".to_owned(),
            vhosts: texts(&service.vhosts),
            host_pattern,
            path: service.path.as_ref().map(ToString::to_string),
            auth: service.auth.as_ref().map(|auth| AuthView {
                realm: auth.realm.clone(),
                user: auth.user.clone(),
                hash: auth.hash.clone(),
            }),
            allowed: texts(&service.allowed),
            redirect_to_https: service.redirect_to_https,
            hsts: service.hsts,
            proxypass: service.proxypass.as_ref().map(|path| path.pattern()),
            revproxy: service.revproxy.as_ref().map(|path| path.as_str().trim_end_matches('/').to_owned()),
            redirect: service.redirect.as_ref().map(ToString::to_string),
            check: service.check.as_ref().map(CheckView::of),
            hosts,
        }
    }
}

impl CheckView {
    fn of(check: &Check) -> Self {
        Self {
            path: check.path.as_ref().map(ToString::to_string),
            tls: check.tls,
            interval_ms: check.interval_ms,
            fast_ms: check.interval_ms.min(FAST_MS),
            timeout_ms: check.timeout_ms,
            fall: check.fall,
        }
    }
}
