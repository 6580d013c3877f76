//! Labels about one port: `HAPROXY_{n}_*`.

use super::{
    Auth, Balance, BindAddress, BindOption, CertificatePath, Host, Policy, Prefix, UrlPath,
    bind::parse_options,
    fault::Bad,
    value::{flag, items, name, number, port},
};

/// A line of HAProxy's configuration has at most 64 words; with these, the options and what is always there it fits.
const MOST_CERTIFICATES: usize = 12;

/// How much of the traffic HAProxy understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// HTTP, request by request.
    Http,
    /// Connections.
    Tcp,
}

/// What the labels say about one port; what they do not say is none or empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PortLabels {
    /// AUTH: who may come in.
    pub auth: Option<Auth>,
    /// VHOST: names under which it is reached.
    pub vhosts: Vec<Host>,
    /// GROUP: the load balancers it belongs to, instead of the app's.
    pub groups: Option<Vec<String>>,
    /// PATH: the beginning of the paths under which it is reached.
    pub path: Option<UrlPath>,
    /// STICKY: whether clients come back to the server they had.
    pub sticky: bool,
    /// ENABLED: whether it gets traffic at all.
    pub enabled: Option<bool>,
    /// REDIRECT_TO_HTTPS: whether plain HTTP is sent to HTTPS.
    pub redirect_to_https: bool,
    /// USE_HSTS: whether browsers are told to use nothing but HTTPS.
    pub hsts: bool,
    /// SSL_CERT: certificates.
    pub certificates: Vec<CertificatePath>,
    /// BIND_OPTIONS: words of the `bind` line.
    pub bind_options: Vec<BindOption>,
    /// Files that BIND_OPTIONS name.
    pub bind_files: Vec<CertificatePath>,
    /// BIND_ADDR: where it listens.
    pub bind_address: BindAddress,
    /// PORT: the service port, instead of the app's.
    pub port: Option<u16>,
    /// MODE.
    pub mode: Option<Mode>,
    /// BALANCE.
    pub balance: Option<Balance>,
    /// HTTP_BACKEND_PROXYPASS_PATH: a beginning of paths that servers do not see.
    pub proxypass: Option<UrlPath>,
    /// HTTP_BACKEND_REVPROXY_PATH: what the paths in servers' redirects are to begin with.
    pub revproxy: Option<UrlPath>,
    /// HTTP_BACKEND_REDIR: where the root is redirected to.
    pub redirect: Option<UrlPath>,
    /// BACKEND_WEIGHT: which of two that match is asked first.
    pub precedence: Option<i32>,
    /// BACKEND_NETWORK_ALLOWED_ACL: from where it may be reached.
    pub allowed: Vec<Prefix>,
    /// BACKEND_HEALTHCHECK_PORT_INDEX: which port its health check asks.
    pub check_port_index: Option<u32>,
    /// SERVER_WEIGHT: the share of each task, 0 to 256. It is not one of marathon-lb's.
    pub server_weight: Option<u16>,
}

impl PortLabels {
    /// Takes one label; false if there is none of that name.
    pub(super) fn take(&mut self, label: &str, text: &str, policy: &Policy) -> Result<bool, Bad> {
        Ok(self.take_route(label, text)? || self.take_bind(label, text, policy)? || self.take_backend(label, text)?)
    }

    /// Labels that say which requests come here.
    fn take_route(&mut self, label: &str, text: &str) -> Result<bool, Bad> {
        match label {
            "VHOST" => {
                for item in items(text) {
                    let host = Host::parse(item)?;
                    if !self.vhosts.contains(&host) {
                        self.vhosts.push(host);
                    }
                }
            }
            "PATH" => self.path = Some(UrlPath::of_label(text)?),
            "GROUP" => self.groups = Some(items(text).map(name).collect::<Result<_, _>>()?),
            "ENABLED" => self.enabled = Some(flag(text)?),
            "BACKEND_WEIGHT" => {
                let weight = number(text, -1_000_000, 1_000_000)?;
                self.precedence = i32::try_from(weight).ok();
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Labels about the port it listens on.
    fn take_bind(&mut self, label: &str, text: &str, policy: &Policy) -> Result<bool, Bad> {
        match label {
            "PORT" => self.port = Some(port(text)?),
            "MODE" => {
                self.mode = match text {
                    "http" => Some(Mode::Http),
                    "tcp" => Some(Mode::Tcp),
                    _ => return Err(Bad::new(format!("\"{}\" is no mode", super::shown(text)), "write http or tcp")),
                }
            }
            "BIND_ADDR" => self.bind_address = BindAddress::parse(text)?,
            "BIND_OPTIONS" => (self.bind_options, self.bind_files) = parse_options(text, &policy.certificate_roots)?,
            "SSL_CERT" => {
                let path = |item| CertificatePath::parse(item, &policy.certificate_roots);
                self.certificates = items(text).map(path).collect::<Result<_, _>>()?;
                if self.certificates.len() > MOST_CERTIFICATES {
                    let why = format!(
                        "names {} certificates, at most {MOST_CERTIFICATES} are taken",
                        self.certificates.len()
                    );
                    return Err(Bad::new(why, "put them into one directory and name that"));
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Labels about what is done with a request.
    fn take_backend(&mut self, label: &str, text: &str) -> Result<bool, Bad> {
        match label {
            "AUTH" => self.auth = Some(Auth::parse(text)?),
            "STICKY" => self.sticky = flag(text)?,
            "REDIRECT_TO_HTTPS" => self.redirect_to_https = flag(text)?,
            "USE_HSTS" => self.hsts = flag(text)?,
            "BALANCE" => self.balance = Some(Balance::parse(text)?),
            "HTTP_BACKEND_PROXYPASS_PATH" => self.proxypass = Some(UrlPath::of_label(text)?),
            "HTTP_BACKEND_REVPROXY_PATH" => self.revproxy = Some(UrlPath::of_label(text)?),
            "HTTP_BACKEND_REDIR" => self.redirect = Some(UrlPath::of_label(text)?),
            "BACKEND_NETWORK_ALLOWED_ACL" => self.allowed = Prefix::parse_list(text)?,
            "BACKEND_HEALTHCHECK_PORT_INDEX" => {
                self.check_port_index = u32::try_from(number(text, 0, 999)?).ok();
            }
            "SERVER_WEIGHT" => self.server_weight = u16::try_from(number(text, 0, 256)?).ok(),
            _ => return Ok(false),
        }
        Ok(true)
    }
}
