//! Well-formed values of every type that crosses a wire.

mod conversations;
mod resources;
mod tasks;

pub(crate) use conversations::*;
pub(crate) use resources::*;
pub(crate) use tasks::*;

use proptest::{collection::btree_map, prelude::*};
use proto_types::{Labels, Role, ids::InvalidId, time::Wall};
use std::{str::FromStr, time::Duration};

/// Ids of any kind.
pub(crate) fn id<T: FromStr<Err = InvalidId> + std::fmt::Debug>() -> impl Strategy<Value = T> {
    "[a-zA-Z0-9_é-][a-zA-Z0-9._ -]{0,8}".prop_map(|text| text.parse().unwrap())
}

/// Roles other than `*`.
pub(crate) fn role() -> impl Strategy<Value = Role> {
    "[a-c]{1,2}(/[a-c]{1,2}){0,2}".prop_map(|text| Role::new(text).unwrap())
}

/// Durations that the wire can say.
pub(crate) fn duration() -> impl Strategy<Value = Duration> {
    prop_oneof![0..100_000_u64, Just(u64::MAX)].prop_map(Duration::from_millis)
}

/// Moments.
pub(crate) fn wall() -> impl Strategy<Value = Wall> {
    any::<u64>().prop_map(Wall)
}

/// Labels.
pub(crate) fn labels() -> impl Strategy<Value = Labels> {
    btree_map("[a-zA-Z./]{1,6}", ".{0,6}", 0..3)
}

/// Text that may be empty.
pub(crate) fn text() -> impl Strategy<Value = String> {
    "[ -~]{0,12}"
}

/// A word.
pub(crate) fn word() -> impl Strategy<Value = String> {
    "[a-zA-Z][a-zA-Z0-9.-]{0,8}"
}

/// Bytes.
pub(crate) fn data() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..20)
}
