//! Records.

use super::Name;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Addresses of version 4.
    A,
    /// Addresses of version 6.
    Aaaa,
    /// Ports and the names of their hosts.
    Srv,
    /// All there is.
    Any,
}

/// What a name has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Record {
    /// An address of version 4.
    A(Ipv4Addr),
    /// An address of version 6.
    Aaaa(Ipv6Addr),
    /// A port; all have the priority 0 and the weight 1.
    Srv {
        /// The port.
        port: u16,
        /// The name that has its address.
        target: Name,
    },
}

impl Record {
    pub(super) fn address(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::A(address),
            IpAddr::V6(address) => Self::Aaaa(address),
        }
    }

    /// Whether it answers a question of this kind.
    #[must_use]
    pub fn is(&self, kind: Kind) -> bool {
        matches!(
            (self, kind),
            (_, Kind::Any) | (Self::A(_), Kind::A) | (Self::Aaaa(_), Kind::Aaaa) | (Self::Srv { .. }, Kind::Srv)
        )
    }
}
