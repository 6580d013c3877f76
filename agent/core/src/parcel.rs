//! How much goes into one message: what is sent together must stay below the size of a message.

use proto_types::{
    FrameworkId, TaskStatus,
    executing::TaskLaunch,
    weight::{BASE, BATCH_MAX, Weigh},
};

/// What a launch weighs, with the names of its user and sandbox.
#[must_use]
pub fn launch_weight(launch: &TaskLaunch) -> usize {
    4 * BASE + launch.task.weight()
}

/// What an update weighs.
#[must_use]
pub fn update_weight((_, status): &(FrameworkId, TaskStatus)) -> usize {
    BASE + status.weight()
}

/// Cuts what fits into one message off the front of a list; one thing at least, however much it weighs.
pub(crate) fn take<T>(things: &mut Vec<T>, weight: impl Fn(&T) -> usize) -> Vec<T> {
    if things.len() <= 1 {
        return std::mem::take(things);
    }
    let mut sum = 0;
    let fits = |thing: &T| {
        sum += weight(thing);
        sum <= BATCH_MAX
    };
    let count = things.iter().map(fits).take_while(|fits| *fits).count().max(1);
    let rest = things.split_off(count);
    std::mem::replace(things, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parcel_holds_what_fits_and_one_thing_at_least() {
        let mut things = vec![BATCH_MAX + 1, BATCH_MAX / 2, BATCH_MAX / 2, 1];
        let parcels: Vec<usize> =
            std::iter::from_fn(|| (!things.is_empty()).then(|| take(&mut things, |weight| *weight).len())).collect();
        assert_eq!(parcels, [1, 2, 1]);
        assert!(take(&mut things, |weight| *weight).is_empty());
    }
}
