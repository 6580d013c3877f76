//! Ranges against the plain set of their numbers, near zero and near the largest number.

use proptest::{collection::vec, prelude::*};
use proto_types::resources::{InvalidRange, Ranges};
use std::collections::BTreeSet;

/// How many numbers the model has.
const NUMBERS: u64 = 40;

/// Where the model's numbers lie: at either end of all numbers.
fn base() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(u64::MAX - (NUMBERS - 1))]
}

type Pairs = Vec<(u64, u64)>;

fn pairs(base: u64) -> impl Strategy<Value = Pairs> {
    vec((0..NUMBERS, 0..NUMBERS), 0..6)
        .prop_map(move |pairs| pairs.into_iter().map(|(a, b)| (base + a.min(b), base + a.max(b))).collect())
}

fn set(pairs: &[(u64, u64)]) -> BTreeSet<u64> {
    pairs.iter().flat_map(|(start, end)| *start..=*end).collect()
}

/// Two sets of ranges over the same numbers.
fn two() -> impl Strategy<Value = (Pairs, Pairs)> {
    base().prop_flat_map(|base| (pairs(base), pairs(base)))
}

/// Checks that ranges are in their one canonical form and hold just these numbers.
fn check(ranges: &Ranges, numbers: &BTreeSet<u64>) -> Result<(), TestCaseError> {
    let pairs: Vec<_> = ranges.iter().collect();
    prop_assert!(pairs.iter().all(|(start, end)| start <= end), "{:?}", pairs);
    prop_assert!(pairs.windows(2).all(|two| two[0].1 < u64::MAX && two[0].1 + 1 < two[1].0), "{:?}", pairs);
    prop_assert!(ranges.numbers().eq(numbers.iter().copied()), "{:?} is not {:?}", pairs, numbers);
    prop_assert_eq!(ranges.count(), numbers.len() as u64);
    prop_assert_eq!(ranges.is_empty(), numbers.is_empty());
    Ok(())
}

proptest! {
    #[test]
    fn are_canonical((pairs, _) in two()) {
        check(&Ranges::new(pairs.clone()).unwrap(), &set(&pairs))?;
    }

    #[test]
    fn agree_with_sets((left, right) in two()) {
        let (a, b) = (Ranges::new(left.clone()).unwrap(), Ranges::new(right.clone()).unwrap());
        let (left, right) = (set(&left), set(&right));
        check(&a.union(&b), &left.union(&right).copied().collect())?;
        check(&a.difference(&b), &left.difference(&right).copied().collect())?;
        prop_assert_eq!(a.contains(&b), left.is_superset(&right));
        prop_assert_eq!(a == b, left == right);
    }

    #[test]
    fn difference_undoes_union((left, right) in two()) {
        let (a, b) = (Ranges::new(left).unwrap(), Ranges::new(right).unwrap());
        let rest = a.difference(&b);
        prop_assert_eq!(rest.union(&b), a.union(&b));
        prop_assert_eq!(rest.union(&b).difference(&b), rest);
    }
}

#[test]
fn all_numbers_are_one_range() {
    let all = Ranges::new([(0, u64::MAX)]).unwrap();
    assert_eq!(Ranges::new([(0, 7), (8, u64::MAX)]).unwrap(), all);
    assert_eq!(all.count(), u64::MAX, "one less than there are, which is as near as a number can come");
    assert_eq!(all.numbers().take(2).collect::<Vec<_>>(), [0, 1], "numbers are counted as they are asked for");
    assert!(all.difference(&all).is_empty());
    let hole = Ranges::single(u64::MAX);
    assert_eq!(all.difference(&hole).iter().collect::<Vec<_>>(), [(0, u64::MAX - 1)]);
    assert_eq!(hole.union(&hole), hole);
    let start = Ranges::single(0);
    assert_eq!(all.difference(&start).iter().collect::<Vec<_>>(), [(1, u64::MAX)]);
}

#[test]
fn a_range_that_ends_before_it_starts_is_none() {
    assert_eq!(Ranges::new([(1, 2), (5, 4)]), Err(InvalidRange(5, 4)));
}

#[test]
fn ports_are_told_from_other_numbers() {
    let beyond = |pairs: &[(u64, u64)]| Ranges::new(pairs.iter().copied()).unwrap().beyond_ports();
    assert_eq!(beyond(&[(1, 65_535)]), None);
    assert_eq!(beyond(&[(0, 1)]), Some((0, 1)));
    assert_eq!(beyond(&[(1, 2), (65_535, 65_536)]), Some((65_535, 65_536)));
}
