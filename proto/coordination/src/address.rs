//! `zk://user:password@host:port,host:port/path`: where a cluster's ZooKeeper is.

use std::{fmt, str::FromStr};

/// What an address begins with.
const SCHEME: &str = "zk://";

/// ZooKeeper's port if none is named.
const PORT: u16 = 2181;

/// Where a cluster's ZooKeeper is, and where in it the cluster is.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    servers: Vec<String>,
    path: String,
    /// `user:password`.
    credentials: Option<String>,
}

/// The text is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}; write zk://[USER:PASSWORD@]HOST:PORT[,HOST:PORT ...]/PATH")]
pub struct InvalidAddress {
    problem: String,
}

impl Address {
    /// Whether a text is meant to be one.
    #[must_use]
    pub fn is_meant_by(text: &str) -> bool {
        text.starts_with(SCHEME)
    }

    /// The servers, `host:port`.
    #[must_use]
    pub fn servers(&self) -> &[String] {
        &self.servers
    }

    /// The path; it begins with a slash and does not end with one.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// As whom to ask, `user:password`.
    #[must_use]
    pub fn credentials(&self) -> Option<&str> {
        self.credentials.as_deref()
    }

    /// Another path in the same ZooKeeper, below this one.
    #[must_use]
    pub fn below(&self, name: &str) -> Self {
        Self { path: format!("{}/{name}", self.path), ..self.clone() }
    }

    /// The address in full, with the password: for another process, not for people.
    #[must_use]
    pub fn reveal(&self) -> String {
        let credentials = self.credentials.as_ref().map(|credentials| format!("{credentials}@")).unwrap_or_default();
        format!("{SCHEME}{credentials}{}{}", self.servers.join(","), self.path)
    }
}

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let wrong = |problem: String| InvalidAddress { problem };
        let rest = text.strip_prefix(SCHEME).ok_or_else(|| wrong("it does not begin with zk://".to_owned()))?;
        // A password may hold slashes and at-signs; neither servers nor paths hold the latter.
        let (credentials, rest) = match rest.rsplit_once('@') {
            Some((credentials, rest)) => (Some(credentials), rest),
            None => (None, rest),
        };
        if credentials.is_some_and(|credentials| !credentials.contains(':') || credentials.starts_with(':')) {
            return Err(wrong("before the @ there must be USER:PASSWORD".to_owned()));
        }
        let (servers, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let path = path.trim_end_matches('/');
        if path.is_empty() {
            return Err(wrong("it names no path; each cluster has its own, such as /proffer".to_owned()));
        }
        if path.split('/').skip(1).any(|part| matches!(part, "" | "." | "..")) || path.contains(char::is_control) {
            return Err(wrong(format!("{path:?} is no path of ZooKeeper")));
        }
        if path == "/zookeeper" || path.starts_with("/zookeeper/") {
            return Err(wrong("/zookeeper is ZooKeeper's own".to_owned()));
        }
        let servers = servers.split(',').map(server).collect::<Result<_, _>>().map_err(wrong)?;
        Ok(Self { servers, path: path.to_owned(), credentials: credentials.map(str::to_owned) })
    }
}

fn server(text: &str) -> Result<String, String> {
    let text = text.trim();
    let (host, port) = match text.rsplit_once(':') {
        // The colons of an IPv6 address stand in brackets.
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    if host.is_empty() {
        return Err(format!("{text:?} names no host"));
    }
    if host.contains(':') && !(host.starts_with('[') && host.ends_with(']')) {
        return Err(format!("{host:?} is no host; an IPv6 address stands in brackets"));
    }
    match port.map(str::parse::<u16>) {
        None => Ok(format!("{host}:{PORT}")),
        Some(Ok(port)) if port > 0 => Ok(format!("{host}:{port}")),
        Some(_) => Err(format!("{text:?}: the port must be a number from 1 to 65535")),
    }
}

impl fmt::Display for Address {
    /// For people: without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SCHEME)?;
        if let Some((user, _)) = self.credentials.as_deref().and_then(|credentials| credentials.split_once(':')) {
            write!(f, "{user}:***@")?;
        }
        write!(f, "{}{}", self.servers.join(","), self.path)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_path_and_credentials_are_read() {
        let address: Address = "zk://ann:s/e@c,r@a:1,b,[::1]:3/proffer/east/".parse().unwrap();
        assert_eq!(address.servers(), ["a:1", "b:2181", "[::1]:3"]);
        assert_eq!(address.path(), "/proffer/east");
        assert_eq!(address.credentials(), Some("ann:s/e@c,r"));
        assert_eq!(address.to_string(), "zk://ann:***@a:1,b:2181,[::1]:3/proffer/east");
        assert_eq!(format!("{address:?}"), address.to_string());
        assert_eq!(address.reveal().parse::<Address>().as_ref(), Ok(&address));
        assert_eq!(address.below("x").path(), "/proffer/east/x");
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, problem) in [
            ("a:1/p", "does not begin"),
            ("zk://a:1", "names no path"),
            ("zk://a:1/", "names no path"),
            ("zk://a:1//p", "no path of ZooKeeper"),
            ("zk://a:1/../p", "no path of ZooKeeper"),
            ("zk://a:1/zookeeper/x", "ZooKeeper's own"),
            ("zk://ann@a:1/p", "USER:PASSWORD"),
            ("zk://a:x/p", "port"),
            ("zk://a:0/p", "port"),
            ("zk://a,,b/p", "no host"),
            ("zk://::1:2181/p", "brackets"),
        ] {
            let error = text.parse::<Address>().unwrap_err().to_string();
            assert!(error.contains(problem) && error.contains("zk://["), "{text}: {error}");
        }
    }
}
