//! Service ports for services that have none.

use super::{Options, PortKey};
use crate::source::Digest;
use std::collections::{BTreeMap, BTreeSet};

/// Gives each a port: the one it had, else one that follows from its name, else the next free one. None if all are taken.
pub(super) fn assign(wanting: &[PortKey], taken: &BTreeSet<u16>, options: &Options) -> BTreeMap<PortKey, Option<u16>> {
    let mut taken: BTreeSet<u16> = taken.union(&options.reserved_ports).copied().collect();
    let mut assigned = BTreeMap::new();
    for key in wanting {
        let before = options.assigned.get(key).filter(|port| options.service_ports.contains(port));
        if let Some(port) = before.filter(|port| taken.insert(**port)) {
            assigned.insert(key.clone(), Some(*port));
        }
    }
    for key in wanting {
        if !assigned.contains_key(key) {
            let port = candidates(key, options).find(|port| !taken.contains(port));
            taken.extend(port);
            assigned.insert(key.clone(), port);
        }
    }
    assigned
}

fn candidates(key: &PortKey, options: &Options) -> impl Iterator<Item = u16> {
    let (first, last) = (u64::from(*options.service_ports.start()), u64::from(*options.service_ports.end()));
    let number = (last + 1).saturating_sub(first);
    let start = if number == 0 { 0 } else { Digest::of(key).number() % number };
    (0..number).filter_map(move |step| u16::try_from(first + (start + step) % number).ok())
}
