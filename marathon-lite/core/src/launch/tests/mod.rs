//! Tests of the launch queue as a whole.

mod explaining;
mod matching;
mod placing;
mod properties;
mod task_info;
mod waiting;
pub(super) mod world;
