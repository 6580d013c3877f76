//! What a session is told once.

use proto_types::{ClusterId, FrameworkInfo, scheduling::Wants};
use std::time::Duration;

/// How many tasks a session keeps account of if nothing else is said. Each costs some 200 bytes.
pub const TASKS_MAX: usize = 1_000_000;

/// What a session is told once.
#[derive(Debug, Clone)]
pub struct Config {
    /// The framework; with its id if it was registered before.
    pub framework: FrameworkInfo,
    /// The cluster that the id is of.
    pub cluster: Option<ClusterId>,
    /// Which scheduler of the framework this is: a higher one takes over from a lower one. Kept for all reconnections.
    pub incarnation: u64,
    /// What it wants.
    pub wants: Wants,
    /// Addresses of masters, `host:port`. At least one.
    pub masters: Vec<String>,
    /// Makes request ids different from those of every other scheduler of the framework, ever.
    pub request_prefix: String,
    /// Whether the scheduler acknowledges updates itself.
    pub explicit_acknowledgements: bool,
    /// How many tasks are kept account of; launches beyond are refused here.
    pub tasks_max: usize,
    /// How long the first subscription may take; none: it is tried for ever.
    pub connect_timeout: Option<Duration>,
}
