//! Which ports on the agent an instance gets.

use super::run_spec::PortWish;
use proto_types::resources::Ranges;
use std::collections::BTreeSet;

/// A port for each wish, of those that are free; `seed` says where the search for free ones begins, so that a port that
/// became free is not at once that of another app, whose clients may still come. Ports without a fixed number are
/// consecutive where there are so many in a row. None: there are too few, or a fixed one is taken.
pub(super) fn pick(free: &Ranges, wishes: &[PortWish], seed: u64) -> Option<Vec<Option<u16>>> {
    let fixed = fixed(wishes);
    if !fixed.iter().all(|port| is_free(free, *port)) {
        return None;
    }
    let taken = Ranges::new(fixed.iter().map(|port| (u64::from(*port), u64::from(*port)))).ok()?;
    let wanted = wishes.iter().filter(|wish| **wish == PortWish::Any).count();
    let mut chosen = choose(&free.difference(&taken), wanted, seed)?.into_iter();
    let port = |wish: &PortWish| match wish {
        PortWish::Nothing => Some(None),
        PortWish::Fixed(port) => Some(Some(*port)),
        PortWish::Any => chosen.next().map(Some),
    };
    wishes.iter().map(port).collect()
}

/// The fixed ports; the same may be wished for more than one protocol.
pub(super) fn fixed(wishes: &[PortWish]) -> BTreeSet<u16> {
    let port = |wish: &PortWish| match wish {
        PortWish::Fixed(port) => Some(*port),
        PortWish::Nothing | PortWish::Any => None,
    };
    wishes.iter().filter_map(port).collect()
}

/// Whether a port is free.
pub(super) fn is_free(free: &Ranges, port: u16) -> bool {
    free.iter().any(|(first, last)| (first..=last).contains(&u64::from(port)))
}

/// So many free ports.
fn choose(free: &Ranges, count: usize, seed: u64) -> Option<Vec<u16>> {
    let wanted = u64::try_from(count).ok()?;
    if wanted == 0 {
        return Some(Vec::new());
    }
    if free.count() < wanted {
        return None;
    }
    let beginnings = |(first, last): (u64, u64)| (last - first + 1).saturating_sub(wanted - 1);
    let all: u64 = free.iter().map(beginnings).sum();
    if all == 0 {
        let skipped = usize::try_from(seed % free.count()).ok()?;
        let around = free.numbers().skip(skipped).chain(free.numbers());
        return around.take(count).map(|port| u16::try_from(port).ok()).collect();
    }
    let mut position = seed % all;
    for (first, last) in free.iter() {
        let here = beginnings((first, last));
        if position < here {
            let start = first + position;
            return (start..start + wanted).map(|port| u16::try_from(port).ok()).collect();
        }
        position -= here;
    }
    None
}

/// A number that is the same for the same text and spread evenly (FNV-1a).
pub(super) fn seed_of(text: &str) -> u64 {
    let mixed = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    // The low bits of FNV-1a depend on the low bits of the text alone; the high ones do not.
    mixed ^ (mixed >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use PortWish::{Any, Fixed, Nothing};
    use proptest::prelude::*;

    fn picked(free: &[(u64, u64)], wishes: &[PortWish], seed: u64) -> Option<Vec<Option<u16>>> {
        pick(&Ranges::new(free.iter().copied()).unwrap(), wishes, seed)
    }

    #[test]
    fn dynamic_ports_are_in_a_row_where_there_is_one() {
        let free = [(10, 10), (20, 21), (30, 32)];
        assert_eq!(picked(&free, &[Any, Any, Any], 7), Some(vec![Some(30), Some(31), Some(32)]));
        assert_eq!(picked(&free, &[Any, Any], 1), Some(vec![Some(30), Some(31)]));
        assert_eq!(picked(&free, &[Any, Any, Any, Any], 0), Some(vec![Some(10), Some(20), Some(21), Some(30)]));
        assert_eq!(picked(&free, &[Any, Any, Any, Any], 4), Some(vec![Some(31), Some(32), Some(10), Some(20)]));
        assert_eq!(picked(&free, &[Any; 7], 0), None);
    }

    #[test]
    fn fixed_ports_are_those_and_no_others() {
        let free = [(80, 81), (31_000, 31_001)];
        assert_eq!(
            picked(&free, &[Fixed(80), Nothing, Any, Fixed(80)], 0),
            Some(vec![Some(80), None, Some(81), Some(80)])
        );
        assert_eq!(picked(&free, &[Fixed(82)], 0), None);
        assert_eq!(picked(&[], &[Nothing], 0), Some(vec![None]));
        assert_eq!(picked(&[], &[], 0), Some(vec![]));
    }

    #[test]
    fn seeds_of_like_texts_differ_everywhere() {
        let ports: BTreeSet<u64> = (0..100).map(|index| seed_of(&format!("a.{index}")) % 1000).collect();
        assert!(ports.len() > 80, "{}", ports.len());
    }

    proptest! {
        #[test]
        fn what_is_picked_is_free_and_picked_once(
            free in proptest::collection::vec((1_u64..200, 0_u64..5), 0..8),
            fixed in proptest::collection::btree_set(1_u16..200, 0..3),
            dynamic in 0_usize..6,
            seed: u64,
        ) {
            let free = Ranges::new(free.into_iter().map(|(first, length)| (first, first + length))).unwrap();
            let wishes: Vec<PortWish> = fixed.iter().map(|port| Fixed(*port)).chain(vec![Any; dynamic]).collect();
            let enough = free.count() >= (fixed.len() + dynamic) as u64 && fixed.iter().all(|port| is_free(&free, *port));
            let ports = pick(&free, &wishes, seed);
            prop_assert_eq!(ports.is_some(), enough);
            let ports: Vec<u16> = ports.unwrap_or_default().into_iter().flatten().collect();
            prop_assert!(ports.iter().all(|port| is_free(&free, *port)));
            prop_assert_eq!(ports.iter().collect::<BTreeSet<_>>().len(), ports.len());
        }
    }
}
