//! Where a cluster's masters are, as agents and clients are told.

use crate::{Address, InvalidAddress};
use std::{fmt, str::FromStr};

/// Where masters are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Masters {
    /// These, `host:port`; at least one. Any of them knows who leads.
    Listed(Vec<String>),
    /// ZooKeeper knows who leads.
    Elected(Address),
}

/// The text says not where masters are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMasters {
    /// Nothing is named.
    #[error("names no master")]
    Nobody,
    /// It is no address of ZooKeeper.
    #[error(transparent)]
    Address(#[from] InvalidAddress),
}

impl FromStr for Masters {
    type Err = InvalidMasters;

    fn from_str(text: &str) -> Result<Self, InvalidMasters> {
        if Address::is_meant_by(text) {
            return Ok(Self::Elected(text.parse()?));
        }
        let masters: Vec<String> =
            text.split(',').map(str::trim).filter(|master| !master.is_empty()).map(str::to_owned).collect();
        if masters.is_empty() { Err(InvalidMasters::Nobody) } else { Ok(Self::Listed(masters)) }
    }
}

impl fmt::Display for Masters {
    /// For people: without a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listed(masters) => f.write_str(&masters.join(",")),
            Self::Elected(address) => address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_zookeeper_are_told_apart() {
        assert_eq!("a:1, b:2,".parse(), Ok(Masters::Listed(vec!["a:1".to_owned(), "b:2".to_owned()])));
        assert_eq!(" , ".parse::<Masters>(), Err(InvalidMasters::Nobody));
        let elected: Masters = "zk://u:p@a,b:2/x".parse().unwrap();
        assert_eq!(elected.to_string(), "zk://u:***@a:2181,b:2/x");
        assert!("zk://a".parse::<Masters>().is_err());
    }
}
