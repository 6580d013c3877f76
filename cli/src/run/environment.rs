//! Texts of the command line that stand for parts of a task.

use proffer_framework::container;
use std::str::FromStr;

/// A variable of an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// A mount of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Volume {
    pub(crate) source: String,
    pub(crate) path: String,
    pub(crate) read_only: bool,
}

/// A network of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Network(pub(crate) container::Network);

impl FromStr for Variable {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok(Self { name: name.to_owned(), value: value.to_owned() }),
            _ => Err("is not of the form NAME=VALUE".to_owned()),
        }
    }
}

impl FromStr for Volume {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (text, read_only) = match text.strip_suffix(":ro") {
            Some(rest) => (rest, true),
            None => (text, false),
        };
        match text.split_once(':') {
            Some((source, path)) if !source.is_empty() && path.starts_with('/') => {
                Ok(Self { source: source.to_owned(), path: path.to_owned(), read_only })
            }
            _ => Err("is not of the form SOURCE:/PATH or SOURCE:/PATH:ro".to_owned()),
        }
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self(match text {
            "" => return Err("names no network".to_owned()),
            "host" => container::Network::Host,
            "bridge" => container::Network::Bridge,
            "none" => container::Network::None,
            name => container::Network::Named(name.to_owned()),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read() {
        assert_eq!("A=b=c".parse::<Variable>().unwrap().value, "b=c");
        assert!("=b".parse::<Variable>().is_err());
        let volume = "data:/srv:ro".parse::<Volume>().unwrap();
        assert_eq!((volume.source.as_str(), volume.path.as_str(), volume.read_only), ("data", "/srv", true));
        assert!("data:srv".parse::<Volume>().is_err());
        assert_eq!("x".parse::<Network>().unwrap().0, container::Network::Named("x".to_owned()));
    }
}
