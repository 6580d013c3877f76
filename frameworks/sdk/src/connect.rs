//! Connections to masters.

use crate::Error;
use std::{fmt, str::FromStr};
use tonic::transport::Channel;

/// How much may be on its way in one stream; less would stop a busy one for a round trip.
const STREAM_WINDOW: u32 = 4 << 20;

/// How the address of an election begins.
const ELECTED: &str = "zk://";

/// Where a master listens, `host:port`; or, with the feature `zookeeper`, where masters are elected,
/// `zk://[user:password@]host:port[,host:port ...]/path`.
#[derive(Clone, PartialEq, Eq)]
pub struct MasterAddress(String);

impl Default for MasterAddress {
    /// Where a master listens if nobody says otherwise.
    fn default() -> Self {
        Self("127.0.0.1:5050".to_owned())
    }
}

impl FromStr for MasterAddress {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |message: &str| Error::Address { address: text.to_owned(), message: message.to_owned() };
        if text.starts_with(ELECTED) {
            return elected(text).map(Self).map_err(|message| Error::Election { message });
        }
        let (host, port) = text.rsplit_once(':').ok_or_else(|| wrong("it has no port"))?;
        if host.is_empty() {
            return Err(wrong("it has no host"));
        }
        match port.parse::<u16>() {
            Ok(0) | Err(_) => return Err(wrong("the port must be a number from 1 to 65535")),
            Ok(_) => {}
        }
        kit::channel::endpoint(text).map_err(|error| wrong(&kit::exit::chain(&error)))?;
        Ok(Self(text.to_owned()))
    }
}

impl MasterAddress {
    /// Several addresses, separated by commas, or that of an election.
    ///
    /// # Errors
    /// The first that is none.
    pub fn list(text: &str) -> Result<Vec<Self>, Error> {
        if text.starts_with(ELECTED) {
            return Ok(vec![text.parse()?]);
        }
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(Self::from_str).collect()
    }

    /// Whether masters are elected there.
    #[must_use]
    pub fn is_elected(&self) -> bool {
        self.0.starts_with(ELECTED)
    }

    /// The address as text, in full: that of an election may hold a password.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MasterAddress {
    /// For people: without a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.is_elected(), self.0.rsplit_once('@')) {
            (true, Some((_, servers))) => f.pad(&format!("{ELECTED}***@{servers}")),
            _ => f.pad(&self.0),
        }
    }
}

impl fmt::Debug for MasterAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(feature = "zookeeper")]
fn elected(text: &str) -> Result<String, String> {
    let address: coordination::Address =
        text.parse().map_err(|error: coordination::InvalidAddress| error.to_string())?;
    Ok(address.reveal())
}

#[cfg(not(feature = "zookeeper"))]
fn elected(_: &str) -> Result<String, String> {
    Err("this program was built without the feature zookeeper; name masters as host:port".to_owned())
}

/// A connection to a master, opened when it is first used.
#[must_use]
pub fn channel(master: &MasterAddress) -> Channel {
    kit::channel::endpoint(master.as_str())
        .expect("a master's address was checked to make an endpoint")
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(STREAM_WINDOW)
        .connect_lazy()
}

/// What a failed call says to people: the innermost cause, which names the operating system's reason.
#[must_use]
pub(crate) fn describe(status: &tonic::Status) -> String {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(status);
    let mut innermost = None;
    while let Some(error) = cause {
        innermost = Some(error.to_string());
        cause = error.source();
    }
    innermost.unwrap_or_else(|| {
        if status.message().is_empty() { format!("{:?}", status.code()) } else { status.message().to_owned() }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked() {
        assert_eq!(MasterAddress::list("a:1, b:2,").unwrap().len(), 2);
        for wrong in ["localhost", ":5050", "a:0", "a:65536", "a:x", "a b:1"] {
            assert!(MasterAddress::from_str(wrong).is_err(), "{wrong}");
        }
    }
}
