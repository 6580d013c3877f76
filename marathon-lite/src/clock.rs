//! What time it is.

use marathon_lite_core::app::Timestamp;
use proto_types::{
    Now,
    time::{Monotonic, Wall},
};
use std::{
    sync::OnceLock,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

/// Both clocks.
pub(crate) fn now() -> Now {
    static START: OnceLock<Instant> = OnceLock::new();
    let monotonic = Monotonic(START.get_or_init(Instant::now).elapsed());
    Now { monotonic, wall: Wall(timestamp().millis()) }
}

/// The wall clock, for what is told.
pub(crate) fn timestamp() -> Timestamp {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(wall.as_millis()).unwrap_or(u64::MAX))
}
