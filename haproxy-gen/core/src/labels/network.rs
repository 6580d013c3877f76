//! Networks from which a backend may be reached.

use super::{fault::Bad, value::shown};
use std::{fmt, net::IpAddr};

/// An address or a range of addresses, as in `10.1.40.0/24`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    address: IpAddr,
    length: Option<u8>,
}

impl Prefix {
    fn parse(text: &str) -> Option<Self> {
        let (address, length) = match text.split_once('/') {
            None => (text, None),
            Some((address, length)) => (address, Some(length)),
        };
        let address: IpAddr = address.parse().ok()?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let length = match length {
            None => None,
            Some(length) if length.len() <= 3 && length.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(length.parse().ok().filter(|length| *length <= longest)?)
            }
            Some(_) => return None,
        };
        Some(Self { address, length })
    }

    /// A list, divided by spaces or commas.
    pub(super) fn parse_list(text: &str) -> Result<Vec<Self>, Bad> {
        let items = text.split([' ', ',']).filter(|item| !item.is_empty());
        items
            .map(|item| {
                Self::parse(item).ok_or_else(|| {
                    Bad::new(
                        format!("\"{}\" is neither an address nor a range of addresses", shown(item)),
                        "write addresses and ranges divided by spaces, such as 10.1.40.0/24 10.1.55.43",
                    )
                })
            })
            .collect()
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.length {
            None => self.address.fmt(f),
            Some(length) => write!(f, "{}/{length}", self.address),
        }
    }
}
