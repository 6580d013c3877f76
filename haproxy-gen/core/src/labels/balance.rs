//! How connections are spread over servers.

use super::{fault::Bad, value::shown};
use std::fmt;

/// A way to spread connections, with what HAProxy needs for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Balance {
    method: &'static str,
    parameter: Option<String>,
}

/// The methods, and whether they take or need a parameter in parentheses or after a space.
const METHODS: [(&str, Parameter); 9] = [
    ("roundrobin", Parameter::None),
    ("static-rr", Parameter::None),
    ("leastconn", Parameter::None),
    ("first", Parameter::None),
    ("source", Parameter::None),
    ("uri", Parameter::None),
    ("random", Parameter::Number),
    ("url_param", Parameter::Word),
    ("hdr", Parameter::Name),
];

#[derive(Clone, Copy, PartialEq)]
enum Parameter {
    None,
    /// `random(2)`
    Number,
    /// `url_param name`
    Word,
    /// `hdr(name)`
    Name,
}

impl Balance {
    /// One server after the other.
    pub const ROUND_ROBIN: Self = Self { method: "roundrobin", parameter: None };

    pub(super) fn parse(text: &str) -> Result<Self, Bad> {
        let unknown = || {
            let names: Vec<&str> = METHODS.iter().map(|(name, _)| *name).collect();
            Bad::new(format!("\"{}\" is no way to balance", shown(text)), format!("write one of {}", names.join(", ")))
        };
        let (method, parameter) = match text.split_once(['(', ' ']) {
            None => (text, None),
            Some((method, rest)) if text[method.len()..].starts_with('(') => {
                (method, Some(rest.strip_suffix(')').ok_or_else(unknown)?))
            }
            Some((method, rest)) => (method, Some(rest.trim_matches(' '))),
        };
        let (method, kind) = METHODS.into_iter().find(|(name, _)| *name == method).ok_or_else(unknown)?;
        let word = |text: &str| {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            (1..=64).contains(&text.len()) && text.bytes().all(allowed)
        };
        let fits = match (kind, parameter) {
            (Parameter::None | Parameter::Number, None) => true,
            (Parameter::Number, Some(number)) => number.parse::<u8>().is_ok_and(|number| number > 0) && word(number),
            (Parameter::Word | Parameter::Name, Some(name)) => word(name),
            _ => false,
        };
        if !fits {
            return Err(unknown());
        }
        Ok(Self { method, parameter: parameter.map(ToOwned::to_owned) })
    }

    /// Whether HAProxy can take servers in and out while it runs. With `static-rr` it cannot.
    #[must_use]
    pub fn is_dynamic(&self) -> bool {
        self.method != "static-rr"
    }

    /// Whether the choice follows a hash, which must be a consistent one for servers to come and go.
    #[must_use]
    pub fn is_hash(&self) -> bool {
        matches!(self.method, "source" | "uri" | "url_param" | "hdr")
    }

    /// Whether it reads HTTP, so that it means nothing to plain TCP.
    #[must_use]
    pub fn needs_http(&self) -> bool {
        matches!(self.method, "uri" | "url_param" | "hdr")
    }
}

impl fmt::Display for Balance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.parameter, self.method) {
            (None, method) => f.write_str(method),
            (Some(parameter), "url_param") => write!(f, "url_param {parameter}"),
            (Some(parameter), method) => write!(f, "{method}({parameter})"),
        }
    }
}
