//! What follows from the answers of health and readiness checks.
//!
//! Whoever asks for the core knows nothing of grace periods or counts: it asks and hands in what came of it. What that
//! means is a function of the check, of what was known before and of the time.

mod address;
mod judge;
mod probe;
mod readiness;

pub use address::{NoAddress, host_ports};
pub use judge::{Judged, Outcome, Subject, judge, judge_reported};
pub use probe::{Probe, ProbeResult, ProbeTarget, first_after, probe};
pub use readiness::{judge_readiness, readiness_probe, readiness_result};
