//! What an operator may set.

use std::time::Duration;

/// How often the shell must give [`crate::Input::Tick`]. Coarser, and pings, offers and deadlines are late by as much;
/// finer, and an idle master wakes for nothing.
pub const TICK: Duration = Duration::from_millis(250);

/// What an operator may set. The defaults are those of `DESIGN` section 12.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// How long an offer may be held.
    pub offer_timeout: Duration,
    /// Between pings of an agent.
    pub ping_interval: Duration,
    /// So many unanswered pings and an agent is unreachable.
    pub ping_misses: u32,
    /// How long agents have to come back after a failover of the master.
    pub reregistration_timeout: Duration,
    /// How long an agent may be unreachable. After that it is gone, with all that it holds: nobody waits for it for ever.
    pub gone_after: Duration,
    /// Between heartbeats of an event stream.
    pub heartbeat_interval: Duration,
    /// Tasks that are over and acknowledged, kept for people to see, for each framework.
    pub completed_tasks_max: usize,
    /// Removed frameworks kept for people to see.
    pub completed_frameworks_max: usize,
    /// Agents that are gone kept for people to see, and to tell frameworks of their tasks.
    pub gone_agents_max: usize,
    /// How long they are kept.
    pub gone_agents_age: Duration,
    /// Events kept for each scheduler, so that a broken stream can go on where it broke off.
    pub event_ring: usize,
    /// The version of Proffer, for people.
    pub version: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            offer_timeout: Duration::from_secs(30),
            ping_interval: Duration::from_secs(5),
            ping_misses: 6,
            reregistration_timeout: Duration::from_secs(600),
            gone_after: Duration::from_secs(14 * 24 * 3600),
            heartbeat_interval: Duration::from_secs(15),
            completed_tasks_max: 1000,
            completed_frameworks_max: 50,
            gone_agents_max: 102_400,
            gone_agents_age: Duration::from_secs(14 * 24 * 3600),
            event_ring: 1024,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}
