//! Where a service listens, and how.

use super::{
    fault::Bad,
    value::{CertificatePath, shown},
};
use std::{fmt, net::IpAddr};

/// The address a service listens at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BindAddress {
    /// All of them.
    #[default]
    Any,
    /// One.
    One(IpAddr),
}

impl BindAddress {
    pub(super) fn parse(text: &str) -> Result<Self, Bad> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let bad = |_| {
            Bad::new(format!("\"{}\" is not an address", shown(text)), "write an IP address of the load balancer, or *")
        };
        let address: IpAddr = text.parse().map_err(bad)?;
        Ok(if address.is_unspecified() && address.is_ipv4() { Self::Any } else { Self::One(address) })
    }

    /// Whether two services cannot both have one port because of their addresses.
    #[must_use]
    pub fn meets(self, other: Self) -> bool {
        match (self, other) {
            (Self::One(one), Self::One(other)) => one == other || one.is_unspecified() || other.is_unspecified(),
            _ => true,
        }
    }
}

impl fmt::Display for BindAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            // An address of version 6 is divided from its port by its last colon, as HAProxy reads it.
            Self::One(address) => address.fmt(f),
        }
    }
}

/// A word of a `bind` line, with its value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BindOption(String);

impl fmt::Display for BindOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What may follow a word.
#[derive(Clone, Copy)]
enum Value {
    None,
    Number(i64),
    OneOf(&'static [&'static str]),
    /// Cipher lists and the like.
    Listing,
    File,
    Interface,
}

/// The words of HAProxy 2.6 that a label may use. Those that touch files of the machine (`uid`, `namespace`, `process`)
/// are left to the operator.
const WORDS: [(&str, Value); 36] = [
    ("accept-proxy", Value::None),
    ("allow-0rtt", Value::None),
    ("alpn", Value::Listing),
    ("backlog", Value::Number(1_000_000)),
    ("ca-file", Value::File),
    ("ciphers", Value::Listing),
    ("ciphersuites", Value::Listing),
    ("crl-file", Value::File),
    ("crt", Value::File),
    ("curves", Value::Listing),
    ("defer-accept", Value::None),
    ("ecdhe", Value::Listing),
    ("force-sslv3", Value::None),
    ("force-tlsv10", Value::None),
    ("force-tlsv11", Value::None),
    ("force-tlsv12", Value::None),
    ("force-tlsv13", Value::None),
    ("interface", Value::Interface),
    ("maxconn", Value::Number(10_000_000)),
    ("mss", Value::Number(65_535)),
    ("nice", Value::Number(1_024)),
    ("no-ca-names", Value::None),
    ("no-sslv3", Value::None),
    ("no-tls-tickets", Value::None),
    ("no-tlsv10", Value::None),
    ("no-tlsv11", Value::None),
    ("no-tlsv12", Value::None),
    ("no-tlsv13", Value::None),
    ("prefer-client-ciphers", Value::None),
    ("ssl", Value::None),
    ("ssl-max-ver", Value::OneOf(&["TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"])),
    ("ssl-min-ver", Value::OneOf(&["TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"])),
    ("strict-sni", Value::None),
    ("tfo", Value::None),
    ("transparent", Value::None),
    ("verify", Value::OneOf(&["none", "optional", "required"])),
];

/// The most options of one label: a line of HAProxy's configuration has at most 64 words.
const MOST_OPTIONS: usize = 14;

/// Reads the words of a label, and the files that they name.
pub(super) fn parse_options(text: &str, roots: &[String]) -> Result<(Vec<BindOption>, Vec<CertificatePath>), Bad> {
    let mut words = text.split(' ').filter(|word| !word.is_empty());
    let mut options = Vec::new();
    let mut files = Vec::new();
    while let Some(word) = words.next() {
        let Some((word, value)) = WORDS.into_iter().find(|(name, _)| *name == word) else {
            return Err(Bad::new(
                format!("\"{}\" is not an option of a bind line that labels may use", shown(word)),
                "leave it out, or let the operator put it into the template of the frontend",
            ));
        };
        let option = match value {
            Value::None => word.to_owned(),
            _ => {
                let argument = words.next().unwrap_or_default();
                let missing =
                    || Bad::new(format!("\"{word}\" has no fitting value"), format!("see {word} in HAProxy's manual"));
                check(value, argument, roots, &mut files).map_err(|bad| bad.unwrap_or_else(missing))?;
                format!("{word} {argument}")
            }
        };
        options.push(BindOption(option));
    }
    if options.len() > MOST_OPTIONS {
        let why = format!("has {} options, at most {MOST_OPTIONS} are taken", options.len());
        return Err(Bad::new(why, "let the operator put them into the template of the frontend"));
    }
    Ok((options, files))
}

fn check(value: Value, text: &str, roots: &[String], files: &mut Vec<CertificatePath>) -> Result<(), Option<Bad>> {
    let every = |allowed: &[u8], most: usize| {
        let letters = |byte: u8| byte.is_ascii_alphanumeric() || allowed.contains(&byte);
        (1..=most).contains(&text.len()) && text.bytes().all(letters)
    };
    let fits = match value {
        Value::None => true,
        Value::Number(most) => super::value::number(text, 0, most).is_ok(),
        Value::OneOf(choices) => choices.contains(&text),
        Value::Listing => every(b"-_.:+!,@=/", 1_024),
        Value::Interface => every(b"-_.", 15),
        Value::File => {
            files.push(CertificatePath::parse(text, roots).map_err(Some)?);
            true
        }
    };
    if fits { Ok(()) } else { Err(None) }
}
